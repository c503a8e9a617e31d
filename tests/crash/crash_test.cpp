// kill -9 at every boundary between two writes, start again, compare with a history that was not disturbed.
// DUNLIN_CRASH_EVERY=n looks at every nth boundary only (default 17); 1 is the thorough run.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/store/embedded.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

namespace {

struct Outcome {
  bool killed = false;
  bool finished = false;
  std::string printed;
};

/// Runs the history in a process of its own, to be killed at boundary `crash_at` (0: never).
Outcome run_history(const std::string& url, int crash_at) {
  const std::string command =
      "DUNLIN_CRASH_URL='" + url + "' DUNLIN_CRASH_AT=" + std::to_string(crash_at) + " exec '" DUNLIN_CRASH_NIGHT "' 'the history' 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Outcome outcome;
  std::array<char, 4096> piece{};
  while (const size_t size = fread(piece.data(), 1, piece.size(), pipe)) outcome.printed.append(piece.data(), size);
  const int status = pclose(pipe);
  outcome.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  outcome.finished = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return outcome;
}

}  // namespace

TEST_CASE("killed at any boundary, the history comes to the same end", "[crash]") {
  if (find_server_binaries().empty()) {
    WARN("skipped: no PostgreSQL server is installed on this machine");
    return;
  }
  const auto calm = make_place("postgres");
  const Outcome undisturbed = run_history(calm->url(), 0);
  INFO(undisturbed.printed);
  REQUIRE(undisturbed.finished);
  REQUIRE(undisturbed.printed.find("letter") != std::string::npos);
  REQUIRE(undisturbed.printed.find("the judge: nothing found") != std::string::npos);

  const char* every = std::getenv("DUNLIN_CRASH_EVERY");
  const int stride = every == nullptr ? 17 : std::max(1, std::atoi(every));
  int crashes = 0;
  for (int boundary = 1;; boundary += stride) {
    const auto place = make_place("postgres");
    const Outcome broken = run_history(place->url(), boundary);
    if (broken.finished) break;  // it has fewer boundaries than this
    INFO("killed at boundary " << boundary << "\n" << broken.printed);
    REQUIRE(broken.killed);
    ++crashes;
    // And killed again while it recovers, then left alone.
    const Outcome again = run_history(place->url(), 1 + boundary % 23);
    const Outcome resumed = again.finished ? again : run_history(place->url(), 0);
    REQUIRE(resumed.finished);
    CHECK(resumed.printed == undisturbed.printed);
  }
  CHECK(crashes > 5);
}

}  // namespace dunlin::store::test

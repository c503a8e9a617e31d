// kill -9 at boundaries between two writes of a history full of requests: started again, it comes to the same end.
// DUNLIN_CRASH_EVERY=n looks at every nth boundary only (default 23); 1 is the thorough run.
#include <sys/wait.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "runtime/store/embedded.h"
#include "tests/store/office.h"

namespace dunlin::grants_test {

namespace {

struct Outcome {
  bool killed = false, finished = false;
  std::string printed;
};

Outcome run_history(const std::string& url, int crash_at) {
  const std::string command =
      "DUNLIN_CRASH_URL='" + url + "' DUNLIN_CRASH_AT=" + std::to_string(crash_at) + " exec '" DUNLIN_GRANTS_NIGHT "' 'the history' 2>&1";
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

/// What the database holds, without the count of assertions behind it: a history that was resumed makes fewer.
std::string contents_of(const std::string& printed) { return printed.substr(0, printed.rfind("\n--\n")); }

}  // namespace

TEST_CASE("killed at any boundary, what was asked for is answered once", "[grants][crash]") {
  if (store::find_server_binaries().empty()) {
    WARN("skipped: no PostgreSQL server is installed on this machine");
    return;
  }
  const auto calm = store::test::make_place("postgres");
  const Outcome undisturbed = run_history(calm->url(), 0);
  INFO(undisturbed.printed);
  REQUIRE(undisturbed.finished);
  for (const char* seen : {"granted", "placed", "approved", "declined", "lapsed", "ended"}) CHECK(undisturbed.printed.find(seen) != std::string::npos);
  const char* every = std::getenv("DUNLIN_CRASH_EVERY");
  const int stride = every == nullptr ? 23 : std::max(1, std::atoi(every));
  int crashes = 0;
  for (int boundary = 1;; boundary += stride) {
    const auto place = store::test::make_place("postgres");
    const Outcome broken = run_history(place->url(), boundary);
    if (broken.finished) break;  // it has fewer boundaries than this
    INFO("killed at boundary " << boundary << "\n" << broken.printed);
    REQUIRE(broken.killed);
    ++crashes;
    const Outcome resumed = run_history(place->url(), 0);
    INFO(resumed.printed);
    REQUIRE(resumed.finished);
    CHECK(contents_of(resumed.printed) == contents_of(undisturbed.printed));
  }
  CHECK(crashes > 5);
}

}  // namespace dunlin::grants_test

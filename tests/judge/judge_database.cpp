// The judge on a database, for harnesses in other languages: judge_database URL [GATEWAY_LOG].
// The log: JSON lines {"source", "external_id", "accepted", "task"?, "channel"?, "debtor"?, "date"?}; caps: lines {"cap": channel, "most", "days", "weeks"?}.
// Prints what does not hold; exit 1 if anything does not.
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/store/postgres_store.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"
#include "tests/judge/judge.h"

namespace dunlin::judge {
namespace {

int refuse(const std::string& message) {
  std::fprintf(stderr, "judge: %s\n", message.c_str());
  return 3;
}

void read_log(const char* path, Evidence& evidence) {
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    const auto said = nlohmann::json::parse(line);
    if (said.contains("cap")) {
      evidence.caps.push_back({said["cap"], said["most"], said["days"], said.value("weeks", false)});
      continue;
    }
    evidence.sent.push_back({.source = said["source"],
                             .external_id = said["external_id"],
                             .accepted = said["accepted"],
                             .task = said.value("task", ""),
                             .channel = said.value("channel", ""),
                             .debtor = said.value("debtor", ""),
                             .local_date = said.value("date", int64_t{0})});
  }
}

struct Stored {
  std::unique_ptr<server::Runner> runner;
  std::optional<replay::Version> version;
};

/// The instant of the last commit: what was due then has been done.
store::Result<Instant> last_commit(store::StepLog& log) {
  Instant last = 0;
  for (int32_t bucket = 0; bucket < engine::bucket_count; ++bucket) {
    auto read = log.step_batches(bucket, [&](const store::StepBatch& batch) -> store::Result<void> {
      last = std::max(last, batch.at);
      return {};
    });
    if (!read) return std::unexpected(read.error());
  }
  return last;
}

int run(const char* url, const char* log_path) {
  auto store = store::open_postgres({.url = url});
  if (!store) return refuse(store.error().message);
  const auto stdlib = server::find_stdlib("");
  if (!stdlib) return refuse(stdlib.error());
  std::map<int32_t, Stored> kept;
  const auto versions = [&](int32_t number) -> store::Result<const replay::Version*> {
    Stored& stored = kept[number];
    if (!stored.version) {
      auto runner = server::runner_of_version(**store, number, *stdlib, false);
      if (!runner) return std::unexpected(runner.error());
      stored.runner = std::move(*runner);
      stored.version.emplace(
          replay::Version{stored.runner->program(), stored.runner->machine.evaluator(true), *stored.runner->machine.calendar->view(), stored.runner->settings});
    }
    return &*stored.version;
  };
  Evidence evidence{.store = **store, .log = *store::step_log_of(**store), .versions = versions, .sent = {}, .caps = {}};
  auto active = server::active_version(**store);
  if (!active) return refuse(active.error().message);
  evidence.active = *active;
  auto last = last_commit(evidence.log);
  if (!last) return refuse(last.error().message);
  evidence.now = *last;
  if (log_path != nullptr) read_log(log_path, evidence);
  auto findings = judge(evidence);
  if (!findings) return refuse(findings.error().message);
  std::printf("%s", text_of(*findings).c_str());
  return findings->empty() ? 0 : 1;
}

}  // namespace
}  // namespace dunlin::judge

int main(int count, char** words) {
  if (count < 2 || count > 3) {
    std::fprintf(stderr, "judge_database URL [GATEWAY_LOG]\n");
    return 2;
  }
  return dunlin::judge::run(words[1], count == 3 ? words[2] : nullptr);
}

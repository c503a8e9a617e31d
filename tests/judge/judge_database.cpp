// The judge on a database, for harnesses in other languages: judge_database URL [GATEWAY_LOG].
// The log, JSON lines: what was sent {"source", "external_id", "accepted", "task"?, "entity"?, "key"?}, contacts {"queue", "at" (microseconds), "debtor",
// "account", "zone", "outcome"?}, and limits as plain figures {"limit" (channel), "most", "period": day | week | month | days | hours, "length"?, "key": debtor
// | account | person}. Prints what does not hold; exit 1 if anything does not.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "runtime/store/postgres_store.h"
#include "runtime/store/service.h"
#include "server/plan/proposal.h"
#include "server/stdlib_folder.h"
#include "tests/judge/judge.h"

namespace dunlin::judge {
namespace {

int refuse(const std::string& message) {
  std::fprintf(stderr, "judge: %s\n", message.c_str());
  return 3;
}

limits_test::Line line_of(const nlohmann::json& said) {
  using Line = limits_test::Line;
  static const std::map<std::string, Line::Period> periods = {
      {"day", Line::Period::day}, {"week", Line::Period::week}, {"month", Line::Period::month}, {"days", Line::Period::days}, {"hours", Line::Period::hours}};
  static const std::map<std::string, Line::Key> keys = {{"debtor", Line::Key::debtor}, {"account", Line::Key::account}, {"person", Line::Key::person}};
  Line line{.channel = said["limit"], .most = said["most"], .period = periods.at(said["period"]), .key = keys.at(said["key"])};
  line.length = said.value("length", int64_t{0});
  line.text = said.dump();
  return line;
}

void read_log(const char* path, Evidence& evidence) {
  std::ifstream file(path);
  for (std::string text; std::getline(file, text);) {
    const auto said = nlohmann::json::parse(text);
    if (said.contains("limit")) {
      evidence.limits.lines.push_back(line_of(said));
    } else if (said.contains("queue")) {
      limits_test::Contact contact{.at = said["at"], .debtor = said["debtor"], .account = said["account"], .person = said["debtor"], .queue = said["queue"]};
      contact.outcome = said.value("outcome", "");
      contact.ours = true;
      evidence.zones.emplace(contact.debtor, said["zone"]);
      evidence.contacts.push_back(std::move(contact));
    } else {
      const int64_t about = said.contains("key") ? engine::stable_id(said["entity"].get<std::string>(), said["key"].get<std::string>()) : 0;
      evidence.sent.push_back(
          {.source = said["source"], .external_id = said["external_id"], .accepted = said["accepted"], .task = said.value("task", ""), .about = about});
    }
  }
  std::ranges::sort(evidence.contacts, {}, &limits_test::Contact::at);
}

/// What the chain of the audit says of itself; empty: it is whole.
std::string trouble_of_audit(const char* url) {
  auto service = store::Service::open({.url = url}, 1, 60'000);
  if (!service) return service.error().message;
  auto rows = (*service)->ask(store::Ask::audit_verify, {std::nullopt, std::nullopt});
  if (!rows) return rows.error().message;
  const auto said = nlohmann::json::parse(*rows)[0];
  return said["good"].get<bool>() ? "" : said["what"].get<std::string>() + ", entry " + said["at_entry"].dump();
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
  auto given = (*store)->experiment_orders();
  if (!given) return refuse(given.error().message);
  const std::vector<engine::ExperimentOrder> orders = std::move(*given);
  std::map<int32_t, Stored> kept;
  const auto versions = [&](int32_t number) -> store::Result<const replay::Version*> {
    Stored& stored = kept[number];
    if (!stored.version) {
      auto runner = server::runner_of_version(**store, number, *stdlib, false);
      if (!runner) return std::unexpected(runner.error());
      stored.runner = std::move(*runner);
      stored.version.emplace(replay::Version{stored.runner->program(), stored.runner->machine.evaluator(true), *stored.runner->machine.calendar->view(),
                                             stored.runner->settings, orders});
    }
    return &*stored.version;
  };
  Evidence evidence{.store = **store, .log = *store::step_log_of(**store), .versions = versions, .sent = {}};
  auto active = server::active_version(**store);
  if (!active) return refuse(active.error().message);
  evidence.active = *active;
  auto last = last_commit(evidence.log);
  if (!last) return refuse(last.error().message);
  evidence.now = *last;
  if (log_path != nullptr) read_log(log_path, evidence);
  evidence.audit_trouble = trouble_of_audit(url);
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

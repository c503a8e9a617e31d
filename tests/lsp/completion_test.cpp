// Completion knows where it is asked: types, values, members, queues, stages, and what a value that may be missing needs.
#include <catch2/catch.hpp>

#include "tests/lsp/client.h"

using namespace dunlin;
using test::Client;
using test::has;

namespace {

/// Puts `line_with_at` in place of `old` and asks at the `@`.
std::vector<std::string> asked(const std::string& old, const std::string& line_with_at) {
  Client client(test::small_bundle());
  std::string text = client.text("strategy.dun");
  std::string file = "strategy.dun";
  if (text.find(old) == std::string::npos) {
    file = "data.dun";
    text = client.text(file);
  }
  const size_t found = text.find(old);
  REQUIRE(found != std::string::npos);
  std::string line = line_with_at;
  line.erase(line.find('@'), 1);
  text.replace(found, old.size(), line);
  client.change(file, text);
  return test::labels(client.at("textDocument/completion", file, line_with_at));
}

}  // namespace

TEST_CASE("after a comparison with an enumeration its values come") {
  const auto list = asked("when risk = high and dpd > 90 : go hard", "when risk = @");
  CHECK(has(list, "high"));
  CHECK(has(list, "low"));
}

TEST_CASE("in an expression: fields, derived fields, variables, functions, in any script") {
  const auto list = asked("enrol when dpd > 0 and баланс > smallest", "enrol when dpd > 0 and @");
  for (const char* name : {"dpd", "баланс", "begun", "debtor", "smallest", "risk", "доля", "days", "exists"}) {
    INFO(name);
    CHECK(has(list, name));
  }
  CHECK(has(asked("after 30 days when letters > 2 : go reminder", "after 30 days when le@"), "letters"));
}

TEST_CASE("after a dot: members of what stands before it") {
  const auto of_account = asked("sum(a.баланс for a in debtor.accounts where a.dpd > 0)", "sum(a.баланс for a in debtor.accounts where a.@ > 0)");
  CHECK(has(of_account, "dpd"));
  CHECK(has(of_account, "product"));
  CHECK(has(of_account, "debtor"));
  CHECK_FALSE(has(of_account, "bankrupt"));
  const auto of_debtor = asked("enrol when dpd > 0 and баланс > smallest", "enrol when debtor.@");
  CHECK(has(of_debtor, "bankrupt"));
  CHECK(has(of_debtor, "accounts"));
  CHECK(has(asked("on promise : go promised", "on call.@ : go promised"), "reached"));
  CHECK(has(asked("on promise : go promised", "on call.reached.@"), "promises"));
}

TEST_CASE("behind a value that may be missing: what makes it known") {
  const auto list = asked("dpd = days(begun, today) default 0", "dpd = days(begun @, today) default 0");
  CHECK(has(list, "default"));
  CHECK(has(list, "known"));
}

TEST_CASE("queues, stages, events, entities, types, modules, words where they are wanted") {
  CHECK(has(asked("keep call \"script\" while dpd > 0", "keep @"), "call"));
  const auto targets = asked("on promise : go promised", "on promise : go @");
  CHECK(has(targets, "cured"));
  CHECK(has(targets, "hard.triage"));
  CHECK(has(targets, "back"));
  const auto actions = asked("on entry : mail \"reminder\"", "on entry : @");
  CHECK(has(actions, "mail"));
  CHECK(has(actions, "go"));
  const auto events = asked("on promise : go promised", "on @ : go promised");
  CHECK(has(events, "payment"));
  CHECK(has(events, "promise"));
  CHECK(has(events, "entry"));
  CHECK(has(asked("event payment of account { amount : money }", "event payment of @ { amount : money }"), "account"));
  const auto types = asked("  begun   : date?", "  begun   : @");
  CHECK(has(types, "datetime"));
  CHECK(has(types, "risk"));
  CHECK(has(asked("stage reminder {\n    on entry : mail \"reminder\"", "stage reminder {\n    @"), "after"));
  CHECK(has(asked("strategy hard \"Hard\" for account {", "use std.@\nstrategy hard \"Hard\" for account {"), "std.calendar"));
}

TEST_CASE("asking at every place of a file answers, whatever is broken there") {
  Client client(test::small_bundle());
  for (const char* file : {"data.dun", "strategy.dun"}) {
    const std::string text = client.text(file);
    const service::LineMap lines(text);
    for (uint32_t offset = 0; offset < text.size(); offset += 37) {
      const auto position = lines.position(offset);
      const auto answer = client.request("textDocument/completion", {{"textDocument", {{"uri", client.uri(file)}}},
                                                                     {"position", {{"line", position.line}, {"character", position.character}}}});
      CHECK(answer.contains("items"));
    }
  }
}

TEST_CASE("in a test: what a property is about") {
  const auto after = [&](const std::string& written) {
    Client client(test::small_bundle());
    client.change("strategy.dun", client.text("strategy.dun") + "\ntest \"x\" {\n  " + written + "\n}\n");
    return test::labels(client.at("textDocument/completion", "strategy.dun", "  " + written + "@\n}\n"));
  };
  CHECK(has(after("for any "), "account"));
  CHECK(has(after("for any account where d"), "dpd"));
}

// Beside each task stands what limits it, as briefly as may be.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "tests/lsp/client.h"

namespace dunlin {

namespace {

using test::Client;
using Json = nlohmann::json;

std::map<std::string, std::string> under(const std::string& limits) {
  return {{"bundle.dun",
           "bundle limited \"Limited\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n"
           "entity debtor { key id : text, bankrupt : bool }\n"
           "entity account of debtor { key id : text, overdue : money }\n"
           "outcomes call of account { reached, busy }\n"
           "outcomes mail of account { sent }\n"
           "queue call { outcomes call }\n"
           "queue robot { outcomes call, counts as call }\n"
           "queue mail { outcomes mail }\n"
           "queue file { counts as nothing }\n" +
               limits},
          {"strategy.dun",
           "strategy soft \"Soft\" for account {\n"
           "  enrol when overdue > 0\n"
           "  when overdue <= 0 : go cured\n"
           "  stage calling {\n"
           "    keep call \"script\" while overdue > 10 {   // every day\n"
           "      again 1 day\n"
           "    }\n"
           "    every 7 days : mail \"demand\", file \"copy\"\n"
           "    after 3 days : robot \"say {id}\"\n"
           "    every 1 month : mail \"statutory\"\n"
           "  }\n"
           "  final stage cured\n"
           "}\n"}};
}

/// What stands where, as "line:character label".
std::vector<std::string> hints(Client& client) {
  std::vector<std::string> said;
  for (const Json& hint : client.request("textDocument/inlayHint", {{"textDocument", {{"uri", client.uri("strategy.dun")}}}})) {
    CHECK_FALSE(hint.contains("kind"));
    const Json& at = hint.at("position");
    said.push_back(std::to_string(at.at("line").get<int>()) + ":" + std::to_string(at.at("character").get<int>()) + hint.at("label").get<std::string>());
  }
  return said;
}

using Said = std::vector<std::string>;

}  // namespace

TEST_CASE("the limits of a queue stand beside its tasks") {
  Client client(under(
      "limits \"Law\" {\n  call at most 1 per day, 2 per calendar week\n  call between 08:00 and 20:00\n  mail at most 4 in any 30 days per account\n}\n"));
  CHECK(hints(client) == Said{"4:43 ⊲ at most 1 per day, 2 per week, 08:00–20:00",  // before the comment
                              "7:32 ⊲ at most 4 in any 30 days per account",        // a queue that is no contact has none
                              "8:35 ⊲ at most 1 per day, 2 per week, 08:00–20:00",  // what counts as a call is under the limits of calls
                              "9:36 ⊲ at most 4 in any 30 days per account"});
  const Json first = client.request("textDocument/inlayHint", {{"textDocument", {{"uri", client.uri("strategy.dun")}}}})[0];
  CHECK(first.at("tooltip").at("value") ==
        "- call at most 1 per day *(Law)*\n- call at most 2 per calendar week *(Law)*\n- call between 08:00 and 20:00 *(Law)*\n");
}

TEST_CASE("without limits nothing stands beside a task, and lines asked for are all that is told") {
  Client free(under(""));
  CHECK(hints(free).empty());
  Client client(under("limits \"Law\" { any contact between 08:00 and 20:00 on working days, 10:00 and 14:00 on others }\n"));
  const Json some =
      client.request("textDocument/inlayHint", {{"textDocument", {{"uri", client.uri("strategy.dun")}}},
                                                {"range", {{"start", {{"line", 7}, {"character", 0}}}, {"end", {{"line", 8}, {"character", 0}}}}}});
  REQUIRE(some.size() == 1);
  CHECK(some[0].at("label") == " ⊲ 08:00–20:00 on working days, 10:00–14:00 on others");
}

TEST_CASE("pauses, bans and exceptions are told, a single letter by its name") {
  Client client(
      under("limits \"Law\" {\n"
            "  call none for 7 days after call.reached\n"
            "  never any contact except mail \"statutory\" when debtor.bankrupt\n"
            "}\n"));
  CHECK(hints(client) == Said{"4:43 ⊲ none for 7 days after call.reached, never when debtor.bankrupt", "7:32 ⊲ never when debtor.bankrupt",
                              "8:35 ⊲ none for 7 days after call.reached, never when debtor.bankrupt"});
}

TEST_CASE("versions of a block say when they are in force") {
  Client client(
      under("limits \"Law\" in force from 2025-01-01 to 2025-12-31 { mail at most 2 per day }\n"
            "limits \"Law\" in force from 2026-01-01 { mail at most 1 per day }\n"));
  CHECK(hints(client) == Said{"7:32 ⊲ at most 2 per day from 2025-01-01 to 2025-12-31, 1 per day from 2026-01-01",
                              "9:36 ⊲ at most 2 per day from 2025-01-01 to 2025-12-31, 1 per day from 2026-01-01"});
}

TEST_CASE("many limits are counted, not listed") {
  Client client(
      under("limits \"Law\" {\n"
            "  mail at most 1 per day, 2 per calendar week, 4 per calendar month, 8 per calendar quarter, 9 per calendar year\n"
            "  never mail when debtor.bankrupt\n"
            "}\n"));
  CHECK(hints(client) ==
        Said{"7:32 ⊲ at most 1 per day, 2 per week, 4 per month, 8 per quarter, +2", "9:36 ⊲ at most 1 per day, 2 per week, 4 per month, 8 per quarter, +2"});
}

TEST_CASE("a limit on contact with others than the task goes to does not stand beside it") {
  auto files = under("limits \"Law\" {\n  never call to party when debtor.bankrupt\n  never mail to debtor when debtor.bankrupt\n  never robot to party\n}\n");
  files["bundle.dun"] += "entity party of debtor { key id : text, name : text personal }\n";
  files["strategy.dun"] =
      "strategy soft \"Soft\" for account {\n"
      "  enrol when overdue > 0\n"
      "  stage calling {\n"
      "    keep call \"script\" while overdue > 10\n"
      "    keep call \"guardian\" to first(p in debtor.parties)\n"
      "    keep call \"each\" for p in debtor.parties\n"
      "    every 7 days : mail \"demand\"\n"
      "    every 8 days : mail \"copy\" to first(p in debtor.parties)\n"
      "    every 9 days : robot \"say {id}\"\n"
      "  }\n"
      "}\n";
  Client client(files);
  CHECK(hints(client) == Said{"4:54 ⊲ never when debtor.bankrupt", "5:44 ⊲ never when debtor.bankrupt", "6:32 ⊲ never when debtor.bankrupt"});
}

TEST_CASE("a bundle with mistakes is told of as far as it goes") {
  Client client(under("limits \"Law\" { call at most nothing per day\n mail at most 1 per day }\n"));
  CHECK(hints(client) == Said{"4:43 ⊲ at most nothing per day", "7:32 ⊲ at most 1 per day", "8:35 ⊲ at most nothing per day", "9:36 ⊲ at most 1 per day"});
}

}  // namespace dunlin

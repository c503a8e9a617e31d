// Approvals, quotas, allocations: their events, whom they are for, and what is wrong with them.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
using checked::Request;

namespace {

Checked rule(const std::string& declared, const std::string& written) {
  return check(entities + declared + "\nstrategy soft \"Soft\" for account {\n enrol when true\n stage a { " + written +
               " }\n stage b { after 1 day : go a }\n}\n");
}
const std::string settlement = "approval settlement(discount : decimal, months : int) { by boss, never requester, due 1 day, lapses after 3 days }";
const std::string rounds = "allocation round { shares { north 60%, south 40% }, cap 100 per agency, never same agency twice per debtor, split by debtor }";

}  // namespace

TEST_CASE("an approval has events with what is asked for in them, and is for whoever asks") {
  const Checked made =
      rule(settlement, "on entry : ask settlement { discount: 10%, months: 6 }, on settlement.approved, settlement.declined, settlement.lapsed : go b");
  INFO(made.text());
  REQUIRE(made.program);
  REQUIRE(made.program->requests.size() == 1);
  const Request& request = made.program->requests[0];
  CHECK(request.kind == Request::Kind::approval);
  CHECK(made.program->entities[request.entity].name == "account");
  CHECK(request.role == "boss");
  CHECK(request.never_requester);
  REQUIRE(request.columns.size() == 2);
  for (const auto& [event, name] : {std::pair{request.asked, "asked"},
                                    {request.granted, "approved"},
                                    {request.declined, "declined"},
                                    {request.lapsed, "lapsed"},
                                    {request.overdue, "overdue"},
                                    {request.withdrawn, "withdrawn"}}) {
    REQUIRE(event != checked::none);
    CHECK(made.program->events[event].name == std::string("settlement.") + name);
    CHECK(made.program->events[event].fields[0].name == "request");
    CHECK(made.program->events[event].fields[0].slot == 0);
  }
  const auto& asked = made.program->events[request.asked].fields;
  CHECK_FALSE(asked[checked::find_field(asked, "months")].type.optional);
  const auto& answered = made.program->events[request.granted].fields;
  CHECK(answered[checked::find_field(answered, "months")].type.optional);
}

TEST_CASE("a quota and an allocation") {
  const Checked made = rule("quota filings 5 per calendar quarter by balance desc, id\n" + rounds,
                            "on entry : request filings, place with round for 9 days, on filings.granted : go b, on round.placed, round.declined : go b\n"
                            "on round.ended : extend placement 3 days, recall reason \"x\"");
  INFO(made.text());
  // `id` is a text: an order needs values that can be compared.
  CHECK(made.codes() == "E0301");
  const Checked good = rule("quota filings 5 per calendar quarter by balance desc\n" + rounds,
                            "on entry : request filings, place with round for 9 days, on filings.granted : go b, on round.placed, round.declined : go b");
  INFO(good.text());
  REQUIRE(good.program);
  REQUIRE(good.program->requests.size() == 2);
  CHECK(good.program->requests[0].period == Request::Period::quarter);
  CHECK(good.program->requests[0].order.size() == 1);
  const Request& allocation = good.program->requests[1];
  CHECK(allocation.shares.size() == 2);
  CHECK(allocation.shares[1].share == 400'000);
  CHECK(allocation.together);
  CHECK(allocation.never_twice);
  CHECK(allocation.never_twice_per == 0);
}

TEST_CASE("what is wrong with requests") {
  const std::string ask = "on entry : ask settlement { discount: 10%, months: 6 }";
  CHECK(rule(settlement, "on entry : ask settlment { discount: 10%, months: 6 }").codes() == "E0750");
  CHECK(rule(settlement, "on entry : request settlement").codes() == "E0750");
  CHECK(rule(settlement, "on entry : recall").codes() == "E0750");
  CHECK(rule(settlement, "on entry : ask settlement { discount: 10%, months: 6 }, raise settlement.approved").codes() == "E0716");
  CHECK(rule(settlement, "on entry : ask settlement { discount: 10% }").codes() == "E0314");
  CHECK(rule(settlement, "on entry : ask settlement { discount: 10%, months: 6, colour: 1 }").codes() == "E0208");
  CHECK(rule("approval settlement(x : int) for account { by boss }", "after 1 day : go b").codes() != "");
  CHECK(rule("approval settlement(x : int) { due 1 day }", "on entry : ask settlement { x: 1 }").codes() == "E0753");
  CHECK(rule("approval settlement(x : int) { by boss, never again }", "on entry : ask settlement { x: 1 }").codes() == "E0219");
  CHECK(rule("approval settlement(x : int) { by boss, due 0 days }", "on entry : ask settlement { x: 1 }").codes() == "E0315");
  CHECK(rule("approval settlement(request : int) { by boss }", "on entry : ask settlement { request: 1 }").codes().find("E0202") == 0);
  CHECK(rule("approval settlement for debtor (x : int) { by boss }", "on entry : ask settlement { x: 1 }").codes() == "E0751");
  const std::string bounded = "approval settlement(discount : decimal in 0..40%, months : int in 1..12) { by boss }";
  CHECK(rule(bounded, "on entry : ask settlement { discount: 40%, months: 12 }").codes().empty());
  CHECK(rule(bounded, "on entry : ask settlement { discount: 41%, months: 6 }").codes() == "E0315");
  CHECK(rule(bounded, "on entry : ask settlement { discount: 10%, months: 6 + 7 }").codes() == "E0315");
  CHECK(rule(bounded, "on entry : ask settlement { discount: rate, months: 6 }").codes().empty());  // judged when it is asked
  CHECK(rule("approval settlement(months : int in 1..age) { by boss }", "on entry : ask settlement { months: 6 }").codes() != "");
  CHECK(rule("approval settlement(who : text in 1..2) { by boss }", "on entry : ask settlement { who: \"x\" }").codes() == "E0302");
  CHECK(rule("quota filings 0 per day", "on entry : request filings").codes() == "E0755");
  CHECK(rule("allocation r { shares { a 60%, b 30% } }", "on entry : place with r").codes() == "E0752");
  CHECK(rule("allocation r { shares { a 60%, a 40% } }", "on entry : place with r").codes() == "E0752");
  CHECK(rule("allocation r { split by debtor }", "on entry : place with r").codes() == "E0752");
  CHECK(rule("allocation r { shares \"none.csv\" }", "on entry : place with r").codes() == "E0810");
  const auto shares = [](const std::string& rows) {
    return check_files({{"bundle.dun", head + entities + "strategy soft \"Soft\" for account { enrol when true stage a { on entry : place with r } }"},
                        {"agencies/r.dun", "allocation r { shares \"shares.csv\" }"},
                        {"agencies/shares.csv", "agency,share\n" + rows},
                        {"shares.csv", "nothing"}});
  };
  CHECK(shares("north,60%\nsouth,40%\n").codes().empty());
  CHECK(shares("north,60%\nsouth,30%\n").codes() == "E0752");
  const Checked without_sign = shares("north,60\nsouth,40%\n");
  CHECK(without_sign.codes() == "E0752");
  CHECK(without_sign.text().find("write the sign behind it: `60%`") != std::string::npos);
  CHECK(rule("allocation r { shares { a 100% }, split by colour }", "on entry : place with r").codes() == "E0219");
  CHECK(rule("allocation r { shares { a 100% }, cap 0 per agency }", "on entry : place with r").codes() == "E0755");
  CHECK(rule(settlement, ask + ", when asked(settlement) and requested(settlement) : go b").codes() == "E0750");
  CHECK(rule("event settlement of account { }\n" + settlement, ask).codes().find("E0743") == 0);
}

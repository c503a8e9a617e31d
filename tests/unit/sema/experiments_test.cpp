// Experiments: populations that cannot meet, and values of arms that nobody reads.
#include <catch2/catch.hpp>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;

namespace {

const std::string base = "queue call { cost 1 }\nparameter tone : text = \"plain\"\n";
std::string strategy(const std::string& name, const std::string& enrol) {
  return "strategy " + name + " \"" + name + "\" for account { " + (enrol.empty() ? "" : "enrol when " + enrol + " ") + "stage s_" + name +
         " { on entry : call by tone, on payment : go e_" + name + ", after 5 days : go e_" + name + " } final stage e_" + name + " }\n";
}
const std::string run = "run 2026-12-01 to 2027-02-28\n";

bool says(const Checked& made, const std::string& code) { return made.codes().find(code) != std::string::npos; }

}  // namespace

TEST_CASE("champions that never enrol the same account have no account in common") {
  const auto two = [](const std::string& first, const std::string& second, const std::string& more = "") {
    return check_files({{"bundle.dun", head + entities + base + strategy("low", first) + strategy("high", second) + strategy("sms", "") + strategy("mail", "") +
                                           "experiment one { champion low 90% challenger sms 10% " + run + more + "}\n" +
                                           "experiment two { champion high 90% challenger mail 10% " + run + "}\n"}},
                       true);
  };
  const Checked apart = two("balance > 0 and balance < 100", "balance >= 100");
  INFO(apart.text());
  CHECK_FALSE(says(apart, "E0765"));
  const Checked met = two("balance > 0 and balance < 100", "balance >= 90 and balance < 200");
  INFO(met.text());
  CHECK(says(met, "E0765"));
  CHECK(says(two("balance > 0", "balance > 0 and balance < 50"), "E0765"));
  CHECK_FALSE(says(two("balance > 0", "balance > 0 and balance < 50", "among account where balance > 60 "), "E0765"));
}

TEST_CASE("arms that no rule asks for try nothing") {
  const auto trial = [](const std::string& rule) {
    return check_files(
        {{"bundle.dun", head + entities + "queue call { cost 1 }\nstrategy soft \"Soft\" for account {\n  enrol when balance > 0\n  stage one {\n    " + rule +
                            "\n    after 3 days : go two\n  }\n  final stage two\n}\nexperiment tone { arms of words { kind 50%, firm 50% } among account " +
                            run + "}\n"}},
        true);
  };
  const Checked unasked = trial("on entry : call \"kind\"");
  INFO(unasked.text());
  CHECK(unasked.program != nullptr);
  CHECK(says(unasked, "E0613"));
  CHECK(unasked.text().find("no rule asks for the arms of `tone`") != std::string::npos);
  const Checked asked = trial("when arm(words) = firm and balance > 5 : go two\n    after 1 day : call \"kind\"");
  INFO(asked.text());
  CHECK(asked.program != nullptr);
  CHECK_FALSE(says(asked, "E0613"));
}

TEST_CASE("values of arms have the type of the parameter, read or not") {
  const auto with = [](const std::string& declared, const std::string& value) {
    return check_files({{"bundle.dun", head + entities + base + declared + strategy("soft", "balance > 0") + "experiment letters { arms of " +
                                           (declared.empty() ? "tone" : "unread") + " { a 50%, b 50% = " + value + " } among account " + run + "}\n"}},
                       true);
  };
  const Checked good = with("", "\"firm\"");
  INFO(good.text());
  CHECK(good.program != nullptr);
  CHECK_FALSE(says(good, "E0613"));
  CHECK(with("", "7").codes() == "E0301");
  const Checked unread = with("parameter unread : int = 1\n", "\"seven\"");
  INFO(unread.text());
  CHECK(says(unread, "E0301"));
  // Arms give it values, and still nobody reads it.
  const Checked unused = with("parameter unread : int = 1\n", "7");
  INFO(unused.text());
  CHECK(unused.program != nullptr);
  CHECK(says(unused, "E0613"));
}

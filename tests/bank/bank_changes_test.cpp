// A change column: only rows that have changed are read, nothing that changed is missed, and what is pulled is what a whole reading would have pulled.
#include <nlohmann/json.hpp>
#include <random>

#include "tests/bank/bank.h"

using namespace bank;
using nlohmann::json;

namespace {

constexpr const char* accounts = "crm.accounts\"";

/// The rules with a column by which the changes of accounts are known.
std::string by(const std::string& column) {
  std::string text = rules;
  return text.replace(text.find(accounts), std::string(accounts).size(), std::string(accounts) + " change by " + column);
}

/// What one pull said of the accounts.
struct Pulled {
  int exit = -1;
  json all, account;
  int64_t rows() const { return account.at("rows_read").get<int64_t>(); }
  bool whole() const { return account.at("since").is_null(); }
};

Pulled pull(const Bank& bank, const std::string& words = "") {
  const Said said = bank.dunlin("import --mapped --json " + words, "--as-of 2026-01-04");
  INFO(said.text);
  Pulled pulled{.exit = said.exit, .all = json::parse(said.text, nullptr, false), .account = {}};
  REQUIRE(!pulled.all.is_discarded());
  for (const auto& table : pulled.all.at("pulled")) {
    if (table.at("entity") == "account") pulled.account = table;
  }
  return pulled;
}

/// How many rows the engine has otherwise than the bank, or not at all.
std::string differences(Bank& bank) {
  return bank.value(
      "select count(*) from crm.accounts a full join portfolio.account p on p.dunlin_key = a.id "
      "where (a.id, a.balance, a.stage::int8, a.insured) is distinct from (p.dunlin_key, p.balance, p.stage::int8, p.insured)");
}

}  // namespace

TEST_CASE("of a table with a change column only the rows that have changed are read") {
  Bank bank;
  if (!bank.there()) return;
  bank.run(
      "update crm.accounts set changed_at = now() - interval '3 hours'; insert into crm.accounts select 'B' || n, 'D2', 10, null, null, null, now() - interval "
      "'2 hours', false from generate_series(1, 50) n");
  bank.write(by("changed_at"));
  Pulled first = pull(bank);
  CHECK(first.exit == 0);
  CHECK(first.whole());
  CHECK(first.rows() == 52);

  // The mark is two hours old, and whoever committed late before it comes again.
  Pulled quiet = pull(bank);
  CHECK_FALSE(quiet.whole());
  CHECK(quiet.rows() == 50);
  bank.run("update crm.accounts set balance = 90, changed_at = now() - interval '1 minute' where id = 'A1'");
  CHECK(pull(bank).account.at("changed") == 1);
  CHECK(pull(bank).rows() == 1);

  // Stamped before the mark and committed after it: found within ten minutes, and beyond them by a whole reading only.
  bank.run("update crm.accounts set balance = 91, changed_at = now() - interval '9 minutes' where id = 'A2'");
  Pulled late = pull(bank);
  CHECK(late.rows() == 2);
  CHECK(late.account.at("changed") == 1);
  bank.run("update crm.accounts set balance = 92, changed_at = now() - interval '1 hour' where id = 'B7'");
  CHECK(pull(bank).account.at("changed") == 0);
  CHECK(differences(bank) == "1");
  Pulled all = pull(bank, "--whole");
  CHECK(all.whole());
  CHECK(all.rows() == 52);
  CHECK(all.account.at("changed") == 1);
  CHECK(differences(bank) == "0");
  CHECK_FALSE(pull(bank).whole());

  const Said said = bank.dunlin("run", "--clock '2026-01-05 07:00'");
  INFO(said.text);
  CHECK(said.has("pulled from crm.accounts: 2 rows, 0 new, 0 changed, 0 rejected; only those since 20"));
}

TEST_CASE("a row that does not say when it changed is read each time; one that changes tomorrow moves no mark") {
  Bank bank;
  if (!bank.there()) return;
  bank.run("update crm.accounts set changed_at = now() - interval '1 hour' where id = 'A1'");
  bank.run("insert into crm.accounts select 'B' || n, 'D2', 10, null, null, null, now() - interval '2 hours', false from generate_series(1, 5) n");
  bank.write(by("changed_at"));
  CHECK(pull(bank).account.at("without_change") == 1);
  bank.run("update crm.accounts set balance = 77 where id = 'A2'");
  Pulled again = pull(bank);
  CHECK(again.rows() == 2);
  CHECK(again.account.at("changed") == 1);
  CHECK(again.account.at("without_change") == 1);

  bank.run("update crm.accounts set balance = balance + 1, changed_at = now() + interval '1 day' where id = 'B1'");
  CHECK(pull(bank).account.at("changed") == 1);
  bank.run("update crm.accounts set balance = balance + 1, changed_at = now() where id = 'B2'");
  CHECK(pull(bank).account.at("changed") == 1);
  CHECK(differences(bank) == "0");
  // As a field of the entity it does not fit; as a mark it would have been the last.
  bank.run("update crm.accounts set changed_at = 'infinity' where id = 'B1'");
  CHECK(pull(bank).account.at("rows_rejected") == 1);
  bank.run("update crm.accounts set balance = balance + 1, changed_at = now() where id = 'B2'");
  CHECK(pull(bank).account.at("changed") == 1);
  CHECK(differences(bank) == "0");
}

TEST_CASE("another declaration, another table or a row whose owner comes later: nothing is left out") {
  Bank bank;
  if (!bank.there()) return;
  bank.run("update crm.accounts set changed_at = now() - interval '1 day'; insert into crm.accounts values ('B1', 'D1', 5, null, null, null, now(), true)");
  std::string without_score = by("changed_at");
  without_score.erase(without_score.find("  score "), without_score.find('\n', without_score.find("  score ")) - without_score.find("  score ") + 1);
  bank.write(without_score);
  CHECK(pull(bank).rows() == 3);
  CHECK(pull(bank).rows() == 1);
  bank.write(by("changed_at"));
  CHECK(pull(bank).whole());
  CHECK(bank.value("select score from portfolio.account where dunlin_key = 'A1'") == "610");
  bank.run(
      "create table crm.other (like crm.accounts); insert into crm.other select * from crm.accounts; update crm.other set balance = 1; drop table "
      "crm.accounts; alter "
      "table crm.other rename to accounts");
  CHECK(pull(bank).account.at("changed") == 3);
  CHECK(differences(bank) == "0");

  // An account before its debtor, and one that is out of range: kept once, read again each time, taken when they fit.
  bank.run(
      "insert into crm.accounts values ('C1', 'D9', 5, null, null, null, now() - interval '20 minutes', true), ('C2', 'D1', 5, null, 900, null, now() - "
      "interval '20 "
      "minutes', true)");
  bank.run("update crm.accounts set changed_at = changed_at - interval '1 hour' where id = 'B1'");
  Pulled before = pull(bank, "--whole --allow-rejected");
  CHECK(before.account.at("set_aside") == 1);
  CHECK(before.account.at("rows_rejected") == 1);
  bank.run("insert into crm.accounts values ('B2', 'D1', 5, null, null, null, now(), true)");
  for (int i = 0; i < 3; ++i) {
    Pulled waits = pull(bank, "--allow-rejected");
    CHECK(waits.rows() == 3);
    CHECK(waits.account.at("set_aside") == 1);
  }
  CHECK(bank.value("select count(*) from dunlin.quarantine where location in ('account C1', 'account C2')") == "2");
  bank.run("insert into crm.customers values ('D9', 'Cem Invented', null); update crm.accounts set score = 400 where id = 'C2'");
  CHECK(pull(bank).account.at("inserted") == 2);
  CHECK(pull(bank).rows() == 1);
  CHECK(differences(bank) == "0");
}

TEST_CASE("a view with a change column, and keys of a fixed length") {
  Bank bank;
  if (!bank.there()) return;
  bank.run(
      "alter table crm.accounts alter id type char(12); update crm.accounts set changed_at = now() - interval '1 day'; alter table crm.accounts rename to "
      "kept; create view "
      "crm.accounts as select * from crm.kept; insert into crm.kept values ('LATE-1', 'D9', 5, null, null, null, now() - interval '2 days', true)");
  bank.write(by("changed_at"));
  CHECK(pull(bank, "--allow-rejected").account.at("set_aside") == 1);
  CHECK(pull(bank, "--allow-rejected").rows() == 3);
  bank.run("insert into crm.customers values ('D9', 'Cem Invented', null)");
  CHECK(pull(bank).account.at("inserted") == 1);
  CHECK(pull(bank).rows() == 2);
  CHECK(bank.value("select string_agg(dunlin_key, ',' order by dunlin_key) from portfolio.account") == "A1,A2,LATE-1");
}

TEST_CASE("a change column that is none is refused with its name, and a whole number is one") {
  Bank bank;
  if (!bank.there()) return;
  bank.write(by("changed_on"));
  Said said = bank.dunlin("import --mapped");
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.has("entity `account`: the table `crm.accounts` has no column `changed_on`, by which its changes are to be known"));
  bank.write(by("debtor_id"));
  said = bank.dunlin("import --mapped");
  CHECK(said.exit == 1);
  CHECK(said.has("the column `crm.accounts.debtor_id`, by which changes are to be known, is of the type text"));
  CHECK(bank.value("select failure like '%is of the type text%' from dunlin.bank_table where entity = 'account'") == "t");
  said = bank.dunlin("import --whole");
  CHECK(said.exit == 2);

  bank.run(
      "alter table crm.accounts add version bigint; update crm.accounts set version = 1; insert into crm.accounts select 'B' || n, 'D2', 10, null, null, null, "
      "null, "
      "false, n from generate_series(2, 5000) n");
  bank.write(by("version"));
  CHECK(pull(bank).rows() == 5001);
  CHECK(bank.value("select failure is null from dunlin.bank_table where entity = 'account'") == "t");
  Pulled some = pull(bank);
  CHECK(some.rows() == 1001);
  bank.run("update crm.accounts set balance = 3, version = 5001 where id = 'A1'");
  CHECK(pull(bank).account.at("changed") == 1);
  // Local times: an hour that comes twice is within what is read again.
  bank.run("alter table crm.accounts add local timestamp; update crm.accounts set local = now() at time zone 'Europe/Berlin' - interval '2 hours'");
  bank.write(by("local"));
  CHECK(pull(bank).whole());
  bank.run(
      "update crm.accounts set balance = 4, local = now() at time zone 'Europe/Berlin' where id = 'A1'; update crm.accounts set balance = 4, local = now() at "
      "time zone "
      "'Europe/Berlin' - interval '1 hour' where id = 'A2'");
  CHECK(pull(bank).account.at("changed") == 2);
  CHECK(differences(bank) == "0");
}

TEST_CASE("after any changes the engine has what a whole reading would have given it") {
  Bank bank;
  if (!bank.there()) return;
  bank.run("alter table crm.accounts alter insured set default false; update crm.accounts set changed_at = now() - interval '1 day'");
  bank.run("insert into crm.accounts select 'B' || n, 'D' || 1 + n % 2, n, null, null, null, now() - interval '1 day', false from generate_series(1, 200) n");
  bank.write(by("changed_at"));
  CHECK(pull(bank).whole());
  const auto seed = static_cast<unsigned>(GENERATE(1, 2));
  std::mt19937 dice(seed);
  const auto one_of = [&](int many) { return std::to_string(dice() % static_cast<unsigned>(many)); };
  for (int round = 0; round < 12; ++round) {
    const int changes = static_cast<int>(dice() % 8);
    int64_t touched = 0;
    for (int i = 0; i < changes; ++i) {
      // Stamped up to nine minutes ago: transactions that took long.
      const std::string at = dice() % 6 == 0 ? "null" : "now() - interval '" + one_of(540) + " seconds'";
      ++touched;
      if (dice() % 3 == 0)
        bank.run("insert into crm.accounts values ('N" + std::to_string(round) + "-" + std::to_string(i) + "', 'D1', " + one_of(900) + ", null, null, null, " +
                 at + ", true)");
      else
        bank.run("update crm.accounts set balance = " + one_of(900) + ", stage = " + one_of(4) + ", changed_at = " + at + " where id = 'B" + one_of(200) + "'");
    }
    INFO("seed " << seed << ", round " << round);
    const Pulled pulled = pull(bank);
    CHECK(pulled.exit == 0);
    CHECK(differences(bank) == "0");
    // One whole reading never happens by accident.
    CHECK_FALSE(pulled.whole());
    CHECK(pulled.account.at("inserted").get<int64_t>() + pulled.account.at("changed").get<int64_t>() <= touched);
    CHECK(pulled.rows() <= 2 + 8 * (round + 1) + (round == 0 ? 200 : 202));
  }
  const Pulled all = pull(bank, "--whole");
  CHECK(all.account.at("inserted") == 0);
  CHECK(all.account.at("changed") == 0);
}

TEST_CASE("a row that stays wrong is kept once, whatever else is wrong beside it, and for good once somebody let it be") {
  Bank bank;
  if (!bank.there()) return;
  bank.run(
      "alter table crm.accounts drop constraint accounts_pkey, alter id drop not null, add number serial; update crm.accounts set changed_at = now() - "
      "interval '3 hours';"
      "insert into crm.accounts (id, debtor_id, balance, score, changed_at, insured) values (null, 'D1', 1, 600, now() - interval '2 hours', false), "
      "(null, 'D2', 2, 600, now() - interval '2 hours', false), ('W', 'D1', 3, 1, now() - interval '2 hours', false), ('W', 'D1', 3, 2, now() - interval '2 "
      "hours', false), "
      "('O', 'D9', 4, 600, now() - interval '2 hours', false), ('P', 'D8', 5, 600, now() - interval '2 hours', false)");
  const auto kept = [&] { return bank.value("select count(*) from dunlin.quarantine where kind = 'row'"); };
  const auto retried = [&] {
    return bank.value(
        "select array_to_string(array(select x from unnest(retry) x group by 1 order by 1), ' ') from dunlin.bank_table where entity = 'account'");
  };
  for (const std::string words : {"", "", "--whole"}) {
    INFO("reading " << words);
    bank.write(by("changed_at"));
    CHECK(pull(bank, words).exit != 2);
    CHECK(kept() == "6");
  }
  CHECK(retried() == "O P W");
  // One debtor comes after all, and somebody lets the other row be: neither is kept again, and what has come is looked after no more.
  bank.run("update dunlin.quarantine set resolved_at = now() where location = 'account P'; insert into crm.customers values ('D9', 'Ida Invented', null)");
  pull(bank);
  CHECK(bank.value("select count(*) from portfolio.account where dunlin_key = 'O'") == "1");
  bank.run("update crm.accounts set changed_at = now() - interval '1 minute' where id in ('A1', 'O')");
  pull(bank);
  CHECK(kept() == "6");
  CHECK(retried() == "P W");
}

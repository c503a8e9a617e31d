// Rows of a bank's own tables: pulled by `dunlin import --mapped` and at the start of `dunlin run`, changes noticed, nothing written to them.
#include "tests/bank/bank.h"

using namespace bank;

TEST_CASE("rows of the bank's tables become case files, and only what changed wakes one") {
  Bank bank;
  if (!bank.there()) return;
  const std::string untouched = "select string_agg(a::text || a.xmin::text || a.ctid::text, ';' order by id) from crm.accounts a";
  const std::string before = bank.value(untouched);

  Said said = bank.dunlin("import --mapped", "--as-of 2026-01-04");
  INFO(said.text);
  CHECK(said.exit == 0);
  CHECK(said.has("crm.accounts"));
  CHECK(bank.value("select balance from portfolio.account where dunlin_key = 'A1'") == "250.00");
  CHECK(bank.value("select stage from portfolio.account where dunlin_key = 'A1'") == "3");
  CHECK(bank.value("select opened from portfolio.account where dunlin_key = 'A1'") == "2024-05-01");
  CHECK(bank.value("select changed_at at time zone 'UTC' from portfolio.account where dunlin_key = 'A1'") == "2026-01-02 10:00:00.5");
  CHECK(bank.value("select score is null from portfolio.account where dunlin_key = 'A2'") == "t");
  CHECK(bank.value("select amount from portfolio.writ where dunlin_key = '1'") == "70.50");

  said = bank.dunlin("run", "--clock '2026-01-05 07:00'");
  INFO(said.text);
  CHECK(said.exit == 0);
  CHECK(said.has("pulled from crm.accounts: 2 rows, 0 new, 0 changed, 0 rejected"));
  CHECK(said.has("2 case files stepped"));
  CHECK(said.has("tasks: 1 created"));

  // Nothing new: nobody wakes. One balance changed: one does, and its task goes.
  said = bank.dunlin("run", "--clock '2026-01-05 08:00'");
  CHECK(said.has("0 case files stepped"));
  bank.run("update crm.accounts set balance = 90 where id = 'A1'; insert into crm.accounts values ('A3', 'D2', 500, null, 400, null, null, false)");
  said = bank.dunlin("run", "--clock '2026-01-05 09:00'");
  INFO(said.text);
  CHECK(said.has("pulled from crm.accounts: 3 rows, 1 new, 1 changed, 0 rejected"));
  CHECK(said.has("2 case files stepped"));
  CHECK(said.has("tasks: 1 created, 0 changed, 1 withdrawn"));
  said = bank.dunlin("explain", "A1 --at '2026-01-05 10:00'");
  INFO(said.text);
  CHECK(said.exit == 0);
  CHECK(said.has("balance = 90.00"));
  CHECK(bank.value("select string_agg(a::text, ';') from crm.accounts a where id = 'A2'") != "");
  CHECK(before.substr(before.find(';')) ==
        bank.value(untouched + " where id in ('A1', 'A2')").substr(bank.value(untouched + " where id in ('A1', 'A2')").find(';')));
}

TEST_CASE("a row of the bank that does not fit is set aside once, with its column and its reason") {
  Bank bank;
  if (!bank.there()) return;
  bank.run(
      "insert into crm.accounts values ('A8', 'D1', 10, null, 900, null, null, true), ('A9', null, 10, null, null, null, null, true), ('A7', 'D9', 10, null, "
      "null, null, null, true), ('A6', 'D1', 10.005, null, null, null, null, true), ('A5', 'D1', 10, null, null, null, null, null)");
  Said said = bank.dunlin("import --mapped");
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.has("crm.accounts.score"));
  CHECK(said.has("crm.accounts.debtor_id: it is not said whom the row belongs to"));
  CHECK(said.has("crm.accounts.balance"));
  CHECK(said.has("crm.accounts.insured"));
  CHECK(bank.value("select count(*) from portfolio.account") == "2");
  const std::string kept = bank.value("select count(*) from dunlin.quarantine where location <> 'account A7'");
  CHECK(kept == "4");
  // The same rows again are not kept again; a row that was mended is taken.
  bank.run("update crm.accounts set score = 800 where id = 'A8'");
  said = bank.dunlin("import --mapped --allow-rejected");
  CHECK(said.exit == 0);
  CHECK(bank.value("select count(*) from dunlin.quarantine where location <> 'account A7'") == kept);
  CHECK(bank.value("select count(*) from portfolio.account") == "3");
}

TEST_CASE("a table or a column that is not there is named before anything is pulled from it") {
  Bank bank;
  if (!bank.there()) return;
  std::string text = rules;
  bank.write(text.replace(text.find("score "), 6, "scor  "));
  Said said = bank.dunlin("import --mapped");
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.has("the table `crm.accounts` has no column `scor` (there is `score`)"));
  text = rules;
  bank.write(text.replace(text.find("crm.accounts"), 12, "crm.account"));
  said = bank.dunlin("run", "--clock '2026-01-05 07:00'");
  CHECK(said.exit == 1);
  CHECK(said.has("no table or view `crm.account`"));
  bank.write("bundle plain \"Plain\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\nentity debtor { key id : text }\n");
  said = bank.dunlin("import --mapped");
  CHECK(said.exit == 2);
}

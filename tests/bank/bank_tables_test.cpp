// Rows of a bank's own tables: pulled by `dunlin import --mapped` and at the start of `dunlin run`, changes noticed, nothing written to them.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"

namespace fs = std::filesystem;
using namespace dunlin;

namespace {

struct Said {
  int exit = -1;
  std::string text;
  bool has(const std::string& part) const { return text.find(part) != std::string::npos; }
};

const char* const rules = R"(
bundle mapped "Mapped" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor from table "crm.customers" {
  key id  : text
  name    : text personal
}
entity account of debtor from table "crm.accounts" {
  key id     : text
  balance    : money
  `stage`    : int?
  score      : int? in 300..850
  opened     : date?
  changed_at : datetime?
  insured    : bool
}
entity writ of account from table "crm.writs" { key number : int   amount : money }
queue letter { }
strategy soft "Soft" for account {
  enrol when balance > 0
  stage written { keep letter "please" while balance > 100 }
}
)";

class Bank {
 public:
  Bank() {
    fs::create_directories(folder_ / "bundle");
    write(rules);
    auto server = store::EmbeddedServer::start({.folder = folder_ / "data", .durable = false});
    if (!server) {
      WARN(server.error().message);
      return;
    }
    server_ = std::move(*server);
    auto connection = store::BulkConnection::open(server_->connection());
    REQUIRE(connection.has_value());
    sql_ = std::move(*connection);
    run(R"(create schema crm;
      create table crm.customers (id text primary key, name text not null, internal_note text);
      create table crm.accounts (id text primary key, debtor_id text, balance numeric(14, 4), stage int, score int, opened date, changed_at timestamptz, insured bool);
      create view crm.writs as select 1::bigint as number, 'A1'::text as account_id, 'D1'::text as debtor_id, 70.5::numeric as amount;
      insert into crm.customers values ('D1', 'Ann Invented', 'x'), ('D2', 'Ben Invented', null);
      insert into crm.accounts values ('A1', 'D1', 250.00, 3, 610, '2024-05-01', '2026-01-02 10:00:00.5+00', true), ('A2', 'D2', 50, null, null, null, null, false);)");
  }
  ~Bank() {
    sql_.reset();
    server_.reset();
    std::error_code error;
    fs::remove_all(folder_, error);
  }
  bool there() const { return server_ != nullptr; }
  void write(const std::string& text) const { std::ofstream(folder_ / "bundle" / "bundle.dun") << text; }
  void run(const std::string& sql) {
    auto done = sql_->run(sql);
    if (!done) FAIL(done.error().message);
  }
  std::string value(const std::string& sql) {
    auto found = sql_->value(sql);
    if (!found) FAIL(found.error().message);
    return found->value_or("");
  }
  Said dunlin(const std::string& words, const std::string& behind = "") const {
    const std::string command =
        "'" DUNLIN_COMMAND "' " + words + " '" + (folder_ / "bundle").string() + "' " + behind + " --database '" + server_->connection() + "' 2>&1";
    FILE* pipe = popen(command.c_str(), "r");
    REQUIRE(pipe != nullptr);
    Said said;
    std::array<char, 4096> buffer{};
    while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) said.text.append(buffer.data(), size);
    const int status = pclose(pipe);
    said.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return said;
  }

 private:
  fs::path folder_ = fs::path("/tmp") / ("dunlin-bank-" + std::to_string(getpid()));
  std::unique_ptr<store::EmbeddedServer> server_;
  std::unique_ptr<store::BulkConnection> sql_;
};

}  // namespace

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

// A private server with tables of a bank on it, a bundle that is laid over them, and the command.
#pragma once

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

namespace bank {

namespace fs = std::filesystem;
using namespace dunlin;

struct Said {
  int exit = -1;
  std::string text;
  bool has(const std::string& part) const { return text.find(part) != std::string::npos; }
};

inline const char* const rules = R"(
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

}  // namespace bank

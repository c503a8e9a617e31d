// What `dunlin doctor` says of a database.
#include <fmt/format.h>

#include <chrono>
#include <functional>
#include <optional>

#include "runtime/store/migrations.h"
#include "runtime/store/postgres_schema.h"
#include "runtime/store/postgres_soundness.h"
#include "runtime/store/schema_objects.h"

namespace dunlin::store {

namespace {

using Findings = std::vector<Store::Finding>;

std::string value(pqxx::work& work, const std::string& sql) {
  const auto rows = work.exec(sql);
  return rows.empty() || rows[0][0].is_null() ? std::string() : rows[0][0].as<std::string>();
}

void look_at_server(pqxx::work& work, bool private_server, Findings& findings) {
  findings.push_back({"server", true, "PostgreSQL " + value(work, "show server_version")});
  findings.push_back({"connection", true, private_server ? "private server, socket only" : "given by --database"});
  const bool writable = value(work, "select pg_is_in_recovery()") == "f";
  findings.push_back({"writable", writable, writable ? "yes" : "no: this is a standby"});
  const bool durable = value(work, "show fsync") == "on" && value(work, "show synchronous_commit") != "off";
  findings.push_back(
      {"durable", durable, durable ? "fsync and synchronous_commit are on" : "no: a power cut may lose committed work (fsync or synchronous_commit is off)"});
  findings.push_back({"size", true, value(work, "select pg_size_pretty(pg_database_size(current_database()))")});
}

/// True if the schema is this program's own, so that the rest can be looked at.
bool look_at_schema(const SchemaState& schema, Findings& findings) {
  const int number = schema.number(), known = migrations().back().number;
  if (const auto refused = refuse(schema)) {
    findings.push_back({"schema", false, refused->message});
    return false;
  }
  if (number == 0) {
    findings.push_back({"schema", true, "not set up yet; the first import or run does it"});
    return false;
  }
  findings.push_back({"schema", true,
                      number == known ? fmt::format("migration {}", number)
                                      : fmt::format("migration {} of {}; the next import, run or serve of this program brings it forward, and what "
                                                    "stands in it is looked at after that",
                                                    number, known)});
  return number == known;
}

/// What of the schema's own objects was dropped, changed or added by hand.
void look_at_objects(pqxx::work& work, Findings& findings) {
  work.exec("set local search_path = pg_catalog");
  for (auto& finding : compare_objects(objects_of_migrations(), value(work, schema_objects_sql()))) findings.push_back(std::move(finding));
}

/// Logins that read a part of the portfolio: row security must hold for them.
void look_at_readers(pqxx::work& work, Findings& findings) {
  const std::string wrong = value(work, row_security_sql());
  findings.push_back({"row security", wrong.empty(), wrong.empty() ? "each reader has its policies, and they hold" : wrong});
}

std::string nodes_of(pqxx::work& work) {
  std::string nodes;
  for (const auto& node :
       work.exec("select n.name, count(b.bucket), n.until > clock_timestamp() from dunlin.node n left join dunlin.bucket b on b.node = n.name "
                 "group by n.name, n.until order by n.name collate \"C\"")) {
    nodes +=
        fmt::format("{}{}{}: {} buckets", nodes.empty() ? "" : ", ", node[0].as<std::string>(), node[2].as<bool>() ? "" : " (gone)", node[1].as<int64_t>());
  }
  return nodes.empty() ? "none; nobody but `dunlin run` steps" : nodes;
}

void look_at_work(pqxx::work& work, Findings& findings) {
  const auto active = work.exec("select number, name from dunlin.bundle where active");
  findings.push_back(
      {"bundle", !active.empty(),
       active.empty() ? "none is active; `dunlin run` activates one" : fmt::format("{}, version {}", active[0][1].as<std::string>(), active[0][0].as<int>())});
  findings.push_back({"nodes", true, nodes_of(work)});
  const std::string jumped =
      value(work, "select coalesce((select format('%s, seen by %s since %s', ahead, node, date_trunc('second', since)) from dunlin.clock_jump), '')");
  findings.push_back({"business clock", jumped.empty(),
                      jumped.empty()
                          ? "goes with the database's"
                          : "has jumped by " + jumped +
                                "; nothing is stepped there until it is set right, or `dunlin clock confirm` says that it is and the others are wrong"});
  const auto cases = work.exec("select count(*), count(*) filter (where set_aside) from dunlin.case_file");
  const auto aside = cases[0][1].as<int64_t>();
  findings.push_back({"case files", true, cases[0][0].as<std::string>()});
  findings.push_back({"set aside", aside == 0, aside == 0 ? "none" : fmt::format("{} case files; see the quarantine", aside)});
  findings.push_back({"quarantine", true, value(work, "select count(*) from dunlin.quarantine") + " entries"});
}

}  // namespace

Result<std::vector<Store::Finding>> PostgresStore::inspect(Depth depth) {
  // For each look at the rows; none: it looks at all of them.
  const auto time_for_each = depth == Depth::whole ? std::nullopt : std::optional(std::chrono::milliseconds(100));
  Findings findings;
  bool ours = false;
  auto looked = small("look at the database", [&](SmallWork& work) {
    Findings found;
    look_at_server(work, server_ != nullptr, found);
    ours = look_at_schema(schema_state(work), found);
    findings = std::move(found);
  });
  if (!looked) return std::unexpected(looked.error());
  if (!ours) return findings;
  // Each look on its own: one that fails on what is damaged does not take the others with it.
  const auto look = [&](const std::string& name, const std::function<void(SmallWork&, Findings&)>& at) {
    Findings found;
    auto done = small("look at the " + name, [&](SmallWork& work) {
      found.clear();
      at(work, found);
    });
    if (done) {
      findings.insert(findings.end(), found.begin(), found.end());
    } else {
      findings.push_back({name, false, done.error().message});
    }
  };
  look("objects", look_at_objects);
  look("row security", look_at_readers);
  look("state of things", look_at_work);
  for (const SoundnessLook& one : soundness_looks()) look(one.name, [&](SmallWork& work, Findings& found) { found.push_back(one.look(work, time_for_each)); });
  return findings;
}

}  // namespace dunlin::store

// What only the PostgreSQL store has: its schema, its SQL functions, its columns.
#include <algorithm>
#include <limits>
#include <thread>

#include "runtime/store/bulk.h"
#include "tests/store/office.h"

namespace dunlin::store::test {

#define ON_POSTGRES()                        \
  const auto place = make_place("postgres"); \
  if (!place) return;                        \
  const auto sql = good(BulkConnection::open(place->url()))

namespace {

std::string value(BulkConnection& sql, const std::string& query) { return good(sql.value(query)).value_or("null"); }

std::string refusal(BulkConnection& sql, const std::string& query) {
  auto result = sql.run(query);
  REQUIRE(!result);
  return result.error().message;
}

checked::Type of(checked::TypeKind kind, bool optional = false, int32_t id = -1) { return {kind, optional, id}; }

}  // namespace

TEST_CASE("the schema is made once, and another's is refused", "[postgres]") {
  ON_POSTGRES();
  auto store = place->open();
  good(store->migrate());
  good(store->migrate());
  const std::string latest = value(*sql, "select max(number) from dunlin.schema_version");

  good(sql->run("insert into dunlin.schema_version (number, name, checksum) values (900, 'from the future', '')"));
  auto refused = store->migrate();
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::environment);
  CHECK(refused.error().message.find("newer") != std::string::npos);

  good(sql->run("delete from dunlin.schema_version where number = 900; delete from dunlin.schema_version where number = 1"));
  refused = store->migrate();
  REQUIRE(!refused);
  CHECK(refused.error().message.find("half") != std::string::npos);

  good(sql->run("drop schema dunlin cascade; create schema dunlin; create table dunlin.foreign_thing (a int)"));
  refused = store->migrate();
  REQUIRE(!refused);
  CHECK(refused.error().message.find("did not make") != std::string::npos);
}

TEST_CASE("a database that is not there is a clear message", "[postgres]") {
  ON_POSTGRES();
  Office office(*place);
  auto store = place->open();
  const std::string wrong = place->url().substr(0, place->url().rfind("dbname=")) + "dbname=nowhere";
  auto opened = BulkConnection::open(wrong);
  REQUIRE(!opened);
  CHECK(opened.error().kind == StoreError::Kind::environment);
  CHECK(opened.error().message.find("nowhere") != std::string::npos);
}

TEST_CASE("post_event takes an event once and says what is wrong with one it cannot take", "[postgres]") {
  ON_POSTGRES();
  Office office(*place);
  office.import_debtors(2);
  office.activate();
  office.night(on(1));
  const std::string call = "select dunlin.post_event('bank', 'x1', 'payment', 'account', 'A-1', '2026-01-02 08:00+00', '{\"amount\": 12.34}')";
  CHECK(value(*sql, call) == "accepted");
  CHECK(value(*sql, call) == "duplicate");
  CHECK(refusal(*sql, "select dunlin.post_event('bank', 'x2', 'paymnet', 'account', 'A-1', now())").find("paymnet") != std::string::npos);
  CHECK(value(*sql, "select dunlin.post_event('bank', 'x9', 'payment', 'account', 'A-9', now(), '{\"amount\": 1}')") == "set_aside");
  CHECK(refusal(*sql, "select dunlin.post_event('bank', 'x2', 'payment', 'account', 'A-1', now(), '{}')").find("amount") != std::string::npos);
  CHECK(refusal(*sql, "select dunlin.post_event('bank', 'x2', 'payment', 'account', 'A-1', now(), '{\"amount\": \"a lot\"}')").find("money") !=
        std::string::npos);
  CHECK(refusal(*sql, "select dunlin.post_event('bank', 'x2', 'payment', 'account', 'A-1', now(), '{\"amount\": 1, \"colour\": 2}')").find("colour") !=
        std::string::npos);
  CHECK(refusal(*sql, "select dunlin.post_event('bank', 'x2', 'call', 'account', 'A-1', now())").find("group") != std::string::npos);
  CHECK(value(*sql, "select count(*) from dunlin.event") == "1");
  CHECK(office.night(on(3)) == 1);
  CHECK(office.stage_of("A-1") == "promised");
  const auto case_file = good(office.store->load_case(office.desk.program, "account", "A-1", std::nullopt));
  CHECK(case_file->view().events.items[0]->slots[0] == 12'34);
}

TEST_CASE("people find queues and the funnel in views", "[postgres]") {
  ON_POSTGRES();
  Office office(*place);
  office.import_debtors(3);
  office.activate();
  office.night(on(1));
  CHECK(
      value(*sql, "select count(*) from dunlin.queue where queue = 'call' and entity = 'account' and key = 'A-2' and stage = 'calling' and status = 'ready'") ==
      "1");
  CHECK(value(*sql, "select count from dunlin.funnel where strategy = 'soft'") == "3");
  CHECK(value(*sql, "select balance from portfolio.account where id = 'A-2'") == "20.00");
}

TEST_CASE("every type of field comes back as it went in", "[postgres]") {
  using checked::TypeKind;
  ON_POSTGRES();
  Office office(*place);
  auto& program = office.desk.program;
  program.content_hash = "all types";
  program.enums.push_back({"product", {"card", "cash_loan", "ипотека"}});
  program.records.push_back({"limits", {{"soft", of(TypeKind::money)}, {"label", of(TypeKind::text, true)}}});
  auto& account = program.entities[1];
  std::vector<std::pair<std::string, checked::Type>> added = {{"product", of(TypeKind::enumeration, false, 0)},
                                                              {"счёт", of(TypeKind::integer, true)},
                                                              {"rate", of(TypeKind::decimal)},
                                                              {"score", of(TypeKind::number)},
                                                              {"opened", of(TypeKind::date, true)},
                                                              {"hour", of(TypeKind::time)},
                                                              {"window", of(TypeKind::time_range)},
                                                              {"seen", of(TypeKind::datetime, true)},
                                                              {"grace", of(TypeKind::duration)},
                                                              {"secured", of(TypeKind::boolean)},
                                                              {"note", of(TypeKind::text, true)},
                                                              {"zone", of(TypeKind::timezone)},
                                                              {"limits", of(TypeKind::record, false, 0)}};
  for (const auto& [name, type] : added) {
    account.fields.push_back({.name = name, .type = type, .slot = account.slot_count});
    account.slot_count += checked::slot_count(program, type);
  }
  good(office.store->prepare(program));
  abi::Arena arena;
  const auto text = [&](const char* value) { return reinterpret_cast<int64_t>(arena.text(value)); };
  const int64_t largest = std::numeric_limits<int64_t>::max();
  const auto rows = std::vector<std::vector<int64_t>>{
      {text("A-1"),
       -12'345'678'901'234'567,
       2,
       1,
       -5,
       123'456,
       abi::as_slot(0.1),
       1,
       -400'000,
       86'399,
       abi::pack_time_range(18 * 3600, 20 * 3600 + 30 * 60),
       1,
       on(3) + 1,
       abi::pack_duration(3, abi::DurationUnit::business_day),
       1,
       1,
       text("o'\"\\ \n"),
       text("Europe/Kyiv"),
       7,
       0,
       0},
      {text("A-2"),
       largest,
       0,
       0,
       0,
       -largest / 2,
       abi::as_slot(-1e300),
       0,
       0,
       0,
       abi::pack_time_range(0, 86'400),
       0,
       0,
       abi::pack_duration(-90, abi::DurationUnit::microsecond),
       0,
       0,
       0,
       text(""),
       -1,
       1,
       text("x")},
      {text("A-3"), 0,        1,           1, largest, 1, abi::as_slot(0), 1, 0, 1, 0, 1, 0, abi::pack_duration(14, abi::DurationUnit::month), 0,
       1,           text(""), text("UTC"), 0, 0,       0}};
  std::vector<InstanceRow> incoming = {office.debtor("D-1")};
  for (size_t i = 0; i < rows.size(); ++i) incoming.push_back({1, "A-" + std::to_string(i + 1), "D-1", "D-1", rows[i]});
  const auto counts = good(office.store->put_instances(program, incoming, on(1)));
  CHECK(counts.inserted == 4);
  CHECK(good(office.store->put_instances(program, incoming, on(2))).unchanged == 4);
  const auto case_file = good(office.store->load_case(program, "account", "A-1", std::nullopt));
  REQUIRE(case_file->instance_count() == 4);
  const std::vector<size_t> text_slots = {0, 16, 17, 20};
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t* slots = case_file->slots(case_file->find(engine::stable_id("account", "A-" + std::to_string(i + 1))));
    for (size_t s = 0; s < rows[i].size(); ++s) {
      INFO("row " << i << ", slot " << s);
      const bool is_text = std::ranges::find(text_slots, s) != text_slots.end();
      const bool present = s != 16 && s != 20 ? true : rows[i][s - 1] != 0;
      if (!is_text) {
        CHECK(slots[s] == rows[i][s]);
      } else if (present) {
        CHECK(reinterpret_cast<const abi::Text*>(slots[s])->view() == reinterpret_cast<const abi::Text*>(rows[i][s])->view());
      }
    }
  }
  CHECK(value(*sql, "select grace || ', ' || \"window\" || ', ' || product from portfolio.account where id = 'A-1'") ==
        "3 business days, 18:00..20:30, ипотека");
}

TEST_CASE("a field may come later; one that changes its type may not", "[postgres]") {
  using checked::TypeKind;
  ON_POSTGRES();
  Office office(*place);
  office.import_debtors(1);
  office.activate();
  auto& program = office.desk.program;
  program.content_hash = "v2";
  auto& account = program.entities[1];
  account.fields.push_back({.name = "region", .type = of(TypeKind::text, true), .slot = 2});
  account.slot_count = 4;
  good(office.store->prepare(program));
  CHECK(good(office.store->load_case(program, "account", "A-1", std::nullopt))->slots(1)[2] == 0);
  // Not optional: the rows that are there have no value for it.
  program.content_hash = "v3";
  account.fields.push_back({.name = "score", .type = of(TypeKind::integer), .slot = 4});
  account.slot_count = 5;
  good(office.store->prepare(program));
  auto refused = office.store->activate(program, {{{"a.dun", "x"}}}, "tester", on(2));
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::input);
  CHECK(refused.error().message.find("account.score") != std::string::npos);
  program.content_hash = "v4";
  account.fields.back().type = of(TypeKind::text);
  const auto prepared = office.store->prepare(program);
  REQUIRE(!prepared);
  CHECK(prepared.error().kind == StoreError::Kind::input);
  CHECK(prepared.error().message.find("score") != std::string::npos);
  CHECK(value(*sql, "select content_hash from dunlin.prepared") == "v3");
}

TEST_CASE("a first import leaves statistics behind, and one that adds little does not look again", "[postgres]") {
  ON_POSTGRES();
  Office office(*place);
  good(office.store->prepare(office.desk.program));
  // Nobody else looks.
  for (const char* table : {"portfolio.account", "portfolio.debtor", "dunlin.case_file"})
    good(sql->run(std::string("alter table ") + table + " set (autovacuum_enabled = false)"));
  const auto rows = [&](int from, int to) {
    std::vector<InstanceRow> made;
    for (int n = from; n < to; ++n) {
      made.push_back(office.debtor("D-" + std::to_string(n)));
      made.push_back(office.account("A-" + std::to_string(n), "D-" + std::to_string(n), n));
    }
    return made;
  };
  const auto known = [&](const char* table) {
    return std::stod(value(*sql, std::string("select reltuples from pg_class where oid = '") + table + "'::regclass"));
  };
  // -1: never looked at.
  REQUIRE(known("portfolio.account") == -1);
  office.import(rows(0, 20));
  CHECK(known("portfolio.account") == -1);  // a page: it is read whole either way
  office.import(rows(20, 8000));
  CHECK(known("portfolio.account") == 8000);
  CHECK(known("portfolio.debtor") == 8000);
  CHECK(known("dunlin.case_file") == 8000);
  office.import(rows(8000, 8100));
  CHECK(known("portfolio.account") == 8000);
  office.import(rows(8100, 18'000));
  CHECK(known("portfolio.account") == 18'000);
}

TEST_CASE("fields may have any name that SQL uses itself", "[postgres]") {
  ON_POSTGRES();
  Office office(*place);
  auto& program = office.desk.program;
  program.content_hash = "names";
  auto& account = program.entities[1];
  const std::vector<std::string> names = {"i", "t", "c", "b", "select", "user", "order", "incoming", "changed", "bucket", "at", "a\"b", "key", "kind", "body"};
  for (const auto& name : names) {
    account.fields.push_back({.name = name, .type = of(checked::TypeKind::integer), .slot = account.slot_count++});
  }
  good(office.store->prepare(program));
  const auto import = [&](const std::string& of, int64_t first) {
    auto row = office.account("A-1", of, 10'00);
    for (size_t n = 0; n < names.size(); ++n) row.slots.push_back(first + static_cast<int64_t>(n));
    return good(office.store->put_instances(program, {row}, on(1)));
  };
  office.import({office.debtor("D-1")});
  CHECK(import("D-1", 1).inserted == 1);
  CHECK(import("D-1", 1).unchanged == 1);
  CHECK(import("D-1", 5).changed == 1);
  CHECK(import("D-404", 5).set_aside == 1);
  auto case_file = good(office.store->load_case(program, "account", "A-1", std::nullopt));
  const int64_t* slots = case_file->slots(case_file->find(engine::stable_id("account", "A-1")));
  for (size_t n = 0; n < names.size(); ++n) CHECK(slots[2 + n] == 5 + static_cast<int64_t>(n));
  CHECK(value(*sql, "select body::json ->> 'i' from dunlin.quarantine") == "5");
  account.fields.back().name = "ctid";
  program.content_hash = "system names";
  const auto refused = office.store->prepare(program);
  REQUIRE(!refused);
  CHECK(refused.error().kind == StoreError::Kind::input);
  CHECK(refused.error().message.find("account.ctid") != std::string::npos);
}

TEST_CASE("a deadlock is told as a conflict, which may be tried again", "[store]") {
  const auto place = make_place("postgres");
  if (!place) return;
  Office office(*place);
  office.activate();
  // What versions() reads last is locked by another, who then asks for what it has read first, and has the longer patience of the two.
  const auto other = good(BulkConnection::open(place->url()));
  good(other->run("set deadlock_timeout = '1min'; begin; lock table dunlin.bundle"));
  std::thread in_the_way([&] {
    for (bool waits = false; !waits;) {
      const auto watcher = good(BulkConnection::open(place->url()));
      waits = good(watcher->value("select count(*) > 0 from pg_locks where not granted and relation = 'dunlin.bundle'::regclass")) == "t";
    }
    good(other->run("lock table dunlin.activation; rollback"));
  });
  const auto versions = office.store->versions();
  in_the_way.join();
  REQUIRE(!versions);
  CHECK(versions.error().kind == StoreError::Kind::conflict);
  CHECK(good(office.store->versions()).size() == 1);
}

}  // namespace dunlin::store::test

#include "tests/store/office.h"

#include <unistd.h>

#include <filesystem>

#include "runtime/store/bulk.h"
#include "runtime/store/embedded.h"
#include "runtime/store/model_store.h"
#include "runtime/store/postgres_store.h"

namespace dunlin::store::test {

namespace fs = std::filesystem;

namespace {

/// One private server for the whole run, in a folder that goes with it. Each place gets a database of its own.
class Server {
 public:
  Server() : folder_(fs::temp_directory_path() / ("dunlin-store-test-" + std::to_string(getpid()))) {
    auto started = EmbeddedServer::start({.folder = folder_, .durable = false});
    if (!started) FAIL(started.error().message);
    server_ = std::move(*started);
  }
  ~Server() {
    server_.reset();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  std::string new_database() {
    auto connection = good(BulkConnection::open(server_->connection()));
    const std::string name = "office" + std::to_string(++databases_);
    good(connection->run("create database " + name));
    const std::string url = server_->connection();
    return url.substr(0, url.rfind("dbname=")) + "dbname=" + name;
  }
  static Server& instance() {
    static Server server;
    return server;
  }

 private:
  fs::path folder_;
  std::unique_ptr<EmbeddedServer> server_;
  int databases_ = 0;
};

class PostgresPlace final : public Place {
 public:
  explicit PostgresPlace(int64_t listed_max) : url_(Server::instance().new_database()), listed_max_(listed_max) {}
  std::unique_ptr<Store> open() override { return good(open_postgres({.url = url_, .listed_max = listed_max_})); }
  std::string url() const override { return url_; }

 private:
  std::string url_;
  int64_t listed_max_;
};

class MemoryPlace final : public Place {
 public:
  std::unique_ptr<Store> open() override { return open_model(database_); }

 private:
  std::shared_ptr<ModelDatabase> database_ = std::make_shared<ModelDatabase>();
};

}  // namespace

std::unique_ptr<Place> make_place(const std::string& kind) {
  if (kind == "memory") return std::make_unique<MemoryPlace>();
  if (find_server_binaries().empty()) {
    WARN("skipped: no PostgreSQL server is installed on this machine");
    return nullptr;
  }
  return std::make_unique<PostgresPlace>(kind == short_lists ? 6 : PostgresOptions{}.listed_max);
}

std::unique_ptr<Store> open_at(const std::string& url) { return good(open_postgres({.url = url})); }

Office::Office(Place& place, const std::string& version_hash, const std::function<void(checked::Program&)>& change)
    : Office(place, version_hash, std::function<void(Desk&)>([&](Desk& made) {
               if (change) change(made.program);
             })) {}

Office::Office(Place& place, const std::string& version_hash, const std::function<void(Desk&)>& change) : store(place.open()) {
  desk.program.content_hash = version_hash;
  desk.program.bundle.name = "office";
  const auto owes = [](const abi::EvalContext& context) { return context.self->slots[1] > 0; };
  auto calls = desk.keep("script", desk.condition(owes));
  desk.add(desk.calling, desk.on_entry({desk.sms("friendly")}));
  desk.add(desk.calling, calls);
  desk.add(desk.calling, desk.after(desk.days(3), {desk.sms("letter", true)}));
  desk.add(desk.calling, desk.on_event(desk.payment, {Desk::go(desk.promised)}));
  desk.add(desk.promised, desk.after(desk.days(10), {Desk::go(desk.calling)}));
  desk.add_to_strategy(desk.soft, desk.when(desk.condition([owes](const abi::EvalContext& context) { return !owes(context); }), desk.cured));
  desk.add_to_strategy(desk.soft, desk.on_event(desk.complaint, {desk.sms("sorry")}, desk.faulty()));
  change(desk);
  good(store->migrate());
  good(store->prepare(desk.program));
  stepper_ = std::make_unique<engine::Stepper>(desk.program, desk.evaluator, *desk.calendar->view(), std::vector<int64_t>{});
}

InstanceRow Office::debtor(const std::string& key) { return {desk.debtor, key, key, "", {text(key)}}; }
InstanceRow Office::account(const std::string& key, const std::string& of, int64_t balance) { return {desk.account_entity, key, of, of, {text(key), balance}}; }
EventRow Office::payment(const std::string& of, const std::string& account, Instant at, const std::string& id, int64_t amount) {
  return {of, desk.account_entity, account, at, desk.payment, "bank", id, {amount}};
}
EventRow Office::complaint(const std::string& of, Instant at, const std::string& id) { return {of, desk.debtor, of, at, desk.complaint, "web", id, {}}; }

void Office::import(std::vector<InstanceRow> rows, Instant as_of) { good(store->put_instances(desk.program, rows, as_of)); }

void Office::import_debtors(int count, Instant as_of) {
  std::vector<InstanceRow> rows;
  for (int n = 1; n <= count; ++n) {
    rows.push_back(debtor("D-" + std::to_string(n)));
    rows.push_back(account("A-" + std::to_string(n), "D-" + std::to_string(n), n * 10'00));
  }
  import(std::move(rows), as_of);
}

BundleVersion Office::activate(Instant at) {
  auto made = good(store->activate(desk.program, {{{"office.dun", "// " + desk.program.content_hash}}}, "tester", at));
  version = made.number;
  return made;
}

std::vector<CaseCommit> Office::step_only(Instant now, size_t limit, BucketRange within) {
  std::vector<std::unique_ptr<engine::CaseFile>> pool;
  const Position after = within.first == 0 ? Position{} : Position{within.first - 1, INT64_MAX};
  held = good(store->load_awake(desk.program, now, false, after, limit, pool, within.last));
  results.assign(held.size(), {});
  std::vector<CaseCommit> commits;
  for (size_t i = 0; i < held.size(); ++i) {
    stepper_->step(*held[i], now, results[i], {.version = version});
    commits.push_back({held[i].get(), &results[i]});
  }
  return commits;
}

int64_t Office::night(Instant now, bool full, size_t limit) {
  std::vector<std::unique_ptr<engine::CaseFile>> pool;
  int64_t stepped = 0;
  for (Position after;;) {
    auto cases = good(store->load_awake(desk.program, now, full, after, limit, pool));
    if (cases.empty()) return stepped;
    after = {cases.back()->bucket, cases.back()->debtor_id};
    std::vector<engine::StepResult> made(cases.size());
    std::vector<CaseCommit> commits;
    for (size_t i = 0; i < cases.size(); ++i) {
      stepper_->step(*cases[i], now, made[i], {.version = version});
      commits.push_back({cases[i].get(), &made[i]});
    }
    good(store->commit_all(desk.program, commits, now));
    stepped += static_cast<int64_t>(cases.size());
    for (auto& case_file : cases) pool.push_back(std::move(case_file));
  }
}

std::string Office::stage_of(const std::string& account, std::optional<Instant> at) {
  auto case_file = good(store->load_case(desk.program, "account", account, at));
  const int32_t position = case_file->find(engine::stable_id("account", account));
  if (position < 0) return "absent";
  const engine::InstanceState& state = case_file->state(position);
  return state.stage < 0 ? "none" : desk.program.stages[static_cast<size_t>(state.stage)].name;
}

}  // namespace dunlin::store::test

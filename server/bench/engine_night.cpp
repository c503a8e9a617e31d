#include "server/bench/engine_night.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "compiler/abi/calendar.h"
#include "compiler/ir/lower.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "runtime/simulate/night.h"
#include "runtime/store/bulk.h"
#include "runtime/store/postgres_store.h"
#include "server/output/progress.h"
#include "tests/bench/reference_night.h"

namespace dunlin::bench {
namespace {

using Clock = std::chrono::steady_clock;
using store::BulkConnection;
using store::Result;

/// What turns the workload's attributes into work: every account is enrolled and has one standing task as long as its treatment has a queue.
constexpr const char* strategy_text = R"(
queue work { fields { segment : int  template_number : int  days : int } }
strategy nightly "Nightly work" for account {
  enrol when dpd >= 0
  stage decided {
    keep work "by treatment" while queue != no_queue {
      priority { urgency: prio }
      fields   { segment: seg, template_number: template, days: due }
    }
  }
}
)";

/// Tables that a night of the engine reads or writes, with what it writes to them.
struct MovedTable {
  const char* name;
  bool read, written;
};
constexpr MovedTable moved[] = {{"portfolio.account", true, false}, {"dunlin.case_file", true, true},  {"dunlin.state", false, true},
                                {"dunlin.transition", false, true}, {"dunlin.task_open", false, true}, {"dunlin.task_body", false, true},
                                {"dunlin.decision", false, true}};

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

struct EngineProgram {
  SourceMap sources;
  BundleSources files;
  std::unique_ptr<checked::Program> program;
  std::unique_ptr<ir::Program> ir;
  std::unique_ptr<Evaluator> evaluator;
  std::unique_ptr<abi::CalendarTables> calendar;
};

std::expected<std::unique_ptr<EngineProgram>, std::string> compile(const EndToEndOptions& options) {
  auto made = std::make_unique<EngineProgram>();
  Diagnostics diagnostics;
  made->files = read_bundle(options.bundle, diagnostics, made->sources);
  made->files.files.push_back({"nightly.dun", strategy_text});
  made->sources = SourceMap();
  made->program = check_bundle(made->files, made->sources, diagnostics, {.stdlib = options.stdlib, .analyse = false});
  if (!made->program) return std::unexpected(render_text(diagnostics, made->sources));
  made->ir = ir::lower(*made->program);
  auto native = compile_native(*made->ir);
  if (!native) return std::unexpected(native.error());
  made->evaluator = std::move(*native);
  auto calendar = abi::CalendarTables::make(abi::CalendarSpec{});
  if (!calendar) return std::unexpected(calendar.error());
  made->calendar = std::move(*calendar);
  return made;
}

store::StoreError trouble(std::string message) { return {store::StoreError::Kind::environment, std::move(message)}; }

/// "int4" -> its column type; only those that the engine's tables have.
std::optional<store::ColumnType> column_type(const std::string& type) {
  using enum store::ColumnType;
  static const std::vector<std::pair<const char*, store::ColumnType>> types = {
      {"bool", boolean}, {"int2", int16},  {"int4", int32}, {"int8", int64}, {"float8", float8}, {"text", text},
      {"bytea", bytea},  {"jsonb", jsonb}, {"uuid", uuid},  {"date", date},  {"time", time},     {"timestamptz", timestamp}};
  for (const auto& [name, found] : types) {
    if (type == name) return found;
  }
  return std::nullopt;
}

class EngineNights {
 public:
  EngineNights(const EndToEndOptions& options, const EngineProgram& program, store::Store& store, BulkConnection& first, BulkConnection& second)
      : options_(options), program_(program), store_(store), first_(first), second_(second) {}

  Result<void> run(EndToEndFigures& figures, const std::function<void()>& after_nights) {
    if (auto done = fill(); !done) return done;
    // As before every round of what it is compared with: no checkpoint of the filling falls into the night, and every page it changes is logged whole.
    if (auto done = first_.run("checkpoint"); !done) return std::unexpected(done.error());
    auto full = night(0, false);
    if (!full) return std::unexpected(full.error());
    figures.full_night_s = *full;
    if (auto kept = keep_written(); !kept) return kept;
    if (auto changed = change_some(); !changed) return changed;
    auto some = night(1, false);
    if (!some) return std::unexpected(some.error());
    figures.night_2pct_s = *some;
    figures.night_2pct_cases = cases_stepped_;
    after_nights();
    return measure_floors(figures);
  }

 private:
  static constexpr int64_t day_us = 86'400'000'000;
  static int64_t instant_of(int64_t nights_later) { return (as_of + nights_later) * day_us; }

  store::InstanceRow row_of(const Columns& columns, size_t row, abi::Arena&) const {
    const auto& entity = program_.program->entities[0];
    store::InstanceRow instance;
    instance.entity = 0;
    instance.key = std::to_string(columns.id[row]);
    instance.root_key = instance.key;
    const int64_t values[] = {
        columns.id[row],      columns.product[row],      columns.balance[row],       columns.dpd[row],      columns.risk[row],
        columns.behav[row],   columns.mob[row],          columns.calls7[row],        columns.letters[row],  columns.paid_after_letter[row],
        columns.broken[row],  columns.promise_open[row], columns.promise_day[row],   columns.rpc_days[row], columns.region[row],
        columns.secured[row], columns.legal[row],        columns.last_pay_days[row], columns.tz_off[row],   columns.stage[row]};
    instance.slots.assign(static_cast<size_t>(entity.slot_count), 0);
    for (size_t i = 0; i < entity.fields.size(); ++i) instance.slots[static_cast<size_t>(entity.fields[i].slot)] = values[i];
    return instance;
  }

  Result<void> fill() {
    if (program_.program->entities.size() != 1 || program_.program->entities[0].fields.size() != 20) {
      return std::unexpected(trouble("the workload's bundle does not have the one entity `account` with its 20 fields"));
    }
    if (auto done = store_.migrate(); !done) return done;
    if (auto done = store_.prepare(*program_.program); !done) return done;
    auto version = store_.activate(*program_.program, program_.files, "bench", instant_of(0));
    if (!version) return std::unexpected(version.error());
    version_ = version->number;
    constexpr int64_t batch = 20'000;
    server::Progress progress("fill the portfolio", "accounts", options_.accounts, options_.progress);
    for (int64_t first = 1; first <= options_.accounts; first += batch) {
      auto columns = generate(static_cast<size_t>(std::min(batch, options_.accounts - first + 1)), first);
      std::vector<store::InstanceRow> rows;
      abi::Arena arena;
      for (size_t row = 0; row < columns.rows(); ++row) rows.push_back(row_of(columns, row, arena));
      auto put = store_.put_instances(*program_.program, rows, instant_of(0));
      if (!put) return std::unexpected(put.error());
      progress.at(first + batch);
    }
    return settle();
  }

  Result<void> settle() {
    auto done = first_.run("vacuum analyze");
    if (!done) return std::unexpected(done.error());
    return {};
  }

  Result<double> night(int64_t nights_later, bool full) {
    abi::Arena arena;
    simulate::NightProgram program{*program_.program, *program_.evaluator, *program_.calendar->view(),
                                   engine::initial_settings(*program_.program, *program_.evaluator, *program_.calendar->view(), arena), version_};
    server::Progress progress("night", "case files", options_.accounts, options_.progress);
    simulate::NightOptions night_options;
    night_options.full = full;
    night_options.steppers = 1;
    night_options.progress = [&](const simulate::NightProgress& at) { progress.at(at.so_far.cases); };
    auto begin = Clock::now();
    auto report = simulate::run_once(store_, program, instant_of(nights_later), night_options);
    if (!report) return std::unexpected(report.error());
    cases_stepped_ = report->counts.cases;
    if (report->counts.faults > 0) return std::unexpected(trouble("the engine set case files aside"));
    return seconds_since(begin);
  }

  /// Accounts are a day further past due: their data changed, so they wake. As many as make two in a hundred, with those that wake by themselves.
  Result<void> change_some() {
    auto due = first_.value(fmt::format("select count(*) from dunlin.case_file where wake_at <= timestamptz 'epoch' + interval '1 day' * {}", as_of + 1));
    if (!due) return std::unexpected(due.error());
    const int64_t wanted = std::max<int64_t>(options_.accounts / 50 - std::atoll(due->value_or("0").c_str()), 1);
    std::vector<store::InstanceRow> rows;
    abi::Arena arena;
    for (int64_t first = 1; first <= options_.accounts && static_cast<int64_t>(rows.size()) < wanted; first += options_.accounts / wanted) {
      auto columns = generate(1, first);
      columns.dpd[0] = std::min(columns.dpd[0] + 1, 720);
      rows.push_back(row_of(columns, 0, arena));
    }
    auto put = store_.put_instances(*program_.program, rows, instant_of(1));
    if (!put) return std::unexpected(put.error());
    return settle();
  }

  struct Kept {
    std::string shadow;
    std::vector<store::Columns> rows;
  };

  Result<std::vector<store::ColumnType>> types_of(const std::string& table) {
    auto listed =
        first_.value(fmt::format("select string_agg(t.typname, ',' order by a.attnum) from pg_attribute a join pg_type t on t.oid = a.atttypid "
                                 "where a.attrelid = '{}'::regclass and a.attnum > 0 and not a.attisdropped",
                                 table));
    if (!listed) return std::unexpected(listed.error());
    std::vector<store::ColumnType> types;
    std::string rest = listed->value_or("") + ",";
    for (size_t end; (end = rest.find(',')) != std::string::npos; rest.erase(0, end + 1)) {
      auto type = column_type(rest.substr(0, end));
      if (!type) return std::unexpected(trouble(fmt::format("table {} has a column of type {}", table, rest.substr(0, end))));
      types.push_back(*type);
    }
    return types;
  }

  /// The rows that the night wrote, kept in memory, and an empty table like each, with its indexes.
  Result<void> keep_written() {
    if (auto made = first_.run("create schema if not exists bench"); !made) return std::unexpected(made.error());
    for (const auto& table : moved) {
      if (!table.written) continue;
      Kept kept;
      kept.shadow = fmt::format("bench.like_{}", std::string_view(table.name).substr(7));
      if (auto made = make_shadow(kept.shadow, table.name); !made) return std::unexpected(made.error());
      // What SQL writes again is kept in a table of its own, as the night's changes go on in the engine's.
      if (auto made = first_.run(fmt::format("create table {}_rows as table {}", kept.shadow, table.name)); !made) return std::unexpected(made.error());
      kept_.push_back(std::move(kept));
    }
    return {};
  }

  /// An empty table like one of the engine's: columns, indexes, and the share of a page that stays free.
  Result<void> make_shadow(const std::string& shadow, const char* table) {
    auto options = first_.value(fmt::format("select ' with (' || array_to_string(reloptions, ', ') || ')' from pg_class where oid = '{}'::regclass", table));
    if (!options) return std::unexpected(options.error());
    auto made = first_.run(fmt::format("create table {} (like {} including all excluding generated){}", shadow, table, options->value_or("")));
    if (!made) return std::unexpected(made.error());
    return {};
  }

  /// Reads the kept rows into memory: only after the engine's peak was taken.
  Result<void> load_kept() {
    for (auto& kept : kept_) {
      auto types = types_of(kept.shadow);
      if (!types) return std::unexpected(types.error());
      auto copy = store::CopyOut::start(first_, kept.shadow + "_rows", *types);
      if (!copy) return std::unexpected(copy.error());
      while (true) {
        auto rows = store::columns_of(*types);
        auto count = (*copy)->next(rows, 32'768);
        if (!count) return std::unexpected(count.error());
        if (*count == 0) break;
        kept.rows.push_back(std::move(rows));
      }
    }
    return {};
  }

  Result<void> measure_floors(EndToEndFigures& figures) {
    if (auto loaded = load_kept(); !loaded) return loaded;
    std::vector<double> copy_s, sql_s;
    for (int round = 0; round < options_.rounds; ++round) {
      auto copy = timed_round([&] { return move_bytes(); });
      if (!copy) return std::unexpected(copy.error());
      copy_s.push_back(*copy);
      auto sql = timed_round([&] { return write_by_sql(); });
      if (!sql) return std::unexpected(sql.error());
      sql_s.push_back(*sql);
    }
    figures.full_night_copy_floor_s = median(copy_s);
    figures.sql_twin_s = median(sql_s);
    return {};
  }

  template <class Way>
  Result<double> timed_round(Way way) {
    for (const auto& kept : kept_) {
      if (auto emptied = first_.run("truncate " + kept.shadow); !emptied) return std::unexpected(emptied.error());
    }
    if (auto done = first_.run("checkpoint"); !done) return std::unexpected(done.error());
    auto begin = Clock::now();
    if (auto started = first_.run("begin"); !started) return std::unexpected(started.error());
    if (auto done = way(); !done) return std::unexpected(done.error());
    if (auto committed = first_.run("commit"); !committed) return std::unexpected(committed.error());
    return seconds_since(begin);
  }

  /// All that the night read out, all that it wrote in, at once.
  Result<void> move_bytes() {
    std::optional<store::StoreError> problem;
    std::thread reader([&] {
      for (const auto& table : moved) {
        if (!table.read) continue;
        auto copy = store::CopyOut::start(second_, table.name, {});
        if (copy) {
          auto drained = (*copy)->drain();
          if (!drained) problem = drained.error();
        } else {
          problem = copy.error();
        }
      }
    });
    auto written = write_kept();
    reader.join();
    if (problem) return std::unexpected(*problem);
    return written;
  }

  Result<void> write_kept() {
    for (const auto& kept : kept_) {
      auto copy = store::CopyIn::start(first_, kept.shadow);
      if (!copy) return std::unexpected(copy.error());
      for (const auto& rows : kept.rows) {
        if (auto put = (*copy)->put(rows); !put) return put;
      }
      auto taken = (*copy)->finish();
      if (!taken) return std::unexpected(taken.error());
    }
    return {};
  }

  Result<void> write_by_sql() {
    for (const auto& kept : kept_) {
      auto done = first_.run(fmt::format("insert into {0} select * from {0}_rows", kept.shadow));
      if (!done) return std::unexpected(done.error());
    }
    return {};
  }

  const EndToEndOptions& options_;
  const EngineProgram& program_;
  store::Store& store_;
  BulkConnection& first_;
  BulkConnection& second_;
  int32_t version_ = 0;
  int64_t cases_stepped_ = 0;  // in the last night
  std::vector<Kept> kept_;
};

}  // namespace

std::expected<void, std::string> measure_engine_nights(const EndToEndOptions& options, const std::string& url, EndToEndFigures& figures,
                                                       const std::function<void()>& after_nights) {
  auto program = compile(options);
  if (!program) return std::unexpected(program.error());
  auto store = store::open_postgres({.url = url});
  if (!store) return std::unexpected(store.error().message);
  auto first = BulkConnection::open(url), second = BulkConnection::open(url);
  if (!first || !second) return std::unexpected((!first ? first : second).error().message);
  auto done = EngineNights(options, **program, **store, **first, **second).run(figures, after_nights);
  if (!done) return std::unexpected(done.error().message);
  return {};
}

}  // namespace dunlin::bench

#include "server/bench/engine_night.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
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
#include "server/bench/floor.h"
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
event payment of account { amount : money }
strategy nightly "Nightly work" for account {
  enrol when dpd >= 0
  on payment : go paid
  stage decided {
    keep work "by treatment" while queue != no_queue {
      priority { urgency: prio }
      fields   { segment: seg, template_number: template, days: due }
    }
  }
  stage paid { after 3 days : go decided }
}
)";

/// Tables that a full night reads or writes …
const std::vector<MovedTable> full_night = {{"portfolio.account", true, false}, {"dunlin.case_file", true, true},  {"dunlin.state", false, true},
                                            {"dunlin.transition", false, true}, {"dunlin.task_open", false, true}, {"dunlin.task_body", false, true},
                                            {"dunlin.decision", false, true}};
/// … and what one with events writes for the case files that have some. Reading is not among it: the engine looks each case file up.
constexpr const char* with_event = "(bucket, case_id) in (select bucket, case_id from dunlin.event)";
const std::vector<MovedTable> event_night = {
    {"dunlin.event", false, true},
    {"dunlin.event_key", false, true},
    {"dunlin.case_file", false, true, with_event},
    {"dunlin.state", false, true, with_event},
    {"dunlin.transition", false, true, fmt::format("{} and at >= timestamptz 'epoch' + interval '1 day' * {}", with_event, as_of + 2)},
    {"dunlin.task_done", false, true},
    {"dunlin.decision", false, true, "recorded_at >= (select min(recorded_at) from dunlin.event)"}};

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

class EngineNights {
 public:
  EngineNights(const EndToEndOptions& options, const EngineProgram& program, store::Store& store, BulkConnection& first, BulkConnection& second,
               std::string url)
      : options_(options), program_(program), store_(store), first_(first), second_(second), url_(std::move(url)) {}

  Result<void> run(EndToEndFigures& figures, const std::function<void()>& after_nights) {
    if (auto done = fill(); !done) return done;
    // As before every round of what it is compared with: no checkpoint of the filling falls into the night, and every page it changes is logged whole.
    if (auto done = first_.run("checkpoint"); !done) return std::unexpected(done.error());
    auto full = night(0, false);
    if (!full) return std::unexpected(full.error());
    figures.full_night_s = *full;
    Floor full_floor(full_night, "bench", first_, second_), event_floor(event_night, "bench_events", first_, second_);
    if (auto kept = full_floor.keep(); !kept) return kept;
    if (auto changed = change_some(1); !changed) return changed;
    auto some = night(1, false);
    if (!some) return std::unexpected(some.error());
    figures.night_2pct_s = *some;
    figures.night_2pct_cases = cases_stepped_;
    if (auto done = night_with_events(figures); !done) return done;
    after_nights();
    if (auto kept = event_floor.keep(); !kept) return kept;
    if (auto done = full_floor.measure(options_.rounds, figures.full_night_copy_floor_s, figures.sql_twin_s); !done) return done;
    return event_floor.measure(options_.rounds, figures.event_night_copy_floor_s, figures.event_night_sql_twin_s);
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

  /// Events arrive all the while that 2% of the case files wake: one account in so many pays. Over when every event has been posted and stepped.
  Result<void> night_with_events(EndToEndFigures& figures) {
    if (auto changed = change_some(2); !changed) return changed;
    auto posting = store::open_postgres({.url = url_});
    if (!posting) return std::unexpected(posting.error());
    figures.events = std::min<int64_t>(100'000, options_.accounts / 2);
    std::optional<store::StoreError> problem;
    std::atomic<bool> posted = false;
    const auto begin = Clock::now();
    std::thread poster([&] {
      if (auto done = post_payments(**posting, figures.events); !done) problem = done.error();
      figures.posting_s = seconds_since(begin);
      posted = true;
    });
    Result<void> stepped;
    figures.event_night_cases = 0;
    for (;;) {
      const bool last = posted;
      auto took = night(2, false);
      if (!took) {
        stepped = std::unexpected(took.error());
        break;
      }
      figures.event_night_cases += cases_stepped_;
      if (last && cases_stepped_ == 0) break;
    }
    poster.join();
    figures.event_night_s = seconds_since(begin);
    if (problem) return std::unexpected(*problem);
    if (!stepped) return stepped;
    // Whoever paid has gone on: nothing was left lying.
    auto went =
        first_.value(fmt::format("select count(distinct (bucket, case_id)) from dunlin.transition where at >= timestamptz 'epoch' + interval '1 day' * {} and "
                                 "(bucket, case_id) in (select bucket, case_id from dunlin.event)",
                                 as_of + 2));
    auto paid = first_.value("select count(distinct (bucket, case_id)) from dunlin.event");
    if (!went || !paid) return std::unexpected((!went ? went : paid).error());
    if (*went != *paid) return std::unexpected(trouble(fmt::format("of {} case files with a payment {} went on", paid->value_or("0"), went->value_or("0"))));
    return {};
  }

  Result<void> post_payments(store::Store& posting, int64_t count) {
    const auto type = std::ranges::find(program_.program->events, std::string("payment"), &checked::EventType::name) - program_.program->events.begin();
    constexpr int64_t batch = 1'000;
    for (int64_t first = 0; first < count; first += batch) {
      std::vector<store::EventRow> rows;
      for (int64_t i = first; i < std::min(count, first + batch); ++i) {
        // Spread over the portfolio as events are: neighbours in time are no neighbours in the tables.
        const std::string key = std::to_string(1 + i * 7'919 % options_.accounts);
        rows.push_back({.root_key = key,
                        .entity = 0,
                        .owner_key = key,
                        .at = instant_of(2),
                        .type = static_cast<int32_t>(type),
                        .source = "bench",
                        .external_id = std::to_string(i),
                        .slots = {100 + i}});
      }
      if (auto taken = posting.post_events(*program_.program, rows); !taken) return std::unexpected(taken.error());
    }
    return {};
  }

  /// Accounts are a day further past due: their data changed, so they wake. As many as make two in a hundred, with those that wake by themselves.
  Result<void> change_some(int64_t nights_later) {
    auto due =
        first_.value(fmt::format("select count(*) from dunlin.case_file where wake_at <= timestamptz 'epoch' + interval '1 day' * {}", as_of + nights_later));
    if (!due) return std::unexpected(due.error());
    const int64_t wanted = std::max<int64_t>(options_.accounts / 50 - std::atoll(due->value_or("0").c_str()), 1);
    std::vector<store::InstanceRow> rows;
    abi::Arena arena;
    for (int64_t first = 1; first <= options_.accounts && static_cast<int64_t>(rows.size()) < wanted; first += options_.accounts / wanted) {
      auto columns = generate(1, first);
      columns.dpd[0] = std::min(columns.dpd[0] + static_cast<int32_t>(nights_later), 720);
      rows.push_back(row_of(columns, 0, arena));
    }
    auto put = store_.put_instances(*program_.program, rows, instant_of(nights_later));
    if (!put) return std::unexpected(put.error());
    return settle();
  }

  const EndToEndOptions& options_;
  const EngineProgram& program_;
  store::Store& store_;
  BulkConnection& first_;
  BulkConnection& second_;
  int32_t version_ = 0;
  const std::string url_;
  int64_t cases_stepped_ = 0;  // in the last night
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
  auto done = EngineNights(options, **program, **store, **first, **second, url).run(figures, after_nights);
  if (!done) return std::unexpected(done.error().message);
  return {};
}

}  // namespace dunlin::bench

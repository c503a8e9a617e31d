// dunlin run: carries a bundle over the portfolio, for one instant or day by day.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>

#include "compiler/abi/clock.h"
#include "runtime/store/business_clock.h"
#include "server/commands.h"
#include "server/compile.h"
#include "server/import/inflow.h"
#include "server/import/mapped_tables.h"
#include "server/import/value_reader.h"
#include "server/open_store.h"
#include "server/output/progress.h"
#include "server/plan/proposal.h"
#include "server/plan/take_up.h"
#include "server/run_report.h"

namespace dunlin::server {
namespace {

struct RunCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  std::string from, to, clock;
  std::vector<std::string> parts;
  bool full = false, interpreter = false, summary = false, every_wake = false, accept_wider_limits = false;
  int threads = 1;
};

/// When to run: one instant, or the days from … to.
struct When {
  bool once = false;
  int64_t instant = 0;
  int64_t from = 0, to = 0;
};

std::expected<When, std::string> find_when(const RunCommand& command, const checked::Program& program) {
  When when;
  if (!command.from.empty()) {
    auto from = import::read_date(command.from), to = import::read_date(command.to);
    if (!from) return std::unexpected("--from: " + from.error());
    if (!to) return std::unexpected("--to: " + to.error());
    if (*to < *from) return std::unexpected(fmt::format("--to {} lies before --from {}", command.to, command.from));
    when.from = *from;
    when.to = *to;
    return when;
  }
  when.once = true;
  // To the microsecond: what was posted just now lies behind, not ahead.
  when.instant = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  if (command.clock.empty()) return when;
  auto zone = import::Zone::find(program.bundle);
  if (!zone) return std::unexpected(zone.error());
  auto instant = import::ValueReader(program, *zone).read_instant(command.clock, import::ValueFormat{});
  if (!instant) return std::unexpected("--clock: " + instant.error());
  when.instant = *instant;
  return when;
}

class Run {
 public:
  Run(const RunCommand& command, const RunnableBundle& bundle, store::Store& store, const Scenario& scenario, const When& when)
      : command_(command), bundle_(bundle), store_(store), scenario_(scenario), when_(when), progress_("run", "case files", 0, command.common.progress) {}

  store::Result<RunReport> run() {
    auto begin = std::chrono::steady_clock::now();
    if (auto done = look_at_clock(); !done) return std::unexpected(done.error());
    if (auto done = prepare(); !done) return std::unexpected(done.error());
    abi::Arena arena;
    const auto& evaluator = bundle_.machine.evaluator(command_.interpreter);
    const auto& calendar = *bundle_.machine.calendar->view();
    simulate::NightProgram program{bundle_.program(), evaluator, calendar, engine::initial_settings(bundle_.program(), evaluator, calendar, arena),
                                   report_.version};
    auto options = night_options();
    auto nights =
        when_.once ? simulate::run_once(store_, program, when_.instant, options) : simulate::run_nights(store_, program, when_.from, when_.to, options);
    progress_.end();
    if (!nights) return std::unexpected(nights.error());
    if (trouble_) return std::unexpected(*trouble_);
    report_.nights = std::move(*nights);
    if (when_.once) {
      if (auto done = take_funnel("now"); !done) return std::unexpected(done.error());
    }
    if (auto done = take_roll_rates(evaluator, calendar); !done) return std::unexpected(done.error());
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return std::move(report_);
  }

 private:
  /// Only the machine's own clock is watched: an instant that was given is meant.
  store::Result<void> look_at_clock() {
    store::BusinessClock* clock = when_.once && command_.clock.empty() ? store::business_clock_of(store_) : nullptr;
    if (clock == nullptr) return {};
    auto look = clock->look_at_clock(when_.instant, "dunlin run");
    if (!look) return std::unexpected(look.error());
    if (look->jumped == 0) return {};
    return std::unexpected(store::StoreError{
        store::StoreError::Kind::environment,
        fmt::format("the clock of this machine has jumped by {:+.1f} h against the database's since somebody last stepped by it; nothing was stepped. If it is "
                    "right, say so with `dunlin clock confirm --reason …`; else set it, or give the instant with --clock",
                    static_cast<double>(look->jumped) / 3.6e9)});
  }

  store::Result<void> prepare() {
    report_.bundle = bundle_.program().bundle.name;
    report_.from = command_.from;
    report_.to = command_.to;
    if (when_.once) report_.clock = command_.clock.empty() ? "now" : command_.clock;
    int64_t at = when_.instant;
    if (!when_.once && abi::day_start(*bundle_.machine.calendar->view(), when_.from, &at) != abi::Fault::none) {
      return std::unexpected(store::StoreError{store::StoreError::Kind::input, fmt::format("{} lies beyond the calendar", command_.from)});
    }
    auto taken = take_up(store_, bundle_, {.store = command_.store, .at = at, .accept_wider_limits = command_.accept_wider_limits});
    if (!taken) return std::unexpected(taken.error());
    report_.version = taken->version;
    report_.activated = taken->activated;
    return pull(at);
  }

  /// What changed in the bank's tables since the last run, and what other programs have written, before anybody decides on it.
  store::Result<void> pull(int64_t at) {
    auto zone = import::Zone::find(bundle_.program().bundle);
    if (!zone) return std::unexpected(store::StoreError{store::StoreError::Kind::environment, zone.error()});
    const StoreOptions where = with_environment(command_.store);
    const store::PostgresOptions database{.url = where.database, .folder = where.data};
    if (import::has_bank_tables(bundle_.program())) {
      auto tables = import::pull_bank_tables(store_, database, bundle_.program(), *zone, {.as_of = at});
      if (!tables) return std::unexpected(tables.error());
      report_.pulled = std::move(*tables);
    }
    auto written = import::take_inflow(store_, database, bundle_.program(), *zone, {.as_of = at});
    if (!written) return std::unexpected(written.error());
    std::ranges::move(*written, std::back_inserter(report_.pulled));
    return {};
  }

  simulate::NightOptions night_options() {
    simulate::NightOptions options;
    options.full = command_.full;
    options.steppers = command_.threads;
    options.every_wake = command_.every_wake;
    options.progress = [this](const simulate::NightProgress& at) {
      std::string note = import::date_text(at.date);
      if (at.nights_total > 1) note += fmt::format(" ({} of {} nights)", at.nights_done, at.nights_total);
      progress_.at(at.so_far.cases, note);
    };
    options.after_night = [this](int64_t date, engine::Instant, const simulate::NightCounts&) {
      auto civil = abi::civil_of(date);
      bool month_ends = civil.day == abi::days_in_month(civil.year, civil.month);
      if (when_.once || (!month_ends && date != when_.to)) return true;
      auto done = take_funnel(fmt::format("{:04}-{:02}", civil.year, civil.month));
      if (!done) trouble_ = done.error();
      return done.has_value();
    };
    return options;
  }

  store::Result<void> take_funnel(const std::string& month) {
    auto rows = store_.funnel();
    if (!rows) return std::unexpected(rows.error());
    report_.months.insert(month);
    for (const auto& row : *rows) {
      bool full_name = row.stage.find('.') != std::string::npos || row.strategy.empty();
      std::string stage = full_name ? row.stage : row.strategy + "." + row.stage;
      report_.funnel[stage.empty() ? "(in no strategy)" : stage][month] += row.count;
    }
    return {};
  }

  store::Result<void> take_roll_rates(const Evaluator& evaluator, const abi::Calendar& calendar) {
    if (when_.once) return {};
    auto dates = scenario_.samples(when_.from, when_.to);
    if (dates.size() < 2) return {};
    auto rates = count_roll_rates(store_, bundle_.program(), evaluator, calendar, scenario_, dates);
    if (!rates) return std::unexpected(rates.error());
    report_.has_roll_rates = true;
    report_.roll_rate_of = scenario_.roll_rate;
    report_.roll_rates = std::move(*rates);
    return {};
  }

  const RunCommand& command_;
  const RunnableBundle& bundle_;
  store::Store& store_;
  const Scenario& scenario_;
  const When& when_;
  Progress progress_;
  RunReport report_;
  std::optional<store::StoreError> trouble_;
};

std::set<ReportPart> parts_of(const RunCommand& command) {
  static const std::map<std::string, ReportPart> names = {{"funnel", ReportPart::funnel},
                                                          {"roll_rates", ReportPart::roll_rates},
                                                          {"tasks", ReportPart::tasks},
                                                          {"transitions", ReportPart::transitions},
                                                          {"faults", ReportPart::faults}};
  std::set<ReportPart> parts;
  if (command.summary) return parts;
  for (const auto& name : command.parts) parts.insert(names.at(name));
  if (parts.empty()) parts = {ReportPart::funnel, ReportPart::roll_rates, ReportPart::tasks, ReportPart::faults};
  return parts;
}

int run(const RunCommand& command) {
  if (command.from.empty() != command.to.empty()) return fail(command.common, Exit::usage, "--from and --to belong together");
  int exit = 0;
  auto bundle = runnable_bundle_or_exit(command.bundle, command.common, !command.interpreter, exit);
  if (!bundle) return exit;
  auto when = find_when(command, bundle->program());
  if (!when) return fail(command.common, Exit::usage, when.error());
  auto store = open_store_or_exit(command.store, command.common, exit);
  if (!store) return exit;
  if (auto whole = carry_along(*store, *bundle, !command.interpreter); !whole) return fail(command.common, whole.error());
  auto scenario = load_scenario(command.bundle.folder, bundle->program());
  if (!scenario) return fail(command.common, Exit::input, scenario.error());
  auto report = Run(command, *bundle, *store, *scenario, *when).run();
  if (!report) return fail(command.common, report.error());
  if (command.common.json) {
    fmt::print("{}\n", run_report_json(*report));
  } else {
    fmt::print("{}", run_report_text(*report, parts_of(command), command.common.color));
  }
  return 0;
}

}  // namespace

void add_run_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<RunCommand>();
  auto* sub = app.add_subcommand("run", "Carry a bundle over the portfolio: now, at an instant, or day by day");
  add_bundle_options(*sub, command->bundle);
  auto* from = sub->add_option("--from", command->from, "First day of a replay (2005-04-01)");
  sub->add_option("--to", command->to, "Last day of a replay");
  sub->add_option("--clock", command->clock, "One pass at this instant instead of now (2005-10-01 06:00, bundle's time)")->excludes(from);
  sub->add_flag("--full", command->full, "Step every case file, not only those that have a reason");
  sub->add_flag("--every-wake", command->every_wake, "Step at every wake between the days too, not only at day starts");
  sub->add_option("--threads", command->threads, "Threads that step")->check(CLI::Range(1, 256))->capture_default_str();
  sub->add_flag("--interpreter", command->interpreter, "Use the reference interpreter instead of native code");
  sub->add_option("--report", command->parts, "What to print: funnel, roll_rates, tasks, transitions, faults")
      ->check(CLI::IsMember({"funnel", "roll_rates", "tasks", "transitions", "faults"}))
      ->delimiter(',');
  sub->add_flag("--summary", command->summary, "Print only the totals");
  sub->add_flag("--accept-wider-limits", command->accept_wider_limits, "A limit of a version that becomes active may let more through than before");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin run strategies/card_collections --from 2005-04-01 --to 2005-09-30");
  sub->callback([command, &chosen] { chosen = [command] { return run(*command); }; });
}

}  // namespace dunlin::server

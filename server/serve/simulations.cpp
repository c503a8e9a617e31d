#include "server/serve/simulations.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <tuple>

#include "runtime/simulate/case_run.h"
#include "server/output/moment.h"
#include "server/serve/log.h"

namespace dunlin::server {

using Json = nlohmann::ordered_json;

namespace {

constexpr size_t kept = 20, batch = 200, shown_faults = 20;
constexpr int others_first = 10;  // nice

int64_t now_us() { return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count(); }

struct TaskSum {
  int64_t created = 0, withdrawn = 0, open = 0;
};
struct Move {
  int64_t count = 0;
  std::string entity, key;  // one of them
};

/// What comes of one version.
struct Sums {
  std::map<std::string, int64_t> stages;  // at the end
  std::map<std::tuple<std::string, std::string, std::string>, Move> moves;
  std::map<std::pair<std::string, std::string>, TaskSum> tasks;
  std::map<std::string, Move> faults;
  int64_t steps = 0;
};

std::string stage_text(const checked::Program& program, int32_t stage) { return stage < 0 ? "" : checked::stage_name(program, stage); }

/// A case file on its way through time, its steps counted.
class Watched : public simulate::CaseRun {
 public:
  Watched(const simulate::NightProgram& night, std::unique_ptr<engine::CaseFile> loaded, int64_t at, Sums& sums)
      : CaseRun(night.program, night.evaluator, night.calendar, night.settings, std::move(loaded), at), sums_(sums) {}

  void go(int64_t from, int64_t until) {
    try {
      settle({});
      wake_until(std::max(from, until), {});
    } catch (const simulate::Broken& broken) {
      count(sums_.faults[broken.message], 0);
    }
    for (size_t i = 0; i < file().instance_count(); ++i) {
      const auto& state = file().state(static_cast<int32_t>(i));
      if (state.strategy >= 0 && state.stage >= 0) ++sums_.stages[stage_text(program_, state.stage)];
    }
    for (const auto& task : file().tasks()) ++sums_.tasks[nature(task)].open;
  }

 protected:
  void after_step(const engine::StepResult& result, Span) override {
    ++sums_.steps;
    for (const auto& one : result.transitions)
      count(sums_.moves[{stage_text(program_, one.from_stage), stage_text(program_, one.to_stage), one.rule == 0 ? "enrolment" : one.rule_name}], one.instance);
    for (const auto& one : result.tasks) {
      if (one.change == engine::TaskChange::create) ++sums_.tasks[nature(one.task)].created;
      if (one.change == engine::TaskChange::withdraw) ++sums_.tasks[nature(one.task)].withdrawn;
    }
  }

 private:
  std::pair<std::string, std::string> nature(const engine::OpenTask& task) const {
    return {program_.queues[static_cast<size_t>(task.queue)].name, task.treatment};
  }
  void count(Move& move, int32_t position) {
    if (move.count++ > 0 || position < 0 || file().instance_count() == 0) return;
    const auto& instance = file().instance(position);
    move.entity = program_.entities[static_cast<size_t>(instance.entity)].name;
    move.key = engine::key_text(program_, instance);
  }

  Sums& sums_;
};

Json example_json(const Move& move) { return {{"entity", move.entity}, {"key", move.key}}; }

/// `names`: what the two sides are called in the answer, the first may be missing.
Json result_json(const std::map<std::string, int64_t>& before, const std::vector<std::pair<std::string, const Sums*>>& sides) {
  Json body{{"stages", Json::array()}, {"moves", Json::array()}, {"tasks", Json::array()}, {"faults", Json::object()}, {"steps", Json::object()}};
  std::map<std::string, Json> stages;
  std::map<std::tuple<std::string, std::string, std::string>, Json> moves;
  std::map<std::pair<std::string, std::string>, Json> tasks;
  for (const auto& [stage, count] : before) stages[stage]["now"] = count;
  for (const auto& [name, sums] : sides) {
    for (const auto& [stage, count] : sums->stages) stages[stage][name] = count;
    for (const auto& [key, move] : sums->moves) {
      moves[key][name] = move.count;
      moves[key]["example"] = example_json(move);
    }
    for (const auto& [key, sum] : sums->tasks) tasks[key][name] = {{"created", sum.created}, {"withdrawn", sum.withdrawn}, {"open", sum.open}};
    Json faults = Json::array();
    for (const auto& [message, move] : sums->faults) {
      if (faults.size() < shown_faults) faults.push_back({{"message", message}, {"count", move.count}, {"example", example_json(move)}});
    }
    body["faults"][name] = std::move(faults);
    body["steps"][name] = sums->steps;
  }
  const auto figures = [&](Json row, const Json& given, const Json& nothing) {
    for (const auto& [name, sums] : sides) row[name] = given.value(name, nothing);
    return row;
  };
  for (const auto& [stage, given] : stages) body["stages"].push_back(figures({{"stage", stage}, {"now", given.value("now", int64_t{0})}}, given, 0));
  for (const auto& [key, given] : moves) {
    const auto& [from, to, rule] = key;
    body["moves"].push_back(figures({{"from", from}, {"to", to}, {"rule", rule}, {"example", given["example"]}}, given, 0));
  }
  for (const auto& [key, given] : tasks)
    body["tasks"].push_back(figures({{"queue", key.first}, {"treatment", key.second}}, given, Json{{"created", 0}, {"withdrawn", 0}, {"open", 0}}));
  return body;
}

}  // namespace

struct Simulations::Job {
  int64_t number = 0;
  SimulationWish wish;
  std::string bundle;  // its name; empty: the active version alone
  int64_t started_at = 0, ended_at = 0;
  std::atomic<int64_t> cases = 0;
  std::atomic<bool> cancelled = false;
  // Under the guard of the owner.
  std::string status = "running", trouble;
  Json result;
  int32_t active = 0;
};

Simulations::Simulations(OpenStore open_store, std::filesystem::path stdlib) : open_store_(std::move(open_store)), stdlib_(std::move(stdlib)) {}
Simulations::~Simulations() { stop(); }

std::expected<int64_t, std::string> Simulations::start(SimulationWish wish) {
  const std::lock_guard lock(guard_);
  if (!jobs_.empty() && jobs_.back()->status == "running") return std::unexpected(fmt::format("simulation {} is running on this node", jobs_.back()->number));
  if (thread_.joinable()) thread_.join();  // it is over, or about to end without asking for the guard
  auto job = std::make_unique<Job>();
  job->number = ++last_;
  job->bundle = wish.bundle ? wish.bundle->program().bundle.name : "";
  job->wish = std::move(wish);
  job->started_at = now_us();
  Job& running = *job;
  jobs_.push_back(std::move(job));
  if (jobs_.size() > kept) jobs_.erase(jobs_.begin());
  thread_ = std::thread([this, &running] { run(running); });
  return running.number;
}

void Simulations::run(Job& job) {
  // Whoever waits for an answer, and the steps, go first.
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), others_first);
  std::string trouble;
  Json result;
  int32_t number = 0;
  const auto carry = [&]() -> store::Result<void> {
    auto opened = open_store_();
    if (!opened) return std::unexpected(opened.error());
    store::Store& store = **opened;
    auto found = active_version(store);
    if (!found) return std::unexpected(found.error());
    number = *found;
    std::unique_ptr<Runner> active;
    if (number != 0) {
      auto runner = runner_of_version(store, number, stdlib_, true);
      if (!runner) return std::unexpected(runner.error());
      active = std::move(*runner);
    }
    std::vector<std::pair<std::string, const Runner*>> runners;
    if (active) runners.emplace_back("active", active.get());
    if (job.wish.bundle) runners.emplace_back("proposed", job.wish.bundle.get());
    if (runners.empty()) return std::unexpected(store::StoreError{store::StoreError::Kind::input, "no version is active, and no bundle was given"});
    if (job.wish.bundle) {
      if (auto room = store.make_room(job.wish.bundle->program()); !room) return room;
    }
    std::vector<const checked::Program*> programs;
    std::vector<simulate::NightProgram> nights;
    std::vector<Sums> sums(runners.size());
    nights.reserve(runners.size());
    for (const auto& [name, runner] : runners) {
      programs.push_back(&runner->program());
      nights.push_back(runner->native_night());
    }
    std::map<std::string, int64_t> before;
    int64_t instances = 0;
    store::Look look;
    bool more = true;
    while (more && !job.cancelled) {
      if (auto done = store.look(programs, look, batch); !done) return done;
      if (look.cases[0].empty()) break;
      for (size_t c = 0; c < look.cases[0].size() && !job.cancelled; ++c) {
        if (look.cases[0][c]->instance_count() == 0) continue;
        instances += static_cast<int64_t>(look.cases[0][c]->instance_count());
        const auto& first = *look.cases[0][c];
        for (size_t i = 0; i < first.instance_count(); ++i) {
          const auto& state = first.state(static_cast<int32_t>(i));
          if (state.strategy >= 0 && state.stage >= 0) ++before[stage_text(*programs[0], state.stage)];
        }
        for (size_t r = 0; r < runners.size(); ++r) Watched(nights[r], std::move(look.cases[r][c]), job.wish.from, sums[r]).go(job.wish.from, job.wish.until);
        if (++job.cases == job.wish.cases_max) {
          more = false;
          break;
        }
      }
      for (auto& list : look.cases) list.clear();  // they have gone their own way
    }
    std::vector<std::pair<std::string, const Sums*>> sides;
    for (size_t r = 0; r < runners.size(); ++r) sides.emplace_back(runners[r].first, &sums[r]);
    result = result_json(before, sides);
    result["cases"] = job.cases.load();
    result["instances"] = instances;
    return {};
  };
  try {
    if (auto done = carry(); !done) trouble = done.error().message;
  } catch (const std::exception& error) {
    trouble = error.what();
  }
  if (!trouble.empty()) log::write(log::Level::warn, "a simulation failed", {{"simulation", std::to_string(job.number)}, {"reason", trouble}});
  const std::lock_guard lock(guard_);
  job.wish.bundle.reset();  // native code is given back
  job.ended_at = now_us();
  job.active = number;
  job.status = job.cancelled ? "cancelled" : trouble.empty() ? "done" : "failed";
  if (job.status == "done") job.result = std::move(result);
  job.trouble = trouble;
}

Json Simulations::head_of(const Job& job) {
  Json body{{"simulation", job.number},
            {"status", job.status},
            {"by", job.wish.who},
            {"bundle", job.bundle.empty() ? Json() : Json(job.bundle)},
            {"from", moment_json(job.wish.from)},
            {"until", moment_json(job.wish.until)},
            {"started_at", moment_json(job.started_at)},
            {"ended_at", job.ended_at == 0 ? Json() : Json(moment_json(job.ended_at))},
            {"cases_done", job.cases.load()},
            {"active_version", job.active == 0 ? Json() : Json(job.active)}};
  if (!job.trouble.empty()) body["trouble"] = job.trouble;
  return body;
}

Json Simulations::list() const {
  const std::lock_guard lock(guard_);
  Json items = Json::array();
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) items.push_back(head_of(**job));
  return items;
}

std::optional<Json> Simulations::find(int64_t number) const {
  const std::lock_guard lock(guard_);
  const auto found = std::ranges::find_if(jobs_, [&](const auto& job) { return job->number == number; });
  if (found == jobs_.end()) return std::nullopt;
  Json body = head_of(**found);
  if ((*found)->status == "done") body["result"] = (*found)->result;
  return body;
}

bool Simulations::cancel(int64_t number) {
  const std::lock_guard lock(guard_);
  const auto found = std::ranges::find_if(jobs_, [&](const auto& job) { return job->number == number; });
  if (found == jobs_.end() || (*found)->status != "running") return false;
  (*found)->cancelled = true;
  return true;
}

void Simulations::stop() {
  {
    const std::lock_guard lock(guard_);
    for (auto& job : jobs_) job->cancelled = true;
  }
  if (thread_.joinable()) thread_.join();
}

}  // namespace dunlin::server

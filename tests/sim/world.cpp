#include "tests/sim/world.h"

#include <catch2/catch.hpp>
#include <fstream>

#include "compiler/abi/clock.h"
#include "lang/diag/render.h"
#include "runtime/engine/identity.h"
#include "runtime/engine/state_codec.h"

namespace dunlin::sim_test {

int64_t date_of(int year, int month, int day) { return abi::date_of_civil(year, month, day); }

uint64_t Dice::next() {
  state_ = engine::hash_mix(state_, 0x5EED);
  return state_;
}

Compiled::Compiled(const std::string& text) {
  bundle_.files.push_back({"test.dun", text});
  Diagnostics diagnostics;
  compile(diagnostics);
}

Compiled::Compiled(BundleSources sources) : bundle_(std::move(sources)) {
  Diagnostics diagnostics;
  compile(diagnostics);
}

Compiled Compiled::folder(const std::string& path) {
  Compiled made;
  Diagnostics diagnostics;
  made.bundle_ = read_bundle(std::string(DUNLIN_SOURCE_DIR) + "/" + path, diagnostics, made.sources_);
  made.compile(diagnostics);
  return made;
}

void Compiled::compile(Diagnostics& diagnostics) {
  const std::string stdlib = std::string(DUNLIN_SOURCE_DIR) + "/stdlib";
  program_ = check_bundle(bundle_, sources_, diagnostics, {.stdlib = stdlib, .analyse = true});
  INFO(render_text(diagnostics, sources_));
  REQUIRE(program_ != nullptr);
  ir_ = ir::lower(*program_);
  interpreter_ = make_interpreter(*ir_);
  abi::CalendarSpec spec{.timezone = program_->bundle.timezone,
                         .day_start_s = program_->bundle.day_start_s,
                         .minor_digits = program_->bundle.minor_digits,
                         .first_year = 2000,
                         .last_year = 2029};
  const std::string& calendar = program_->bundle.calendar;
  if (!calendar.empty() && calendar != "none") {
    std::ifstream file(stdlib + "/calendars/" + calendar + ".csv");
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    REQUIRE(abi::read_calendar_csv(text, spec).has_value());
  }
  calendar_ = std::move(*abi::CalendarTables::make(spec));
  settings_ = engine::initial_settings(*program_, *interpreter_, *calendar_->view(), *arena_);
}

Instant Compiled::day_start(int64_t date) const {
  Instant at = 0;
  REQUIRE(abi::day_start(calendar(), date, &at) == abi::Fault::none);
  return at;
}

Portfolio::Portfolio(const Compiled& compiled) : Portfolio(compiled, store::open_model(), InNew{}) {}

Portfolio::Portfolio(const Compiled& compiled, std::unique_ptr<store::Store> store, InNew) : compiled_(compiled), store_(std::move(store)) {
  REQUIRE(store_->migrate().has_value());
  REQUIRE(store_->prepare(compiled.program()).has_value());
  REQUIRE(store_->activate(compiled.program(), compiled.sources(), "tester", 0).has_value());
}

std::vector<int64_t> Portfolio::slots_for(const std::vector<checked::Field>& fields, int32_t count, const std::vector<Given>& given) {
  std::vector<int64_t> slots(static_cast<size_t>(count));
  for (const checked::Field& field : fields) {
    if (!field.type.optional && field.type.kind == checked::TypeKind::text) slots[field.slot] = reinterpret_cast<int64_t>(texts_.text(""));
  }
  for (const Given& value : given) {
    const checked::Index index = checked::find_field(fields, value.field);
    REQUIRE(index != checked::none);
    const checked::Field& field = fields[index];
    int64_t* to = slots.data() + field.slot;
    if (field.type.optional) *to++ = value.missing ? 0 : 1;
    *to = value.missing ? 0 : value.value;
  }
  return slots;
}

void Portfolio::put(const std::string& entity, const std::string& key, const std::string& root, const std::string& parent, const std::vector<Given>& fields,
                    Instant at) {
  const checked::Index index = checked::find_entity(compiled_.program(), entity);
  REQUIRE(index != checked::none);
  const checked::Entity& kind = compiled_.program().entities[index];
  store::InstanceRow row{.entity = index, .key = key, .root_key = root, .parent_key = parent, .slots = slots_for(kind.fields, kind.slot_count, fields)};
  row.slots[kind.fields[kind.key_field].slot] = reinterpret_cast<int64_t>(texts_.text(key));
  const auto counts = store_->put_instances(compiled_.program(), {row}, at);
  REQUIRE(counts.has_value());
  REQUIRE(counts->set_aside == 0);
}

void Portfolio::post(const std::string& event, const std::string& owner_entity, const std::string& owner, const std::string& root,
                     const std::vector<Given>& fields, Instant at) {
  const checked::Index type = checked::find_event(compiled_.program(), event);
  INFO(event);
  REQUIRE(type != checked::none);
  const checked::EventType& kind = compiled_.program().events[type];
  store::EventRow row{.root_key = root,
                      .entity = checked::find_entity(compiled_.program(), owner_entity),
                      .owner_key = owner,
                      .at = at,
                      .type = type,
                      .source = "test",
                      .external_id = std::to_string(++events_),
                      .slots = slots_for(kind.fields, kind.slot_count, fields)};
  const auto counts = store_->post_events(compiled_.program(), {row});
  REQUIRE(counts.has_value());
  REQUIRE(counts->inserted == 1);
  if (posted) posted(row);
}

void Portfolio::complete(const store::TaskRow& task, int64_t identity, const std::string& outcome, const std::vector<Given>& fields, Instant at) {
  std::vector<Given> all = fields;
  all.push_back({"treatment", reinterpret_cast<int64_t>(texts_.text(task.treatment))});
  all.push_back({"task_identity", identity});
  post(outcome, task.entity, task.key, task.root_key, all, at);
}

simulate::NightReport Portfolio::night(int64_t date, const simulate::NightOptions& options) {
  auto report = simulate::run_nights(*store_, compiled_.night(), date, date, options);
  INFO((report.has_value() ? "" : report.error().message));
  REQUIRE(report.has_value());
  return *report;
}

std::unique_ptr<engine::CaseFile> Portfolio::case_of(const std::string& account) {
  auto file = store_->load_case(compiled_.program(), "account", account, std::nullopt);
  REQUIRE(file.has_value());
  return std::move(*file);
}

std::string Portfolio::stage_of(const std::string& account) {
  const auto file = case_of(account);
  const int32_t stage = file->state(file->find(engine::stable_id("account", account))).stage;
  return stage < 0 ? "none" : checked::stage_name(compiled_.program(), stage);
}

std::vector<std::string> Portfolio::open_tasks(const std::string& account) {
  std::vector<std::string> open;
  auto rows = store_->tasks_of("account", account);
  REQUIRE(rows.has_value());
  for (const auto& row : *rows) {
    if (row.status == "ready" || row.status == "leased") open.push_back(row.queue + " " + row.treatment);
  }
  return open;
}

std::string Portfolio::dump(const std::vector<std::string>& accounts) {
  std::string text;
  for (const std::string& account : accounts) {
    const auto file = case_of(account);
    for (size_t i = 0; i < file->instance_count(); ++i) {
      const engine::InstanceState& state = file->state(static_cast<int32_t>(i));
      std::string bytes;
      for (const char c : engine::encode_state(compiled_.program(), state)) bytes += std::to_string(static_cast<unsigned char>(c)) + ".";
      text += account + " " + std::to_string(i) + " stage " + std::to_string(state.stage) + " entered " + std::to_string(state.entered_at) + " steps " +
              std::to_string(state.step_number) + " state " + bytes + "\n";
    }
    const auto transitions = store_->transitions("account", account);
    const auto tasks = store_->tasks_of("account", account);
    for (const auto& row : *transitions) text += account + " went " + row.from + " -> " + row.to + " by " + row.rule + " at " + std::to_string(row.at) + "\n";
    for (const auto& row : *tasks)
      text += account + " task " + row.id + " " + row.queue + " " + row.treatment + " " + row.status + " " + row.rule + " priority " +
              std::to_string(row.priority) + " from " + std::to_string(row.not_before) + " due " + std::to_string(row.due) + " made " +
              std::to_string(row.created_at) + " done " + std::to_string(row.done_at) + " " + row.fields_json + "\n";
  }
  const auto quarantine = store_->quarantine(1000);
  for (const auto& aside : *quarantine) text += "set aside " + aside.where + ": " + aside.reason + "\n";
  return text;
}

}  // namespace dunlin::sim_test

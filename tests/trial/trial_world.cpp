#include "tests/trial/trial_world.h"

#include "lang/sema/experiments.h"
#include "runtime/engine/identity.h"

namespace dunlin::trial_test {

Version::Version(store::Store& at_store, const std::string& text, Instant at) : Version(at_store, BundleSources{{{"test.dun", text}}}, at) {}

Version::Version(store::Store& at_store, BundleSources sources, Instant at) : compiled(std::move(sources)), store(at_store) {
  good(store.migrate());
  good(store.prepare(program()));
  number = good(store.activate(program(), compiled.sources(), "tester", at)).number;
}

simulate::NightProgram Version::night() const {
  simulate::NightProgram night = compiled.night();
  night.version = number;
  return night;
}

static std::vector<int64_t> blank(const std::vector<checked::Field>& fields, int32_t slots, abi::Arena& texts) {
  std::vector<int64_t> made(static_cast<size_t>(slots));
  for (const checked::Field& field : fields) {
    if (!field.type.optional && field.type.kind == checked::TypeKind::text) made[field.slot] = reinterpret_cast<int64_t>(texts.text(""));
  }
  return made;
}

void Version::put(const std::string& debtor, const std::string& account, int64_t overdue, int64_t score, Instant at) {
  std::vector<store::InstanceRow> rows;
  const auto add = [&](const char* entity, const std::string& key, const std::string& parent, const std::map<std::string, int64_t>& values) {
    const checked::Index index = checked::find_entity(program(), entity);
    const checked::Entity& kind = program().entities[index];
    store::InstanceRow row{.entity = index, .key = key, .root_key = debtor, .parent_key = parent, .slots = blank(kind.fields, kind.slot_count, texts_)};
    row.slots[kind.fields[kind.key_field].slot] = reinterpret_cast<int64_t>(texts_.text(key));
    for (const auto& [name, value] : values) row.slots[kind.fields[checked::find_field(kind.fields, name)].slot] = value;
    rows.push_back(std::move(row));
  };
  add("debtor", debtor, "", {});
  add("account", account, debtor, {{"overdue", overdue}, {"score", score}});
  REQUIRE(good(store.put_instances(program(), rows, at)).set_aside == 0);
}

void Version::post(const std::string& event, const std::string& debtor, const std::string& account, Instant at) {
  const checked::Index type = checked::find_event(program(), event);
  REQUIRE(type != checked::none);
  const checked::EventType& kind = program().events[type];
  store::EventRow row{.root_key = debtor,
                      .entity = checked::find_entity(program(), "account"),
                      .owner_key = account,
                      .at = at,
                      .type = type,
                      .source = "test " + std::to_string(number),
                      .external_id = std::to_string(++events_),
                      .slots = blank(kind.fields, kind.slot_count, texts_)};
  REQUIRE(good(store.post_events(program(), {row})).inserted == 1);
}

static simulate::NightOptions simulate_options(bool full) {
  simulate::NightOptions options;
  options.full = full;
  return options;
}

simulate::NightReport Version::step(int64_t date, bool full, const Evaluator* evaluator) {
  simulate::NightProgram night = this->night();
  const simulate::NightProgram other{program(), evaluator != nullptr ? *evaluator : night.evaluator, night.calendar, night.settings, number};
  return good(simulate::run_nights(store, other, date, date, simulate_options(full)));
}

engine::InstanceState Version::state_of(const std::string& account) {
  auto file = good(store.load_case(program(), "account", account, std::nullopt));
  return file->state(file->find(engine::stable_id("account", account)));
}

std::string Version::stage_of(const std::string& account) {
  const int32_t stage = state_of(account).stage;
  return stage < 0 ? "none" : checked::stage_name(program(), stage);
}

std::string Version::arm_of(const std::string& account, const std::string& experiment) {
  const auto state = state_of(account);
  for (const engine::ArmTaken& taken : state.arms) {
    if (taken.experiment != engine::hash_text(experiment)) continue;
    for (const auto& kind : program().trials->experiments) {
      for (const auto& arm : kind.arms) {
        if (kind.name == experiment && engine::hash_text(arm.name) == taken.arm) return arm.name;
      }
    }
    return "?";
  }
  return "";
}

std::vector<std::string> Version::open_tasks(const std::string& account) {
  std::vector<std::string> open;
  for (const auto& row : good(store.tasks_of("account", account))) {
    if (row.status == "ready" || row.status == "leased") open.push_back(row.queue + " " + row.treatment);
  }
  return open;
}

}  // namespace dunlin::trial_test

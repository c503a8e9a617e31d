#include "runtime/store/model_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "runtime/engine/state_codec.h"
#include "runtime/store/model_store_inner.h"

namespace dunlin::store {

ModelDatabase::ModelDatabase() : inner_(std::make_unique<Inner>()) {}
ModelDatabase::~ModelDatabase() = default;

std::unique_ptr<Store> open_model(std::shared_ptr<ModelDatabase> database) { return std::make_unique<ModelStore>(std::move(database)); }
std::unique_ptr<Store> open_model() { return open_model(std::make_shared<ModelDatabase>()); }

Values freeze(const checked::Program& program, const std::vector<checked::Field>& fields, const int64_t* slots) {
  Values values;
  for (const checked::Field& field : fields) {
    values[field.name + " : " + checked::type_name(program, field.type)] = engine::encode_value(program, field.type, slots + field.slot);
  }
  return values;
}

void thaw(const checked::Program& program, const std::vector<checked::Field>& fields, const Values& values, abi::Arena& arena, int64_t* slots) {
  for (const checked::Field& field : fields) {
    const auto found = values.find(field.name + " : " + checked::type_name(program, field.type));
    if (found == values.end()) continue;
    std::vector<int64_t> value(static_cast<size_t>(checked::slot_count(program, field.type)));
    if (engine::decode_value(program, field.type, found->second, arena, value.data())) std::ranges::copy(value, slots + field.slot);
  }
}

// ---- versions ----

std::optional<std::string_view> ModelDatabase::Inner::queue_of_event(const std::string& event) const {
  const auto found = event_queues.find(event);
  return found == event_queues.end() ? std::nullopt : std::optional<std::string_view>(found->second);
}

Result<void> ModelStore::prepare(const checked::Program& program) {
  const Lock lock(data_.guard);
  data_.prepared = program.content_hash;
  for (const checked::EventType& event : program.events) {
    std::string& queue = data_.event_queues[event.name];
    if (event.queue != checked::none) queue = program.queues[static_cast<size_t>(event.queue)].name;
  }
  return {};
}

Result<BundleVersion> ModelStore::activate(const checked::Program& program, const BundleSources& sources, const Activation& activation) {
  const int32_t back_to = std::exchange(back_to_, 0);
  const Lock lock(data_.guard);
  auto& versions = data_.versions;
  if (activation.replacing && *activation.replacing != active_version())
    return std::unexpected(StoreError{StoreError::Kind::conflict, "another version has been activated in the meantime"});
  auto found = std::ranges::find(versions, program.content_hash, &BundleVersion::content_hash);
  if (found != versions.end() && found->active) return *found;
  for (BundleVersion& version : versions) version.active = false;
  const int32_t number = found == versions.end() ? static_cast<int32_t>(versions.size() + 1) : found->number;
  size_t before = data_.activations.size();
  for (size_t at = activation.back ? before : 0; at != 0; at = data_.activations[at - 1].before) {
    if (data_.activations[at - 1].version != (back_to != 0 ? back_to : number)) continue;
    before = data_.activations[at - 1].before;
    break;
  }
  data_.activations.push_back({number, before});
  if (found == versions.end()) {
    versions.push_back({static_cast<int32_t>(versions.size() + 1), program.bundle.name, program.content_hash, activation.author, activation.at, true});
    data_.sources.push_back(sources);
    return versions.back();
  }
  found->active = true;
  found->activated_at = activation.at;
  found->author = activation.author;
  return *found;
}

Result<std::vector<BundleVersion>> ModelStore::versions() {
  const Lock lock(data_.guard);
  return data_.versions;
}

Result<int32_t> ModelStore::version_before() {
  const Lock lock(data_.guard);
  if (data_.activations.empty() || data_.activations.back().before == 0) return 0;
  return data_.activations[data_.activations.back().before - 1].version;
}

Result<std::vector<OlderVersions::Standing>> ModelStore::standing() {
  const Lock lock(data_.guard);
  std::map<std::pair<std::string, int32_t>, int64_t> counts;
  for (const auto& [place, stored] : data_.cases) {
    for (const auto& [id, instance] : stored.instances) {
      if (instance.stated && !instance.state.stage.empty()) ++counts[{instance.state.stage, instance.state.version}];
    }
  }
  std::vector<Standing> all;
  for (const auto& [key, count] : counts) all.push_back({key.first, key.second, count});
  return all;
}

Result<BundleSources> ModelStore::sources_of(int32_t version) {
  const Lock lock(data_.guard);
  if (version < 1 || static_cast<size_t>(version) > data_.sources.size())
    return std::unexpected(StoreError{StoreError::Kind::input, "there is no version " + std::to_string(version)});
  return data_.sources[static_cast<size_t>(version) - 1];
}

int32_t ModelStore::active_version() const {
  const auto found = std::ranges::find_if(data_.versions, &BundleVersion::active);
  return found == data_.versions.end() ? 0 : found->number;
}

// ---- data in ----

/// Takes one row; false and the reason if it cannot be taken.
bool ModelStore::put(const checked::Program& program, const InstanceRow& row, const Arrival& arrival, ImportCounts& counts, std::string& reason) {
  const Instant as_of = row.as_of.value_or(arrival.as_of);
  const checked::Entity& entity = program.entities[row.entity];
  const bool root = entity.parent == checked::none;
  const std::string& root_name = program.entities[0].name;
  const int64_t id = engine::stable_id(entity.name, row.key);
  const int64_t case_id = root ? id : engine::stable_id(root_name, row.root_key);
  int64_t parent = 0;
  if (!root) parent = engine::stable_id(program.entities[entity.parent].name, row.parent_key.empty() ? row.root_key : row.parent_key);
  const int32_t bucket = engine::bucket_of(case_id);
  const auto found = data_.cases.find({bucket, case_id});
  if (!root && (found == data_.cases.end() || !found->second.instances.contains(parent))) {
    reason = "its " + program.entities[entity.parent].name + " is not there; import that first";
    return false;
  }
  const auto elsewhere = data_.by_instance.find(id);
  if (elsewhere != data_.by_instance.end() && elsewhere->second->id != case_id) {
    reason = "it already hangs on another " + root_name;
    return false;
  }
  StoredCase& stored = data_.cases[{bucket, case_id}];
  if (found == data_.cases.end()) {
    stored.bucket = bucket;
    stored.id = case_id;
    stored.root_key = row.key;
  }
  auto [place, is_new] = stored.instances.try_emplace(id);
  StoredInstance& instance = place->second;
  if (!is_new && (instance.entity != entity.name || instance.key != row.key)) {
    reason = "another key has the same identity; change the key";
    return false;
  }
  StoredData data{as_of, parent, freeze(program, entity.fields, row.slots.data())};
  if (is_new) {
    instance.entity = entity.name;
    instance.key = row.key;
    instance.depth = entity.depth;
    data_.by_instance[id] = &stored;
    ++counts.inserted;
  } else if (instance.data.back().values == data.values && instance.data.back().parent == parent) {
    if (arrival.remember) instance.known = std::max(instance.known, as_of);
    ++counts.unchanged;
    return true;
  } else {
    const Instant known = std::max(instance.known, instance.data.back().since);
    if (as_of < known && !arrival.correct && (!arrival.newest || row.as_of)) {
      ++counts.older;
      if (arrival.older != nullptr) arrival.older->push_back({entity.name, row.key, known});
      return true;
    }
    data.since = std::max(as_of, instance.data.back().since);
    // What was in force for no time at all leaves no trace.
    if (instance.data.back().since >= as_of) instance.data.pop_back();
    ++counts.changed;
  }
  instance.data.push_back(std::move(data));
  stored.data_changed = true;
  ++stored.changes;
  stored.set_aside = false;
  return true;
}

Result<std::optional<Instant>> ModelStore::reached() {
  const Lock lock(data_.guard);
  return data_.reached;
}

Result<ImportCounts> ModelStore::put_rows(const checked::Program& program, const std::vector<InstanceRow>& rows, const Arrival& arrival) {
  const Lock lock(data_.guard);
  ImportCounts counts;
  // Of rows with one key the last counts; parents go before their children.
  std::map<std::pair<int32_t, std::string>, const InstanceRow*> last;
  for (const InstanceRow& row : rows) {
    const bool again = !last.insert_or_assign({row.entity, row.key}, &row).second;
    if (again) ++counts.duplicates;
  }
  for (const auto& [place, row] : last) {
    std::string reason = row->key.empty() ? "it has no key" : "";
    if (reason.empty() && put(program, *row, arrival, counts, reason)) continue;
    ++counts.set_aside;
    data_.quarantine.push_back({"row", program.entities[row->entity].name + " " + row->key, reason, "{}", arrival.as_of});
  }
  return counts;
}

Result<ImportCounts> ModelStore::post_events(const checked::Program& program, const std::vector<EventRow>& rows) {
  const Lock lock(data_.guard);
  ImportCounts counts;
  for (const EventRow& row : rows) {
    const std::string& entity = program.entities[row.entity].name;
    const int64_t case_id = engine::stable_id(program.entities[0].name, row.root_key), owner = engine::stable_id(entity, row.owner_key);
    const auto found = data_.cases.find({engine::bucket_of(case_id), case_id});
    if (found == data_.cases.end() || !found->second.instances.contains(owner)) {
      if (!row.external_id.empty() && !data_.events_set_aside.insert({row.source, row.external_id, entity + " " + row.owner_key}).second) {
        ++counts.duplicates;
        continue;
      }
      ++counts.set_aside;
      data_.quarantine.push_back({"event", entity + " " + row.owner_key, "there is no such " + entity, "{}", row.at});
      continue;
    }
    const checked::EventType& type = program.events[row.type];
    const int64_t about = data_.makes(ModelDatabase::Mistake::one_id_for_all) ? 0 : owner;
    if (!row.external_id.empty() && !data_.event_keys.insert({row.source, row.external_id, about}).second &&
        !data_.makes(ModelDatabase::Mistake::same_event_twice)) {
      const auto known = std::ranges::find_if(found->second.events, [&](const StoredEvent& event) {
        return event.owner == owner && event.source == row.source && event.external_id == row.external_id;
      });
      const bool differs = known != found->second.events.end() &&
                           (known->type != type.name || known->at != row.at || known->values != freeze(program, type.fields, row.slots.data()));
      ++(differs ? counts.differs : counts.duplicates);
      if (differs)
        data_.quarantine.push_back({"row", entity + " " + row.owner_key,
                                    fmt::format("{} `{}` is known with another time or other values, and stays as it was", type.name, row.external_id), "{}",
                                    row.at});
      continue;
    }
    found->second.events.push_back({.arrival = ++data_.arrivals,
                                    .at = row.at,
                                    .owner = owner,
                                    .type = type.name,
                                    .values = freeze(program, type.fields, row.slots.data()),
                                    .source = row.source,
                                    .external_id = row.external_id});
    ++counts.inserted;
  }
  return counts;
}

Result<void> ModelStore::set_aside(const std::vector<SetAside>& rows) {
  const Lock lock(data_.guard);
  data_.quarantine.insert(data_.quarantine.end(), rows.begin(), rows.end());
  return {};
}

Result<std::vector<SetAside>> ModelStore::quarantine(int64_t limit) {
  const Lock lock(data_.guard);
  std::vector<SetAside> rows(data_.quarantine.rbegin(), data_.quarantine.rend());
  if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  return rows;
}

Result<std::vector<SetAside>> ModelStore::quarantine_of(const std::string& entity, const std::string& key, int64_t limit) {
  const Lock lock(data_.guard);
  std::vector<SetAside> rows;
  for (auto row = data_.quarantine.rbegin(); row != data_.quarantine.rend() && rows.size() < static_cast<size_t>(limit); ++row) {
    if (row->where == entity + " " + key) rows.push_back(*row);
  }
  return rows;
}

}  // namespace dunlin::store

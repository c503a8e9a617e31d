#include "server/import/row_mapper.h"

#include <fmt/format.h>

#include <algorithm>

namespace dunlin::import {
namespace {

constexpr size_t key_bytes_max = 200;

bool all_hold(const std::vector<Condition>& conditions, const Values& values) {
  return std::all_of(conditions.begin(), conditions.end(), [&](const Condition& condition) { return condition.holds(values); });
}

/// The column to name when a field could not be read: the one it is made of, if that is just one.
std::string column_of(const FieldSource& source) { return source.value.names().size() == 1 ? source.value.names()[0] : ""; }

/// The columns that a text is made of; what a repetition gives is none.
std::string columns_of(const Template& text, const std::vector<Repetition>& repeat = {}) {
  std::string columns;
  for (const auto& name : text.names()) {
    const auto gives = [&](const Repetition& repetition) { return std::ranges::any_of(repetition, [&](const auto& given) { return given.first == name; }); };
    if (std::ranges::any_of(repeat, gives)) continue;
    columns += (columns.empty() ? "" : ", ") + name;
  }
  return columns;
}

/// Columns of a row, with what a repetition gives before them.
class RowValues final : public Values {
 public:
  RowValues(const Row& row, const Header& header, const std::vector<std::string>& missing) : row_(row), header_(header), missing_(missing) {}

  std::string_view value(std::string_view name) const override {
    for (const auto& [given, text] : given_) {
      if (given == name) return text;
    }
    int position = header_.find(name);
    if (position < 0 || static_cast<size_t>(position) >= row_.cells.size()) return {};
    const std::string& cell = row_.cells[static_cast<size_t>(position)];
    return std::find(missing_.begin(), missing_.end(), cell) != missing_.end() ? std::string_view() : cell;
  }

  void repeat(const Repetition& repetition) {
    std::vector<std::pair<std::string_view, std::string>> given;
    for (const auto& [name, text] : repetition) given.emplace_back(name, text.fill(*this));
    given_ = std::move(given);
  }
  void repeat_no_more() { given_.clear(); }

 private:
  const Row& row_;
  const Header& header_;
  const std::vector<std::string>& missing_;
  std::vector<std::pair<std::string_view, std::string>> given_;
};

class FileMapper final : public RowMapper {
 public:
  FileMapper(const checked::Program& program, const Mapping& mapping, const Zone& zone) : program_(program), mapping_(mapping), reader_(program, zone) {}

  std::expected<void, Rejection> map(const Row& row, const Header& header, abi::Arena& arena, MappedRow& mapped) override;
  std::string key_column(const store::InstanceRow& instance) const override {
    const auto found = std::ranges::find(mapping_.entities, instance.entity, &EntityMapping::entity);
    return found == mapping_.entities.end() ? "" : columns_of(found->key);
  }
  std::string key_column(const store::EventRow& event) const override {
    const auto found = std::ranges::find(mapping_.events, event.type, &EventMapping::type);
    return found == mapping_.events.end() ? "" : columns_of(found->id, found->repeat);
  }

 private:
  std::expected<void, Rejection> map_entity(const EntityMapping& mapping, const RowValues& values, abi::Arena& arena, MappedRow& mapped) const;
  std::expected<void, Rejection> map_event(const EventMapping& mapping, const RowValues& values, abi::Arena& arena, MappedRow& mapped) const;
  std::expected<void, Rejection> map_fields(const std::vector<FieldSource>& sources, const std::vector<checked::Field>& fields, const RowValues& values,
                                            abi::Arena& arena, std::vector<int64_t>& slots) const;
  std::expected<std::string, Rejection> fill_key(const Template& key, const RowValues& values, std::string_view what) const;

  const checked::Program& program_;
  const Mapping& mapping_;
  ValueReader reader_;
};

std::expected<void, Rejection> FileMapper::map(const Row& row, const Header& header, abi::Arena& arena, MappedRow& mapped) {
  mapped.clear();
  RowValues values(row, header, mapping_.missing);
  auto refuse = [&](Rejection rejection) {
    rejection.line = row.line;
    rejection.body = row_text(row);
    mapped.clear();
    return std::unexpected(std::move(rejection));
  };
  for (const auto& entity : mapping_.entities) {
    if (!all_hold(entity.when, values)) continue;
    if (auto done = map_entity(entity, values, arena, mapped); !done) return refuse(done.error());
  }
  for (const auto& event : mapping_.events) {
    if (event.repeat.empty()) {
      if (!all_hold(event.when, values)) continue;
      if (auto done = map_event(event, values, arena, mapped); !done) return refuse(done.error());
    }
    for (const auto& repetition : event.repeat) {
      values.repeat_no_more();
      values.repeat(repetition);
      if (!all_hold(event.when, values)) continue;
      if (auto done = map_event(event, values, arena, mapped); !done) return refuse(done.error());
    }
    values.repeat_no_more();
  }
  return {};
}

std::expected<std::string, Rejection> FileMapper::fill_key(const Template& key, const RowValues& values, std::string_view what) const {
  if (auto missing = key.first_missing(values); !missing.empty()) {
    return std::unexpected(Rejection{0, std::string(missing), fmt::format("there is no value, and {} needs one", what), ""});
  }
  std::string text = key.fill(values);
  if (text.empty()) return std::unexpected(Rejection{0, columns_of(key), fmt::format("{} is empty", what), ""});
  if (text.size() > key_bytes_max) return std::unexpected(Rejection{0, columns_of(key), fmt::format("{} is longer than {} bytes", what, key_bytes_max), ""});
  return text;
}

std::expected<void, Rejection> FileMapper::map_fields(const std::vector<FieldSource>& sources, const std::vector<checked::Field>& fields,
                                                      const RowValues& values, abi::Arena& arena, std::vector<int64_t>& slots) const {
  for (const auto& source : sources) {
    const auto& field = fields[static_cast<size_t>(source.field)];
    std::string text = source.value.fill(values);
    auto listed = std::find_if(source.values.begin(), source.values.end(), [&](const auto& pair) { return pair.first == text; });
    if (listed != source.values.end()) {
      text = listed->second;
    } else if (source.otherwise && !text.empty()) {
      text = *source.otherwise;
    }
    if (text.empty()) text = source.fallback;
    auto done = reader_.read_field(field, text, source.format, arena, slots.data() + field.slot);
    if (!done) {
      std::string column = column_of(source);
      std::string reason =
          column.empty() ? fmt::format("{}: {}", field.name, done.error()) : fmt::format("{} from column {}: {}", field.name, column, done.error());
      return std::unexpected(Rejection{0, std::move(column), std::move(reason), ""});
    }
  }
  return {};
}

std::expected<void, Rejection> FileMapper::map_entity(const EntityMapping& mapping, const RowValues& values, abi::Arena& arena, MappedRow& mapped) const {
  const auto& entity = program_.entities[static_cast<size_t>(mapping.entity)];
  store::InstanceRow row;
  row.entity = mapping.entity;
  auto key = fill_key(mapping.key, values, fmt::format("the key of {}", entity.name));
  if (!key) return std::unexpected(key.error());
  row.key = *key;
  auto root = fill_key(mapping.root, values, "the key of the case file");
  if (!root) return std::unexpected(root.error());
  row.root_key = *root;
  if (entity.parent != checked::none) {
    auto parent = fill_key(mapping.of, values, fmt::format("the key of what {} hangs on", entity.name));
    if (!parent) return std::unexpected(parent.error());
    row.parent_key = *parent;
  }
  row.slots.assign(static_cast<size_t>(entity.slot_count), 0);
  if (auto done = map_fields(mapping.fields, entity.fields, values, arena, row.slots); !done) return done;
  if (entity.key_field != checked::none) {
    const auto& field = entity.fields[static_cast<size_t>(entity.key_field)];
    auto done = reader_.read_field(field, row.key, ValueFormat{}, arena, row.slots.data() + field.slot);
    if (!done) return std::unexpected(Rejection{0, columns_of(mapping.key), fmt::format("the key of {}: {}", entity.name, done.error()), ""});
  }
  mapped.instances.push_back(std::move(row));
  return {};
}

std::expected<void, Rejection> FileMapper::map_event(const EventMapping& mapping, const RowValues& values, abi::Arena& arena, MappedRow& mapped) const {
  const auto& type = program_.events[static_cast<size_t>(mapping.type)];
  store::EventRow row;
  row.type = mapping.type;
  row.entity = type.owner;
  row.source = mapping_.source;
  auto owner = fill_key(mapping.of, values, fmt::format("the key of what {} happened to", type.name));
  if (!owner) return std::unexpected(owner.error());
  row.owner_key = *owner;
  auto root = fill_key(mapping.root, values, "the key of the case file");
  if (!root) return std::unexpected(root.error());
  row.root_key = *root;
  auto id = fill_key(mapping.id, values, fmt::format("the id of {}", type.name));
  if (!id) return std::unexpected(id.error());
  row.external_id = *id;
  auto at = reader_.read_instant(mapping.at.fill(values), mapping.format);
  if (!at) {
    std::string column = mapping.at.names().size() == 1 ? mapping.at.names()[0] : "";
    return std::unexpected(Rejection{0, column, fmt::format("the time of {}: {}", type.name, at.error()), ""});
  }
  row.at = *at;
  row.slots.assign(static_cast<size_t>(type.slot_count), 0);
  if (auto done = map_fields(mapping.fields, type.fields, values, arena, row.slots); !done) return done;
  mapped.events.push_back(std::move(row));
  return {};
}

}  // namespace

void MappedRow::clear() {
  instances.clear();
  events.clear();
}

std::unique_ptr<RowMapper> map_by_file(const checked::Program& program, const Mapping& mapping, const Zone& zone) {
  return std::make_unique<FileMapper>(program, mapping, zone);
}

}  // namespace dunlin::import

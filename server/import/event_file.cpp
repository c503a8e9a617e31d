// Events in Dunlin's own columns, from CSV or JSON lines.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "lang/sema/stage_orders.h"
#include "server/import/near_match.h"
#include "server/import/row_mapper.h"

namespace dunlin::import {
namespace {

const std::vector<std::string> own_columns = {"event", "key", "root", "at", "id", "source"};

bool is_own(const std::string& column) { return std::find(own_columns.begin(), own_columns.end(), column) != own_columns.end(); }

std::vector<std::string> event_names(const checked::Program& program) {
  std::vector<std::string> names;
  for (const auto& event : program.events) {
    if (event.leaf && !checked::is_stage_order(program, event)) names.push_back(event.alias.empty() ? event.name : event.alias);
  }
  return names;
}

class EventMapper final : public RowMapper {
 public:
  EventMapper(const checked::Program& program, const Zone& zone, store::Store& store, std::string standard_source)
      : program_(program), store_(store), reader_(program, zone), standard_source_(std::move(standard_source)) {}

  std::expected<void, Rejection> map(const Row& row, const Header& header, abi::Arena& arena, MappedRow& mapped) override {
    mapped.clear();
    auto done = map_event(row, header, arena, mapped);
    if (done) return {};
    mapped.clear();
    done.error().line = row.line;
    done.error().body = row_text(row);
    return done;
  }

  std::string key_column(const store::InstanceRow&) const override { return "key"; }
  std::string key_column(const store::EventRow&) const override { return "id"; }

 private:
  static std::unexpected<Rejection> refuse(std::string column, std::string reason) {
    return std::unexpected(Rejection{0, std::move(column), std::move(reason), ""});
  }

  std::expected<void, Rejection> map_event(const Row& row, const Header& header, abi::Arena& arena, MappedRow& mapped) {
    auto cell = [&](std::string_view name) -> std::string {
      int position = header.find(name);
      return position < 0 || static_cast<size_t>(position) >= row.cells.size() ? "" : row.cells[static_cast<size_t>(position)];
    };
    for (auto needed : {"event", "key", "at", "id"}) {
      if (cell(needed).empty()) return refuse(needed, fmt::format("there is no `{}`", needed));
    }
    checked::Index index = checked::find_event(program_, cell("event"));
    if (index == checked::none || checked::is_stage_order(program_, program_.events[static_cast<size_t>(index)]))
      return refuse("event", fmt::format("the bundle has no event `{}`; {}", cell("event"), suggest(cell("event"), event_names(program_))));
    const auto& type = program_.events[static_cast<size_t>(index)];
    if (!type.leaf) return refuse("event", fmt::format("`{}` is a group of events; name one of those below it", type.name));
    for (const checked::Request& request : program_.requests) {
      if (index < request.event || index > program_.events[static_cast<size_t>(request.event)].last_descendant) continue;
      return refuse("event",
                    fmt::format("`{}` is no event that somebody reports: it follows from a decision (dunlin approval), or from what is granted", type.name));
    }
    store::EventRow event;
    event.type = index;
    event.entity = type.owner;
    event.owner_key = cell("key");
    event.external_id = cell("id");
    event.source = cell("source").empty() ? standard_source_ : cell("source");
    auto at = reader_.read_instant(cell("at"), ValueFormat{});
    if (!at) return refuse("at", at.error());
    event.at = *at;
    event.slots.assign(static_cast<size_t>(type.slot_count), 0);
    if (auto fields = read_fields(row, header, type, arena, event.slots); !fields) return fields;
    auto root = root_of(type.owner, event.owner_key, cell("root"));
    if (!root) return std::unexpected(root.error());
    event.root_key = *root;
    mapped.events.push_back(std::move(event));
    return {};
  }

  std::expected<void, Rejection> read_fields(const Row& row, const Header& header, const checked::EventType& type, abi::Arena& arena,
                                             std::vector<int64_t>& slots) {
    std::vector<bool> given(type.fields.size());
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const std::string& column = header.names()[i];
      if (is_own(column) || row.cells[i].empty()) continue;
      checked::Index index = checked::find_field(type.fields, column);
      if (index == checked::none) return refuse(column, fmt::format("`{}` has no field `{}`", type.name, column));
      const auto& field = type.fields[static_cast<size_t>(index)];
      auto done = reader_.read_field(field, row.cells[i], ValueFormat{}, arena, slots.data() + field.slot);
      if (!done) return refuse(column, fmt::format("{}: {}", column, done.error()));
      given[static_cast<size_t>(index)] = true;
    }
    for (size_t i = 0; i < type.fields.size(); ++i) {
      if (given[i] || type.fields[i].type.optional) continue;
      return refuse(type.fields[i].name, fmt::format("`{}` needs a value for `{}`", type.name, type.fields[i].name));
    }
    return {};
  }

  std::expected<std::string, Rejection> root_of(checked::Index entity, const std::string& key, const std::string& given) {
    if (!given.empty()) return given;
    const auto& owner = program_.entities[static_cast<size_t>(entity)];
    if (owner.parent == checked::none) return key;
    std::string name = owner.name + '\0' + key;
    if (auto known = roots_.find(name); known != roots_.end()) return known->second;
    auto loaded = store_.load_case(program_, owner.name, key, std::nullopt);
    // Nobody knows it yet: under its own key the store finds nothing either, and sets the event aside until the account is there.
    if (!loaded && loaded.error().kind == store::StoreError::Kind::input) return key;
    if (!loaded) return refuse("key", loaded.error().message);
    if (!*loaded) return key;
    const auto& root = (*loaded)->view().root;
    const auto& root_entity = program_.entities[0];
    if (root_entity.key_field == checked::none) return refuse("root", fmt::format("give the key of the {} in column `root`", root_entity.name));
    const auto& field = root_entity.fields[static_cast<size_t>(root_entity.key_field)];
    const auto* text = reinterpret_cast<const abi::Text*>(root->slots[field.slot]);
    if (roots_.size() < 1'000'000) roots_.emplace(std::move(name), std::string(text->view()));
    return std::string(text->view());
  }

  const checked::Program& program_;
  store::Store& store_;
  ValueReader reader_;
  std::string standard_source_;
  std::unordered_map<std::string, std::string> roots_;
};

}  // namespace

std::unique_ptr<RowMapper> map_events(const checked::Program& program, const Zone& zone, store::Store& store, std::string standard_source) {
  return std::make_unique<EventMapper>(program, zone, store, std::move(standard_source));
}

std::vector<MappingProblem> event_column_problems(const checked::Program& program, const Header& header) {
  std::vector<MappingProblem> problems;
  for (auto needed : {"event", "key", "at", "id"}) {
    if (header.find(needed) < 0)
      problems.push_back({1, 0, fmt::format("there is no column `{}`", needed), "a file of events has event, key, at, id and the events' fields"});
  }
  std::vector<std::string> known = own_columns;
  for (const auto& event : program.events) {
    for (const auto& field : event.fields) known.push_back(field.name);
  }
  for (const auto& column : header.names()) {
    if (std::find(known.begin(), known.end(), column) != known.end()) continue;
    auto near = near_match(column, known);
    problems.push_back({1, 0, fmt::format("no event has a field `{}`", column), near.empty() ? "" : "did you mean `" + near + "`?"});
  }
  return problems;
}

}  // namespace dunlin::import

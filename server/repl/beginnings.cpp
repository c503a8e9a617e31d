#include "server/repl/beginnings.h"

#include <fmt/format.h>

#include <ctime>

#include "compiler/abi/arena.h"
#include "runtime/simulate/draw.h"
#include "server/clock_stand.h"
#include "server/import/csv_reader.h"
#include "server/import/near_match.h"

namespace dunlin::server {
namespace {

using checked::Index;
using checked::none;

NoBeginning wrong(std::string message, std::string help = {}) { return {Exit::input, std::move(message), std::move(help)}; }

/// The instance and all it hangs on, within declared types and ranges.
std::vector<CaseSource::Value> made_up(const checked::Program& program, Index entity, uint64_t seed) {
  checked::Test test;
  for (Index up = entity; up != none; up = program.entities[up].parent) {
    checked::TestInstance instance;
    instance.entity = up;
    instance.any = true;
    test.instances.insert(test.instances.begin(), std::move(instance));
  }
  const auto boundaries = simulate::find_boundaries(program);
  const simulate::Drawn drawn = simulate::Draw(program, boundaries, seed).one(test);
  std::vector<CaseSource::Value> values;
  for (size_t i = 0; i < drawn.instances.size(); ++i) {
    for (const auto& [field, value] : drawn.instances[i]) values.push_back({test.instances[i].entity, field, value});
  }
  return values;
}

/// What a column is called after: a field of the entity, or `debtor.kind` of what it hangs on.
std::expected<std::pair<Index, Index>, NoBeginning> field_named(const checked::Program& program, Index entity, const std::string& column) {
  std::string name = column;
  std::vector<std::string> known;
  for (Index up = entity; up != none; up = program.entities[up].parent) {
    const std::string front = program.entities[up].name + ".";
    if (column.starts_with(front)) {
      name = column.substr(front.size());
      entity = up;
    }
    for (const auto& field : program.entities[up].fields) known.push_back(up == entity ? field.name : front + field.name);
  }
  const Index field = checked::find_field(program.entities[entity].fields, name);
  if (field == none)
    return std::unexpected(wrong(fmt::format("--csv: column `{}` is no field of `{}`", column, program.entities[entity].name), import::suggest(column, known)));
  return std::pair(entity, field);
}

std::expected<void, NoBeginning> from_row(const Beginning& beginning, const checked::Program& program, const import::Zone& zone, CaseSource& source) {
  auto rows = import::open_csv(beginning.csv, {});
  if (!rows) return std::unexpected(wrong("--csv: " + rows.error()));
  const auto& names = (*rows)->header().names();
  const checked::Entity& entity = program.entities[source.entity];
  const std::string key_name = entity.key_field == none ? "" : entity.fields[entity.key_field].name;
  const int key = (*rows)->header().find(key_name);
  if (!beginning.key.empty() && key < 0) return std::unexpected(wrong(fmt::format("--csv: `{}` has no column `{}`", beginning.csv, key_name)));
  import::Row row;
  import::Rejection rejection;
  for (;;) {
    const auto next = (*rows)->next(row, rejection);
    if (next == import::RowSource::Next::end)
      return std::unexpected(wrong(beginning.key.empty() ? fmt::format("--csv: `{}` has no row that can be read", beginning.csv)
                                                         : fmt::format("--csv: no row of `{}` has {} `{}`", beginning.csv, key_name, beginning.key)));
    if (next == import::RowSource::Next::row && (beginning.key.empty() || row.cells[key] == beginning.key)) break;
  }
  if (key >= 0) source.key = row.cells[key];
  const import::ValueReader reader(program, zone);
  abi::Arena arena;
  for (size_t column = 0; column < names.size() && column < row.cells.size(); ++column) {
    auto found = field_named(program, source.entity, names[column]);
    if (!found) return std::unexpected(found.error());
    const checked::Field& field = program.entities[found->first].fields[found->second];
    if (field.key) continue;
    std::vector<int64_t> slots(static_cast<size_t>(checked::slot_count(program, field.type)));
    if (auto read = reader.read_field(field, row.cells[column], {}, arena, slots.data()); !read)
      return std::unexpected(wrong(fmt::format("--csv: line {}, `{}`: {}", row.line, names[column], read.error())));
    source.values.push_back({found->first, found->second, simulate::read_slots(program, field.type, slots.data())});
  }
  return {};
}

/// Where nothing is said: now, or where the clock of the database stands.
std::expected<engine::Instant, NoBeginning> instant(const Beginning& beginning, const checked::Program& program, const import::Zone& zone,
                                                    store::Store* store) {
  if (!beginning.at.empty()) {
    auto at = import::ValueReader(program, zone).read_instant(beginning.at, import::ValueFormat{});
    if (!at) return std::unexpected(NoBeginning{Exit::usage, "--at: " + at.error(), {}});
    return *at;
  }
  if (store == nullptr) return static_cast<int64_t>(std::time(nullptr)) * abi::us_per_second;
  auto stand = where_the_clock_stands(*store);
  if (!stand) return std::unexpected(NoBeginning{Exit::environment, stand.error().message, {}});
  return *stand;
}

}  // namespace

std::expected<CaseSource, NoBeginning> begin_case(const Beginning& beginning, const RunnableBundle& bundle, const import::Zone& zone, store::Store* store) {
  const checked::Program& program = bundle.program();
  CaseSource source;
  source.entity = checked::find_entity(program, beginning.entity);
  if (source.entity == none) {
    std::vector<std::string> names;
    for (const auto& entity : program.entities) names.push_back(entity.name);
    return std::unexpected(
        NoBeginning{Exit::usage, fmt::format("--entity: the bundle has no entity `{}`", beginning.entity), import::suggest(beginning.entity, names)});
  }
  auto at = instant(beginning, program, zone, store);
  if (!at) return std::unexpected(at.error());
  source.at = *at;
  source.key = beginning.key.empty() ? beginning.entity : beginning.key;
  if (!beginning.csv.empty()) {
    if (auto done = from_row(beginning, program, zone, source); !done) return std::unexpected(done.error());
  } else if (store != nullptr) {
    // As long as the session lasts the case is that of one instant.
    source.load = [store, &program, entity = beginning.entity, key = beginning.key,
                   when = source.at]() -> std::expected<std::unique_ptr<engine::CaseFile>, std::string> {
      auto file = store->load_case(program, entity, key, when);
      if (!file) return std::unexpected(file.error().message);
      return std::move(*file);
    };
  } else if (beginning.example) {
    source.values = made_up(program, source.entity, beginning.seed);
  }
  return source;
}

}  // namespace dunlin::server

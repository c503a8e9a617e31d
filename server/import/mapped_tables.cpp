#include "server/import/mapped_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lang/syntax/mapped_table.h"
#include "server/import/importer.h"
#include "server/import/inflow.h"
#include "server/import/near_match.h"

namespace dunlin::import {
namespace {

using store::StoreError;

/// Which column of the table is what; positions in `names`.
struct Columns {
  std::vector<std::string> names;
  std::vector<size_t> fields;  // by field of the entity
  size_t parent = 0, root = 0;
  std::optional<size_t> as_of;  // of a table in `inflow`
};

class Pull {
 public:
  Pull(store::Store& store, store::BankReadings& readings, const checked::Program& program, const Zone& zone, const PullOptions& options)
      : store_(store), readings_(readings), program_(program), options_(options), reader_(program, zone) {}

  store::Result<PulledTable> pull(int32_t entity) {
    kind_ = &program_.entities[static_cast<size_t>(entity)];
    entity_ = entity;
    from_ = mapped_table(kind_->table);
    pulled_ = {.entity = kind_->name, .table = from_.table};
    auto done = read();
    if (!done) {
      // What is said of the last try must not hide why it failed.
      if (!options_.stopped || !options_.stopped()) (void)readings_.failed(kind_->name, from_.table, done.error().message);
      return std::unexpected(done.error());
    }
    return std::move(pulled_);
  }

  /// Rows of these keys out of the entity's own table in `inflow`. `not_taken`: keys of those that are in nobody's hands now.
  store::Result<PulledTable> take_in(int32_t entity, store::Inflow& inflow, const std::vector<std::string>& keys, std::vector<std::string>& not_taken) {
    kind_ = &program_.entities[static_cast<size_t>(entity)];
    entity_ = entity;
    from_ = {.table = store::inflow_table(kind_->name), .change_column = ""};
    pulled_ = {.entity = kind_->name, .table = from_.table};
    retry_.clear();
    inflow_ = true;
    auto there = store_.bank_columns(from_.table);
    if (!there) return std::unexpected(at_entity(there.error()));
    auto columns = choose(*there);
    if (!columns) return std::unexpected(columns.error());
    columns_ = std::move(*columns);
    auto read = inflow.read(from_.table, columns_.names, source().key_column, keys, [&](std::vector<store::Store::BankRow>& rows) { return take(rows); });
    if (!read) return std::unexpected(read.error());
    not_taken = std::move(retry_);
    return std::move(pulled_);
  }

 private:
  store::Result<void> read() {
    auto there = store_.bank_columns(from_.table);
    if (!there) return std::unexpected(at_entity(there.error()));
    auto columns = choose(*there);
    if (!columns) return std::unexpected(columns.error());
    columns_ = std::move(*columns);
    const store::BankSource source = this->source();
    auto reading = readings_.read(source, options_.whole, options_.batch_rows, [&](std::vector<store::Store::BankRow>& rows) { return take(rows); });
    if (!reading) return std::unexpected(reading.error());
    pulled_.since = reading->since;
    pulled_.without_change = reading->without_change;
    // All of its batches are committed: whatever ends this process before here makes the next one read them again.
    return readings_.keep(source, retry_);
  }

  store::BankSource source() const {
    store::BankSource source{.entity = kind_->name,
                             .table = from_.table,
                             .change_column = from_.change_column,
                             .key_column = kind_->fields[static_cast<size_t>(kind_->key_field)].name,
                             .zone = program_.bundle.timezone,
                             .declaration = from_.table,
                             .columns = columns_.names};
    for (const auto& name : columns_.names) source.declaration += "|" + name;
    for (const auto& field : kind_->fields) source.declaration += fmt::format("|{}{}", static_cast<int>(field.type.kind), field.type.optional ? "?" : "");
    return source;
  }

  StoreError at_entity(StoreError error) const {
    error.message = fmt::format("entity `{}`: {}", kind_->name, error.message);
    return error;
  }

  /// Fields have the names of their columns; the row's owner is `<owner>_id` or `<owner>`, the head of its case file likewise.
  store::Result<Columns> choose(const std::vector<std::string>& there) const {
    Columns chosen;
    std::string missing;
    const auto position = [&](const std::string& name) {
      const auto known = std::ranges::find(chosen.names, name);
      if (known != chosen.names.end()) return static_cast<size_t>(known - chosen.names.begin());
      chosen.names.push_back(name);
      return chosen.names.size() - 1;
    };
    const auto is_there = [&](const std::string& name) { return std::ranges::find(there, name) != there.end(); };
    for (const auto& field : kind_->fields) {
      if (!is_there(field.name)) {
        const std::string near = near_match(field.name, there);
        missing += fmt::format("{}`{}`{}", missing.empty() ? "" : ", ", field.name, near.empty() ? "" : " (there is `" + near + "`)");
        continue;
      }
      chosen.fields.push_back(position(field.name));
    }
    const auto key_of = [&](const std::string& owner) -> size_t {
      for (const std::string& name : {owner + "_id", owner}) {
        if (is_there(name)) return position(name);
      }
      missing += fmt::format("{}`{}_id` (the key of its {})", missing.empty() ? "" : ", ", owner, owner);
      return 0;
    };
    if (kind_->parent != checked::none) {
      chosen.parent = key_of(program_.entities[static_cast<size_t>(kind_->parent)].name);
      chosen.root = kind_->depth == 1 ? chosen.parent : key_of(program_.entities[0].name);
    }
    if (inflow_ && is_there(store::inflow_as_of)) chosen.as_of = position(store::inflow_as_of);
    if (missing.empty()) return chosen;
    return std::unexpected(StoreError{StoreError::Kind::input, fmt::format("entity `{}`: the table `{}` has no column {}; name the fields as the columns are "
                                                                           "named, or lay the entity over a view",
                                                                           kind_->name, from_.table, missing)});
  }

  store::Result<void> take(std::vector<store::Store::BankRow>& rows) {
    if (options_.stopped && options_.stopped())
      return std::unexpected(StoreError{StoreError::Kind::environment, "the pull was stopped; the next one reads the same rows again"});
    std::vector<store::InstanceRow> good;
    std::vector<store::SetAside> aside;
    for (const auto& row : rows) {
      ++pulled_.rows_read;
      store::InstanceRow made;
      std::string column;
      auto read = read_row(row, made, column);
      if (read) {
        good.push_back(std::move(made));
      } else {
        aside.push_back(reject(row, column, read.error()));
      }
    }
    auto fresh = readings_.not_kept(std::move(aside));
    if (!fresh) return std::unexpected(fresh.error());
    if (auto done = store_.set_aside(*fresh); !done) return done;
    // A table says what is right now, whatever the clock of who reads it shows. One of the bank is read again and again: nothing of it need be remembered.
    auto counts = store_.put_rows(program_, good, {.as_of = options_.as_of, .newest = true, .remember = inflow_});
    if (!counts) return std::unexpected(counts.error());
    pulled_.counts.inserted += counts->inserted;
    pulled_.counts.changed += counts->changed;
    pulled_.counts.unchanged += counts->unchanged;
    pulled_.counts.duplicates += counts->duplicates;
    pulled_.counts.set_aside += counts->set_aside;
    pulled_.counts.older += counts->older;
    if (counts->set_aside > 0) {
      std::vector<std::string> keys;
      for (const auto& row : good) keys.push_back(row.key);
      auto aside_of = readings_.set_aside_of(kind_->name, keys);
      if (!aside_of) return std::unexpected(aside_of.error());
      retry_.insert(retry_.end(), aside_of->begin(), aside_of->end());
    }
    arena_.clear();
    if (options_.progress) options_.progress(pulled_.rows_read);
    return {};
  }

  static std::string text_of(const store::Store::BankRow& row, size_t column) { return row[column].value_or(""); }

  std::expected<void, std::string> read_row(const store::Store::BankRow& row, store::InstanceRow& made, std::string& column) {
    made.entity = entity_;
    made.key = text_of(row, columns_.fields[static_cast<size_t>(kind_->key_field)]);
    made.root_key = made.key;
    column = kind_->fields[static_cast<size_t>(kind_->key_field)].name;
    if (made.key.empty()) return std::unexpected("there is no key");
    if (kind_->parent != checked::none) {
      made.parent_key = text_of(row, columns_.parent);
      made.root_key = text_of(row, columns_.root);
      column = columns_.names[made.parent_key.empty() ? columns_.parent : columns_.root];
      if (made.parent_key.empty() || made.root_key.empty()) return std::unexpected("it is not said whom the row belongs to");
    }
    if (columns_.as_of && !text_of(row, *columns_.as_of).empty()) {
      column = store::inflow_as_of;
      auto as_of = reader_.read_instant(text_of(row, *columns_.as_of), ValueFormat{});
      if (!as_of) return std::unexpected(as_of.error());
      if (auto ahead = ahead_of_clock(*as_of, options_.as_of)) return std::unexpected(*ahead);
      made.as_of = *as_of;
    }
    made.slots.assign(static_cast<size_t>(kind_->slot_count), 0);
    for (size_t i = 0; i < kind_->fields.size(); ++i) {
      const checked::Field& field = kind_->fields[i];
      column = field.name;
      auto value = row[columns_.fields[i]];
      // What the bank left empty in a text is a text with nothing in it; what it left out is missing.
      const bool empty_text = value && value->empty() && field.type.kind == checked::TypeKind::text;
      if (empty_text) {
        int64_t* to = made.slots.data() + field.slot;
        if (field.type.optional) *to++ = 1;
        *to = reinterpret_cast<int64_t>(arena_.text({}));
        continue;
      }
      if (auto done = reader_.read_field(field, value.value_or(""), ValueFormat{}, arena_, made.slots.data() + field.slot); !done) return done;
    }
    return {};
  }

  /// A row that stays wrong is kept once, not with every reading (BankReadings::not_kept).
  store::SetAside reject(const store::Store::BankRow& row, const std::string& column, const std::string& reason) {
    auto body = nlohmann::ordered_json::object();
    for (size_t i = 0; i < columns_.names.size(); ++i) body[columns_.names[i]] = row[i] ? nlohmann::ordered_json(*row[i]) : nlohmann::ordered_json();
    const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const std::string key = text_of(row, columns_.fields[static_cast<size_t>(kind_->key_field)]);
    const std::string full = fmt::format("{}.{}: {}", from_.table, column, reason);
    ++pulled_.rows_rejected;
    if (!key.empty()) retry_.push_back(key);
    if (pulled_.first_rejections.size() < 20) pulled_.first_rejections.push_back({0, column, full, text});
    return {"row", kind_->name + " " + key, full, text, options_.as_of};
  }

  store::Store& store_;
  store::BankReadings& readings_;
  const checked::Program& program_;
  const PullOptions& options_;
  ValueReader reader_;
  const checked::Entity* kind_ = nullptr;
  int32_t entity_ = -1;
  bool inflow_ = false;  // else a table of the bank
  MappedTable from_;
  std::vector<std::string> retry_;  // keys of rows that are in nobody's hands but the quarantine's: somebody may mend what they hang on
  Columns columns_;
  abi::Arena arena_;
  PulledTable pulled_;
};

}  // namespace

bool has_bank_tables(const checked::Program& program) {
  return std::ranges::any_of(program.entities, [](const auto& entity) { return !entity.table.empty(); });
}

store::Result<std::vector<PulledTable>> pull_bank_tables(store::Store& store, store::BankReadings& readings, const checked::Program& program, const Zone& zone,
                                                         const PullOptions& options) {
  std::vector<PulledTable> tables;
  std::vector<std::string> mapped;
  for (const auto& entity : program.entities) {
    if (!entity.table.empty()) mapped.push_back(entity.name);
  }
  if (auto kept = readings.keep_only(mapped); !kept) return std::unexpected(kept.error());
  for (size_t i = 0; i < program.entities.size(); ++i) {  // parents stand before their children
    if (program.entities[i].table.empty()) continue;
    auto pulled = Pull(store, readings, program, zone, options).pull(static_cast<int32_t>(i));
    if (!pulled) return std::unexpected(pulled.error());
    tables.push_back(std::move(*pulled));
  }
  return tables;
}

namespace {

constexpr size_t marks_most = 20'000, keys_most = 5'000;

void add(PulledTable& sum, PulledTable& more) {
  sum.rows_read += more.rows_read;
  sum.rows_rejected += more.rows_rejected;
  sum.counts.inserted += more.counts.inserted;
  sum.counts.changed += more.counts.changed;
  sum.counts.unchanged += more.counts.unchanged;
  sum.counts.duplicates += more.counts.duplicates;
  sum.counts.set_aside += more.counts.set_aside;
  sum.counts.older += more.counts.older;
  for (auto& one : more.first_rejections) {
    if (sum.first_rejections.size() < 20) sum.first_rejections.push_back(std::move(one));
  }
}

/// One look at what waits. False: what came meanwhile, if anything, is the next look's.
class InflowPass {
 public:
  InflowPass(store::Store& store, store::Inflow& inflow, store::BankReadings& readings, const checked::Program& program, const Zone& zone,
             const PullOptions& options)
      : inflow_(inflow),
        program_(program),
        pull_(store, readings, program, zone, options),
        entities_(inflow_entities(program)),
        sums_(program.entities.size()) {}

  store::Result<bool> run(bool tried) {
    auto marks = inflow_.waiting(entities_, tried, marks_most);
    if (!marks) return std::unexpected(marks.error());
    for (size_t e = 0; e < program_.entities.size(); ++e) {  // parents stand before their children
      std::vector<store::InflowMark> own;
      std::ranges::copy_if(*marks, std::back_inserter(own), [&](const auto& mark) { return mark.entity == program_.entities[e].name; });
      if (auto done = take(e, own); !done) return std::unexpected(done.error());
    }
    return marks->size() >= marks_most;
  }

  int64_t inserted() const {
    int64_t rows = 0;
    for (const auto& sum : sums_) rows += sum.counts.inserted;
    return rows;
  }
  std::vector<PulledTable> tables() {
    std::vector<PulledTable> taken;
    for (auto& sum : sums_) {
      if (!sum.table.empty()) taken.push_back(std::move(sum));
    }
    return taken;
  }

 private:
  store::Result<void> take(size_t entity, std::vector<store::InflowMark>& marks) {
    std::ranges::stable_sort(marks, {}, &store::InflowMark::key);
    for (size_t from = 0; from < marks.size();) {
      std::vector<store::InflowMark> some;
      std::vector<std::string> keys, not_taken;
      // All marks of one key together, or a row would be read twice.
      for (; from < marks.size() && (keys.size() < keys_most || marks[from].key == keys.back()); ++from) {
        if (keys.empty() || keys.back() != marks[from].key) keys.push_back(marks[from].key);
        some.push_back(marks[from]);
      }
      auto pulled = pull_.take_in(static_cast<int32_t>(entity), inflow_, keys, not_taken);
      if (!pulled) return std::unexpected(pulled.error());
      // Its batch is committed: whatever ends this process before here makes the next one read the same rows.
      if (auto done = inflow_.done(program_.entities[entity].name, some, not_taken); !done) return done;
      if (sums_[entity].table.empty()) {
        sums_[entity] = std::move(*pulled);
      } else {
        add(sums_[entity], *pulled);
      }
    }
    return {};
  }

  store::Inflow& inflow_;
  const checked::Program& program_;
  Pull pull_;
  std::vector<std::string> entities_;
  std::vector<PulledTable> sums_;  // by entity; without a table: nothing waited
};

}  // namespace

std::vector<std::string> inflow_entities(const checked::Program& program) {
  std::vector<std::string> entities;
  for (const auto& entity : program.entities) {
    if (entity.table.empty() && entity.key_field != checked::none) entities.push_back(entity.name);
  }
  return entities;
}

store::Result<std::vector<PulledTable>> take_inflow(store::Store& store, store::Inflow& inflow, store::BankReadings& readings, const checked::Program& program,
                                                    const Zone& zone, const PullOptions& options, bool tried) {
  InflowPass pass(store, inflow, readings, program, zone, options);
  for (bool again = tried;; again = false) {
    auto some = pass.run(again);
    if (!some) return std::unexpected(some.error());
    if (!*some) break;
  }
  // Who came may be whom others wait for.
  if (pass.inserted() > 0) {
    if (auto done = pass.run(true); !done) return std::unexpected(done.error());
  }
  return pass.tables();
}

store::Result<std::vector<PulledTable>> take_inflow(store::Store& store, const store::PostgresOptions& database, const checked::Program& program,
                                                    const Zone& zone, const PullOptions& options) {
  auto inflow = store::Inflow::open(database);
  if (!inflow) return std::unexpected(inflow.error());
  auto any = (*inflow)->waiting(inflow_entities(program), true, 1);
  if (!any) return std::unexpected(any.error());
  if (any->empty()) return std::vector<PulledTable>{};
  if (auto held = (*inflow)->hold(); !held) return std::unexpected(held.error());
  auto readings = store::BankReadings::open(database);
  if (!readings) return std::unexpected(readings.error());
  return take_inflow(store, **inflow, **readings, program, zone, options, true);
}

store::Result<std::vector<PulledTable>> pull_bank_tables(store::Store& store, const store::PostgresOptions& database, const checked::Program& program,
                                                         const Zone& zone, const PullOptions& options) {
  auto readings = store::BankReadings::open(database);
  if (!readings) return std::unexpected(readings.error());
  if (auto held = (*readings)->hold(); !held) return std::unexpected(held.error());
  return pull_bank_tables(store, **readings, program, zone, options);
}

}  // namespace dunlin::import

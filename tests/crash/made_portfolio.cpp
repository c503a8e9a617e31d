// A small portfolio for any bundle, out of what it declares: made_portfolio BUNDLE FOLDER SEED DEBTORS FIRST_DAY SECOND_DAY
// Into FOLDER go rows.jsonl (everybody, as of before the first day) and changes.jsonl (some of them changed, and some that are new, as of before the second)
// with mapping.toml; events_1.jsonl and events_2.jsonl, what happened until these days; outcomes.json, what workers of each queue may say. The same words, the
// same files.
#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lang/sema/stage_orders.h"
#include "runtime/simulate/draw.h"
#include "server/compile.h"
#include "server/import/value_reader.h"

namespace dunlin::crash_test {
namespace {

using checked::Index;
using checked::Type;
using checked::TypeKind;
using Json = nlohmann::ordered_json;
using simulate::DrawnValue;

constexpr int64_t outcomes_each = 4;

struct Row {
  Index entity = 0;
  size_t parent = 0;  // row of it
  std::string key;
  std::vector<DrawnValue> values;  // by field
};

std::string digits(int64_t units, int places) {
  int64_t unit = 1;
  for (int i = 0; i < places; ++i) unit *= 10;
  return places == 0 ? std::to_string(units) : fmt::format("{}{}.{:0{}}", units < 0 ? "-" : "", std::abs(units / unit), std::abs(units % unit), places);
}

class Maker {
 public:
  Maker(checked::Program& program, uint64_t seed, int64_t first, int64_t second)
      : program_(program), boundaries_(simulate::find_boundaries(program)), draw_(program, boundaries_, seed), first_(first), second_(second) {}

  void fill(int64_t debtors) {
    for (int64_t n = 0; n < debtors; ++n) add(0, 0);
    grown_ = rows_.size();
  }

  std::vector<Json> rows() const {
    std::vector<Json> lines;
    for (size_t n = 0; n < grown_; ++n) lines.push_back(line(rows_[n]));
    return lines;
  }

  /// Every third gets some other values; some are as they were; one debtor in six is new.
  std::vector<Json> changes() {
    std::vector<Json> lines;
    for (size_t n = 0; n < grown_; ++n) {
      if (draw_.below(3) == 0) {
        const std::vector<DrawnValue> fresh = values(rows_[n].entity, second_);
        for (size_t f = 0; f < fresh.size(); ++f) {
          if (draw_.below(2) == 0) rows_[n].values[f] = fresh[f];
        }
      } else if (draw_.below(4) != 0) {
        continue;
      }
      lines.push_back(line(rows_[n]));
    }
    const int64_t more = 1 + roots_ / 6;
    for (int64_t n = 0; n < more; ++n) add(0, 0);
    for (size_t n = grown_; n < rows_.size(); ++n) lines.push_back(line(rows_[n]));
    grown_ = rows_.size();
    return lines;
  }

  /// What happened between these days, to those whom the first or the second file has.
  std::vector<Json> events(int64_t from, int64_t to, int64_t count) {
    std::vector<Index> types;
    for (size_t e = 0; e < program_.events.size(); ++e) {
      if (somebody_reports(static_cast<Index>(e))) types.push_back(static_cast<Index>(e));
    }
    std::vector<Json> lines;
    if (types.empty()) return lines;
    for (int64_t n = 0; n < count; ++n) {
      const Index type = types[draw_.below(types.size())];
      const checked::EventType& event = program_.events[static_cast<size_t>(type)];
      std::vector<size_t> owners;
      for (size_t r = 0; r < grown_; ++r) {
        if (rows_[r].entity == event.owner) owners.push_back(r);
      }
      if (owners.empty()) continue;
      const Row& owner = rows_[owners[draw_.below(owners.size())]];
      const int64_t day = from + static_cast<int64_t>(draw_.below(static_cast<uint64_t>(to - from + 1)));
      Json said{{"event", event.name}, {"key", owner.key}, {"root", root_of(owner).key}};
      said["at"] = fmt::format("{}T{:02}:{:02}:00Z", import::date_text(day), 8 + draw_.below(12), draw_.below(60));
      said["id"] = fmt::format("e{}", ++events_);
      for (const auto& [name, value] : fields_of(type, day)) said[name] = value;
      lines.push_back(std::move(said));
    }
    return lines;
  }

  Json outcomes() {
    Json queues = Json::object();
    for (const checked::Queue& queue : program_.queues) {
      Json& list = queues[queue.name] = Json::array();
      if (queue.outcomes == checked::none) continue;
      for (Index type = queue.outcomes; type <= program_.events[static_cast<size_t>(queue.outcomes)].last_descendant; ++type) {
        const checked::EventType& event = program_.events[static_cast<size_t>(type)];
        if (!event.leaf) continue;
        for (int64_t n = 0; n < outcomes_each; ++n) {
          Json payload = Json::object();
          for (const auto& [name, value] : fields_of(type, second_)) payload[name] = is_figure(event, name) ? Json::parse(value.get<std::string>()) : value;
          list.push_back({{"outcome", event.name}, {"payload", std::move(payload)}});
        }
      }
    }
    return queues;
  }

  std::string mapping() const {
    std::string text = "[input]\nformat = \"jsonl\"\n";
    for (const checked::Entity& entity : program_.entities) {
      text += fmt::format("[[entity]]\nname = \"{0}\"\nkey = \"{{key}}\"\nwhen = \"{{kind}} = {0}\"\n", entity.name);
      if (entity.parent != checked::none) text += "of = \"{of}\"\nroot = \"{root}\"\n";
      text += "[entity.fields]\n";
      for (const checked::Field& field : entity.fields) {
        if (field.key || !readable(field.type)) continue;
        text += fmt::format("{0} = \"{{{1}_{0}}}\"\n", field.name, entity.name);
      }
    }
    return text;
  }

 private:
  /// An instance with a few of everything below it.
  void add(Index entity, size_t parent) {
    const checked::Entity& declared = program_.entities[static_cast<size_t>(entity)];
    Row row{.entity = entity, .parent = parent, .values = values(entity, first_)};
    const int64_t number = 1000 + static_cast<int64_t>(rows_.size());
    const bool by_number = declared.key_field != checked::none && declared.fields[static_cast<size_t>(declared.key_field)].type.kind == TypeKind::integer;
    row.key = by_number ? std::to_string(number) : fmt::format("{}-{}", declared.name, number);
    rows_.push_back(std::move(row));
    const size_t here = rows_.size() - 1;
    roots_ += entity == 0 ? 1 : 0;
    for (const Index child : declared.children) {
      for (int64_t n = 1 + static_cast<int64_t>(draw_.below(2)); n > 0; --n) add(child, here);
    }
  }

  /// The stored fields, drawn for a case that is looked at on this day.
  std::vector<DrawnValue> values(Index entity, int64_t day) {
    checked::Root moment;
    moment.type = {TypeKind::date, false, -1};
    moment.body = std::make_unique<checked::Expr>();
    moment.body->type = moment.type;
    moment.body->value = day;
    checked::Test test;
    test.instances.push_back({.name = "x", .entity = entity, .fields = {}, .written = "", .any = true, .span = {}});
    test.steps.push_back({.span = {}, .text = "", .moment = static_cast<checked::RootId>(program_.roots.size()), .payload = {}, .sets = {}, .expects = {}});
    program_.roots.push_back(std::move(moment));
    const simulate::Drawn drawn = draw_.one(test);
    program_.roots.pop_back();
    std::vector<DrawnValue> all(program_.entities[static_cast<size_t>(entity)].fields.size());
    for (const auto& [field, value] : drawn.instances[0]) all[static_cast<size_t>(field)] = value;
    return all;
  }

  /// Not what follows from something else: a decision, a grant, a last day, an order of a supervisor.
  bool somebody_reports(Index type) const {
    const checked::EventType& event = program_.events[static_cast<size_t>(type)];
    if (!event.leaf || checked::is_stage_order(program_, event)) return false;
    for (const checked::Request& request : program_.requests) {
      if (type >= request.event && type <= program_.events[static_cast<size_t>(request.event)].last_descendant) return false;
    }
    for (const checked::Hold& hold : program_.holds) {
      if (hold.event != checked::none && type >= hold.event && type <= program_.events[static_cast<size_t>(hold.event)].last_descendant) return false;
    }
    for (const checked::Deadline& deadline : program_.deadlines) {
      if (type == deadline.warned || type == deadline.missed) return false;
    }
    return true;
  }

  std::vector<std::pair<std::string, Json>> fields_of(Index type, int64_t day) {
    const checked::EventType& event = program_.events[static_cast<size_t>(type)];
    std::vector<std::pair<std::string, Json>> fields;
    for (size_t f = 0; f < event.fields.size(); ++f) {
      const checked::Field& field = event.fields[f];
      // What the hand-out fills in by itself.
      if (field.name == "treatment" || field.name == "task_identity" || field.name == "cost" || !readable(field.type)) continue;
      const DrawnValue value = draw_.of_event(type, static_cast<Index>(f), day);
      if (Json written = json_of(field.type, value); !written.is_null()) fields.emplace_back(field.name, std::move(written));
    }
    return fields;
  }

  /// In a payload it is a number.
  static bool is_figure(const checked::EventType& event, const std::string& name) {
    const TypeKind kind = event.fields[static_cast<size_t>(checked::find_field(event.fields, name))].type.kind;
    return kind == TypeKind::decimal || kind == TypeKind::money || kind == TypeKind::number;
  }

  Json line(const Row& row) const {
    const checked::Entity& entity = program_.entities[static_cast<size_t>(row.entity)];
    Json said{{"kind", entity.name}, {"key", row.key}};
    if (row.entity != 0) said["of"] = rows_[row.parent].key;
    if (row.entity != 0) said["root"] = root_of(row).key;
    for (size_t f = 0; f < entity.fields.size(); ++f) {
      const checked::Field& field = entity.fields[f];
      if (field.key || !readable(field.type)) continue;
      if (Json value = json_of(field.type, row.values[f]); !value.is_null()) said[entity.name + "_" + field.name] = std::move(value);
    }
    return said;
  }

  const Row& root_of(const Row& row) const { return row.entity == 0 ? row : root_of(rows_[row.parent]); }

  static bool readable(const Type& type) {
    return type.kind != TypeKind::record && type.kind != TypeKind::list && type.kind != TypeKind::time_range && type.kind != TypeKind::file;
  }

  /// As files write it, every figure digit for digit; null: missing.
  Json json_of(const Type& type, const DrawnValue& value) const {
    if (!value.known) return {};
    const int64_t slot = value.slot;
    switch (type.kind) {
      case TypeKind::boolean:
        return slot != 0;
      case TypeKind::integer:
        return slot;
      case TypeKind::decimal:
        return digits(slot, 6);
      case TypeKind::money:
        return digits(slot, program_.bundle.minor_digits);
      case TypeKind::number:
        return fmt::format("{}", std::bit_cast<double>(slot));
      case TypeKind::date:
        return import::date_text(slot);
      case TypeKind::datetime: {
        const int64_t seconds = slot / 1'000'000, days = seconds / 86'400 - (seconds % 86'400 < 0 ? 1 : 0), rest = seconds - days * 86'400;
        return fmt::format("{}T{:02}:{:02}:00Z", import::date_text(days), rest / 3600, rest / 60 % 60);
      }
      case TypeKind::time:
        return fmt::format("{:02}:{:02}", slot / 3600, slot / 60 % 60);
      case TypeKind::duration:
        return fmt::format("{} days", 1 + slot / 8);
      case TypeKind::enumeration:
        return program_.enums[static_cast<size_t>(type.id)].literals[static_cast<size_t>(slot)];
      case TypeKind::location:
        return fmt::format("52.{:04},21.{:04}", 2000 + value.text.size() * 97, 100 + value.text.size() * 61);
      default:
        return value.text.empty() ? Json("x") : Json(value.text);
    }
  }

  checked::Program& program_;
  const simulate::Boundaries boundaries_;
  simulate::Draw draw_;
  int64_t first_, second_;
  std::vector<Row> rows_;
  size_t grown_ = 0;
  int64_t roots_ = 0, events_ = 0;
};

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
void write(const std::string& path, const std::vector<Json>& lines) {
  std::string text;
  for (const Json& line : lines) text += line.dump() + "\n";
  write(path, text);
}

int make(const std::string& folder, const std::string& into, uint64_t seed, int64_t debtors, const std::vector<std::string>& days) {
  const auto bundle = server::check_folder({.folder = folder, .stdlib = ""}, false);
  if (!bundle || (*bundle)->program == nullptr) {
    std::fprintf(stderr, "made_portfolio: %s cannot be read: %s\n", folder.c_str(), bundle ? "`dunlin check` says why" : bundle.error().c_str());
    return 1;
  }
  std::vector<int64_t> when;
  for (const std::string& day : days) {
    const auto read = import::read_date(day);
    if (!read) {
      std::fprintf(stderr, "made_portfolio: %s\n", read.error().c_str());
      return 2;
    }
    when.push_back(*read);
  }
  checked::Program& program = *(*bundle)->program;
  Maker maker(program, seed, when[0], when[1]);
  maker.fill(debtors);
  write(into + "/mapping.toml", maker.mapping());
  write(into + "/rows.jsonl", maker.rows());
  write(into + "/events_1.jsonl", maker.events(when[0] - 20, when[0], 3 * debtors));
  write(into + "/changes.jsonl", maker.changes());
  write(into + "/events_2.jsonl", maker.events(when[0] + 1, when[1] - 1, 3 * debtors));
  Json about{{"zone", program.bundle.timezone}, {"queues", maker.outcomes()}};
  write(into + "/outcomes.json", about.dump(1));
  return 0;
}

}  // namespace
}  // namespace dunlin::crash_test

int main(int count, char** words) {
  if (count != 7) {
    std::fprintf(stderr, "made_portfolio BUNDLE FOLDER SEED DEBTORS FIRST_DAY SECOND_DAY\n");
    return 2;
  }
  return dunlin::crash_test::make(words[1], words[2], std::strtoull(words[3], nullptr, 10), std::atoll(words[4]), {words[5], words[6]});
}

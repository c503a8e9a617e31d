#include "server/import/mapping.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "lang/sema/stage_orders.h"
#include "server/import/exact_figure.h"
#include "server/import/near_match.h"

namespace dunlin::import {
namespace {

using checked::Index;

Place place_of(const toml::node& node) { return {static_cast<int64_t>(node.source().begin.line), static_cast<int64_t>(node.source().begin.column)}; }

/// A scalar as the text that a file would hold: 12, true, "abc", 2005-04-28.
std::optional<std::string> scalar_text(const toml::node& node) {
  if (auto text = node.value_exact<std::string>()) return *text;
  if (auto flag = node.value_exact<bool>()) return *flag ? "true" : "false";
  if (auto whole = node.value_exact<int64_t>()) return std::to_string(*whole);
  if (auto figure = node.value_exact<double>()) return fmt::format("{}", *figure);
  if (auto day = node.value_exact<toml::date>()) return fmt::format("{:04}-{:02}-{:02}", day->year, day->month, day->day);
  if (auto moment = node.value_exact<toml::date_time>(); moment && !moment->offset) {
    return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", moment->date.year, moment->date.month, moment->date.day, moment->time.hour, moment->time.minute,
                       moment->time.second);
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(const checked::Program& program, Mapping& mapping, std::vector<MappingProblem>& problems)
      : program_(program), mapping_(mapping), problems_(problems) {}

  void read(const toml::table& document) {
    only_keys(document, {"input", "control", "entity", "event"}, "a mapping file");
    mapping_.source = mapping_.file.stem().string();
    if (auto* input = table_at(document, "input")) read_input(*input);
    if (auto* control = table_at(document, "control")) read_control(*control);
    each(document, "entity", [&](const toml::table& table) { read_entity(table); });
    each(document, "event", [&](const toml::table& table) { read_event(table); });
    if (mapping_.entities.empty() && mapping_.events.empty() && problems_.empty()) {
      problem({}, "the mapping says nothing about any entity or event", "add [[entity]] or [[event]]; docs/guides/import-mapping.md shows how");
    }
    for (size_t depth = 0; depth < program_.entities.size(); ++depth) {  // parents come before children in the program
      for (auto& entity : mapping_.entities) {
        if (entity.entity == static_cast<Index>(depth)) find_root(entity);
      }
    }
    for (auto& event : mapping_.events) find_root(event);
  }

 private:
  void problem(Place place, std::string message, std::string help = "") {
    problems_.push_back({place.line, place.column, std::move(message), std::move(help)});
  }

  void only_keys(const toml::table& table, const std::vector<std::string>& known, std::string_view what) {
    for (auto&& [key, node] : table) {
      std::string name(key.str());
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      problem(place_of(node), fmt::format("{} has no setting `{}`", what, name), suggest(name, known));
    }
  }

  const toml::table* table_at(const toml::table& parent, std::string_view key) {
    auto* node = parent.get(key);
    if (!node) return nullptr;
    if (!node->is_table()) problem(place_of(*node), fmt::format("`{}` is a group of settings, written as [{}]", key, key));
    return node->as_table();
  }

  template <class Visit>
  void each(const toml::table& parent, std::string_view key, Visit visit) {
    auto* node = parent.get(key);
    if (!node) return;
    auto* list = node->as_array();
    if (!list) return problem(place_of(*node), fmt::format("write [[{}]] with two brackets: there may be several", key));
    for (auto&& item : *list) {
      if (auto* table = item.as_table()) {
        visit(*table);
      } else {
        problem(place_of(item), fmt::format("write [[{}]] with two brackets: there may be several", key));
      }
    }
  }

  std::string text_at(const toml::table& table, std::string_view key, std::string standard) {
    auto* node = table.get(key);
    if (!node) return standard;
    auto text = scalar_text(*node);
    if (!text) problem(place_of(*node), fmt::format("`{}` is a text", key));
    return text.value_or(standard);
  }

  Template template_of(const toml::node& node, std::string_view what) {
    auto text = scalar_text(node);
    if (!text) {
      problem(place_of(node), fmt::format("`{}` is a text such as \"{{ID}}\"", what));
      return {};
    }
    auto parsed = Template::parse(*text);
    if (!parsed) problem(place_of(node), fmt::format("`{}`: {}", what, parsed.error()));
    return parsed ? *parsed : Template();
  }

  /// Required unless `needed` is false.
  Template template_at(const toml::table& table, std::string_view key, bool needed, std::string_view why) {
    auto* node = table.get(key);
    if (node) return template_of(*node, key);
    if (needed) problem(place_of(table), fmt::format("`{}` is missing: {}", key, why));
    return {};
  }

  void read_input(const toml::table& table) {
    only_keys(table, {"format", "delimiter", "header", "missing", "decimal_point", "thousands", "date", "source", "as_of"}, "[input]");
    auto format = text_at(table, "format", "csv");
    if (format != "csv" && format != "jsonl") problem(place_of(*table.get("format")), fmt::format("there is no format `{}`", format), "csv or jsonl");
    mapping_.format = format == "jsonl" ? Mapping::Format::json_lines : Mapping::Format::csv;
    auto one_character = [&](std::string_view key, char standard) {
      auto text = text_at(table, key, std::string(1, standard));
      if (text == "tab") text = "\t";
      if (text.size() != 1 || text == "\"") problem(place_of(*table.get(key)), fmt::format("`{}` is one character", key));
      return text.empty() ? standard : text[0];
    };
    mapping_.csv.delimiter = one_character("delimiter", ',');
    format_.decimal_point = one_character("decimal_point", '.');
    format_.thousands = text_at(table, "thousands", "");
    format_.date = text_at(table, "date", format_.date);
    mapping_.source = text_at(table, "source", mapping_.source);
    mapping_.as_of = text_at(table, "as_of", "");
    if (auto* header = table.get("header")) {
      if (!header->is_boolean()) problem(place_of(*header), "`header` is true or false");
      mapping_.csv.header = header->value_or(true);
    }
    if (auto* missing = table.get("missing")) read_missing(*missing);
  }

  void read_control(const toml::table& table) {
    only_keys(table, {"trailer", "rows_at", "total_at", "file", "total_of"}, "[control]");
    ControlSettings& control = mapping_.control;
    control.trailer = text_at(table, "trailer", "");
    control.beside = text_at(table, "file", "");
    control.total_of = text_at(table, "total_of", "");
    control.format = format_;
    const auto cell = [&](std::string_view key, size_t standard) {
      const auto* node = table.get(key);
      if (!node) return standard;
      const auto at = node->value<int64_t>();
      if (!at || *at < 0 || *at > 1000) problem(place_of(*node), fmt::format("`{}` is the number of a cell, counted from 1", key));
      return static_cast<size_t>(at.value_or(0));
    };
    control.rows_at = cell("rows_at", 2);
    control.total_at = cell("total_at", 3);
    if (control.given() == (!control.trailer.empty() && !control.beside.empty()))
      problem(place_of(table), "control totals stand in the last line or in a file beside it", "write `trailer = \"END\"` or `file = \"{file}.ctl\"`");
    if (!control.trailer.empty() && mapping_.format == Mapping::Format::json_lines)
      problem(place_of(table), "JSON lines have no trailer", "let a file beside it tell the totals: `file = \"{file}.ctl\"`");
  }

  void read_missing(const toml::node& node) {
    auto* list = node.as_array();
    if (!list) return problem(place_of(node), "`missing` is a list of texts");
    for (auto&& item : *list) {
      auto text = scalar_text(item);
      if (text) mapping_.missing.push_back(*text);
      if (!text) problem(place_of(item), "`missing` is a list of texts");
    }
  }

  std::vector<Condition> read_when(const toml::table& table) {
    std::vector<Condition> result;
    auto* node = table.get("when");
    if (!node) return result;
    auto add = [&](const toml::node& item) {
      auto text = item.value<std::string>();
      auto condition = text ? Condition::parse(*text) : std::unexpected(std::string("a condition is a text such as \"{paid} > 0\""));
      if (condition) result.push_back(*condition);
      if (!condition) problem(place_of(item), "`when`: " + condition.error());
    };
    if (auto* list = node->as_array()) {
      for (auto&& item : *list) add(item);
    } else {
      add(*node);
    }
    return result;
  }

  FieldSource read_source(const toml::node& node, const checked::Field& field, Index index) {
    FieldSource source;
    source.field = index;
    source.place = place_of(node);
    source.format = format_;
    auto* table = node.as_table();
    if (!table) {
      source.value = template_of(node, field.name);
    } else {
      read_source_table(*table, field, source);
    }
    check_constant(source, field);
    return source;
  }

  void read_source_table(const toml::table& table, const checked::Field& field, FieldSource& source) {
    only_keys(table, {"column", "value", "values", "otherwise", "default", "scale", "date"}, fmt::format("the source of `{}`", field.name));
    bool column = table.contains("column"), value = table.contains("value");
    if (column == value) problem(source.place, fmt::format("`{}` needs either `column` or `value`", field.name));
    if (value) source.value = template_at(table, "value", true, "");
    if (column && !value) {
      auto parsed = Template::parse("{" + text_at(table, "column", "") + "}");
      if (!parsed) problem(source.place, fmt::format("`column` of `{}` is the name of a column", field.name));
      if (parsed) source.value = *parsed;
    }
    source.fallback = text_at(table, "default", "");
    if (table.contains("otherwise")) source.otherwise = text_at(table, "otherwise", "");
    source.format.date = text_at(table, "date", source.format.date);
    if (auto* scale = table.get("scale")) {
      auto text = scalar_text(*scale);
      if (!text || !read_scale(*text, source.format.scale_numerator, source.format.scale_digits)) {
        problem(place_of(*scale), "`scale` is a figure such as 0.01");
      }
    }
    if (auto* values = table_at(table, "values")) {
      for (auto&& [from, to] : *values) {
        auto text = scalar_text(to);
        if (!text) problem(place_of(to), "`values` gives a text for a text");
        source.values.emplace_back(std::string(from.str()), text.value_or(""));
        if (text) check_literal(field, *text, place_of(to));
      }
    }
    if (source.otherwise) check_literal(field, *source.otherwise, source.place);
  }

  void check_constant(const FieldSource& source, const checked::Field& field) {
    if (source.value.is_constant() && source.values.empty()) check_literal(field, source.value.fill(no_values_), source.place);
    if (!source.fallback.empty()) check_literal(field, source.fallback, source.place);
  }

  /// A literal that an enumeration does not have would reject every row that meets it.
  void check_literal(const checked::Field& field, const std::string& text, Place place) {
    if (field.type.kind != checked::TypeKind::enumeration || text.empty()) return;
    const auto& literals = program_.enums.at(static_cast<size_t>(field.type.id)).literals;
    if (std::find(literals.begin(), literals.end(), text) != literals.end()) return;
    problem(place, fmt::format("`{}` of `{}` is not one of its values", text, field.name), suggest(text, literals));
  }

  std::vector<FieldSource> read_fields(const toml::table& table, const std::vector<checked::Field>& fields, std::string_view what, bool with_key) {
    std::vector<FieldSource> result;
    std::set<Index> given;
    if (auto* group = table_at(table, "fields")) {
      for (auto&& [key, node] : *group) {
        std::string name(key.str());
        Index index = checked::find_field(fields, name);
        if (index == checked::none) {
          std::vector<std::string> names;
          for (const auto& field : fields) names.push_back(field.name);
          problem(place_of(node), fmt::format("`{}` has no field `{}`", what, name), suggest(name, names));
          continue;
        }
        given.insert(index);
        result.push_back(read_source(node, fields[static_cast<size_t>(index)], index));
      }
    }
    for (size_t i = 0; i < fields.size(); ++i) {
      const auto& field = fields[i];
      if (given.contains(static_cast<Index>(i)) || field.type.optional || (field.key && with_key)) continue;
      problem(place_of(table), fmt::format("`{}` needs a value for `{}`", what, field.name),
              fmt::format("add {} = \"{{column}}\" below fields, or make the field optional in the bundle", field.name));
    }
    return result;
  }

  void read_entity(const toml::table& table) {
    only_keys(table, {"name", "key", "of", "root", "when", "fields"}, "[[entity]]");
    auto name = text_at(table, "name", "");
    Index index = checked::find_entity(program_, name);
    if (index == checked::none) {
      std::vector<std::string> names;
      for (const auto& entity : program_.entities) names.push_back(entity.name);
      return problem(place_of(table), name.empty() ? "`name` is missing: which entity?" : fmt::format("the bundle has no entity `{}`", name),
                     suggest(name, names));
    }
    const auto& entity = program_.entities[static_cast<size_t>(index)];
    EntityMapping result;
    result.entity = index;
    result.place = place_of(table);
    result.key = template_at(table, "key", true, fmt::format("what makes one {} differ from another?", name));
    bool hangs = entity.parent != checked::none;
    if (!hangs && table.contains("of")) problem(place_of(*table.get("of")), fmt::format("`{}` hangs on nothing", name));
    if (hangs)
      result.of = template_at(table, "of", true, fmt::format("the key of the {} it belongs to", program_.entities[static_cast<size_t>(entity.parent)].name));
    result.root = template_at(table, "root", false, "");
    result.when = read_when(table);
    result.fields = read_fields(table, entity.fields, name, true);
    mapping_.entities.push_back(std::move(result));
  }

  void read_event(const toml::table& table) {
    only_keys(table, {"name", "of", "root", "at", "id", "date", "when", "fields", "repeat"}, "[[event]]");
    auto name = text_at(table, "name", "");
    Index index = checked::find_event(program_, name);
    if (index == checked::none || checked::is_stage_order(program_, program_.events[static_cast<size_t>(index)])) {
      std::vector<std::string> names;
      for (const auto& event : program_.events) names.push_back(event.alias.empty() ? event.name : event.alias);
      return problem(place_of(table), name.empty() ? "`name` is missing: which event?" : fmt::format("the bundle has no event `{}`", name),
                     suggest(name, names));
    }
    const auto& type = program_.events[static_cast<size_t>(index)];
    if (!type.leaf) problem(place_of(table), fmt::format("`{}` is a group of events; name one of those below it", name));
    for (const checked::Request& request : program_.requests) {
      if (index < request.event || index > program_.events[static_cast<size_t>(request.event)].last_descendant) continue;
      problem(place_of(table),
              fmt::format("`{}` is no event that somebody reports: it follows from a decision (dunlin approval), or from what is granted", name));
    }
    EventMapping result;
    result.type = index;
    result.place = place_of(table);
    result.format = format_;
    result.format.date = text_at(table, "date", format_.date);
    result.of = template_at(table, "of", true, fmt::format("the key of the {} it happened to", program_.entities[static_cast<size_t>(type.owner)].name));
    result.root = template_at(table, "root", false, "");
    result.at = template_at(table, "at", true, "when did it happen?");
    result.id = template_at(table, "id", true, "what tells this event from others, so that the same one counts once?");
    result.when = read_when(table);
    result.fields = read_fields(table, type.fields, name, false);
    each(table, "repeat", [&](const toml::table& item) {
      Repetition repetition;
      for (auto&& [key, node] : item) repetition.emplace_back(std::string(key.str()), template_of(node, key.str()));
      result.repeat.push_back(std::move(repetition));
    });
    mapping_.events.push_back(std::move(result));
  }

  /// The case file's root of an entity, by what the mapping says of the entities above it.
  const Template* root_of(Index entity, const Template& key) {
    for (const auto& mapped : mapping_.entities) {
      if (mapped.entity == entity && mapped.key.text() == key.text()) return &mapped.root;
    }
    return nullptr;
  }

  void find_root(EntityMapping& mapped) {
    const auto& entity = program_.entities[static_cast<size_t>(mapped.entity)];
    if (!mapped.root.text().empty()) return;
    if (entity.parent == checked::none) {
      mapped.root = mapped.key;
    } else {
      mapped.root = root_above(entity.parent, mapped.of, mapped.place);
    }
  }

  void find_root(EventMapping& mapped) {
    if (!mapped.root.text().empty()) return;
    mapped.root = root_above(program_.events[static_cast<size_t>(mapped.type)].owner, mapped.of, mapped.place);
  }

  Template root_above(Index entity, const Template& key, Place place) {
    const auto& above = program_.entities[static_cast<size_t>(entity)];
    if (above.parent == checked::none) return key;
    if (auto* root = root_of(entity, key); root && !root->text().empty()) return *root;
    problem(place, fmt::format("`root` is missing: the key of the {} whose case file this is", program_.entities[0].name));
    return key;
  }

  struct NoValues : Values {
    std::string_view value(std::string_view) const override { return {}; }
  };

  const checked::Program& program_;
  Mapping& mapping_;
  std::vector<MappingProblem>& problems_;
  ValueFormat format_;
  NoValues no_values_;
};

void need(const Header& header, const std::vector<std::string>& names, const std::vector<std::string>& given, Place place,
          std::map<std::string, MappingProblem>& found) {
  for (const auto& name : names) {
    if (header.find(name) >= 0 || std::find(given.begin(), given.end(), name) != given.end()) continue;
    found.try_emplace(name, MappingProblem{place.line, place.column, fmt::format("the file has no column `{}`", name), suggest(name, header.names())});
  }
}

}  // namespace

std::expected<Mapping, std::vector<MappingProblem>> parse_mapping(std::string_view text, const std::filesystem::path& file, const checked::Program& program) {
  std::vector<MappingProblem> problems;
  Mapping mapping;
  mapping.file = file;
  try {
    toml::table document = toml::parse(text, file.string());
    Reader(program, mapping, problems).read(document);
  } catch (const toml::parse_error& error) {
    auto begin = error.source().begin;
    problems.push_back(
        {static_cast<int64_t>(begin.line), static_cast<int64_t>(begin.column), std::string("this is not TOML: ") + std::string(error.description()), ""});
  }
  if (!problems.empty()) return std::unexpected(std::move(problems));
  return mapping;
}

std::expected<Mapping, std::vector<MappingProblem>> load_mapping(const std::filesystem::path& file, const checked::Program& program) {
  auto refuse = [](std::string message) { return std::unexpected(std::vector<MappingProblem>{{0, 0, std::move(message), ""}}); };
  std::error_code error;
  if (!std::filesystem::is_regular_file(file, error)) return refuse("there is no such file");
  if (std::filesystem::file_size(file, error) > (1u << 20)) return refuse("a mapping file has at most 1 MB");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) return refuse("the file cannot be read");
  return parse_mapping(text.str(), file, program);
}

std::vector<MappingProblem> missing_columns(const Mapping& mapping, const Header& header) {
  std::map<std::string, MappingProblem> found;
  auto fields = [&](const std::vector<FieldSource>& sources, const std::vector<std::string>& given) {
    for (const auto& source : sources) need(header, source.value.names(), given, source.place, found);
  };
  auto conditions = [&](const std::vector<Condition>& when, const std::vector<std::string>& given, Place place) {
    for (const auto& condition : when) need(header, condition.names(), given, place, found);
  };
  for (const auto& entity : mapping.entities) {
    for (const auto* key : {&entity.key, &entity.of, &entity.root}) need(header, key->names(), {}, entity.place, found);
    conditions(entity.when, {}, entity.place);
    fields(entity.fields, {});
  }
  for (const auto& event : mapping.events) {
    std::vector<std::string> given;
    for (const auto& repetition : event.repeat) {
      for (const auto& [name, value] : repetition) {
        given.push_back(name);
        need(header, value.names(), {}, event.place, found);
      }
    }
    for (const auto* key : {&event.of, &event.root, &event.at, &event.id}) need(header, key->names(), given, event.place, found);
    conditions(event.when, given, event.place);
    fields(event.fields, given);
  }
  std::vector<MappingProblem> problems;
  for (auto& [name, problem] : found) problems.push_back(std::move(problem));
  return problems;
}

}  // namespace dunlin::import

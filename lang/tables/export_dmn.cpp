#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "lang/diag/markup.h"
#include "lang/tables/export.h"
#include "lang/tables/export_values.h"

namespace dunlin::tables {

namespace {

using checked::Cell;
using checked::HitPolicy;
using checked::TypeKind;

std::string feel_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

/// Durations lie in slots as amount * 8 + unit (lang/sema/types.h): 0 microseconds, 1 days, 2 business days, 3 months.
std::string feel_duration(int64_t packed) {
  const int64_t amount = packed >> 3, unit = packed & 7;
  if (amount < 0) throw Unwritable{"it is a negative duration"};
  if (unit == 1) return fmt::format("duration(\"P{}D\")", amount);
  if (unit == 3) return fmt::format("duration(\"P{}M\")", amount);
  if (unit == 0 && amount % 1'000'000 == 0) return fmt::format("duration(\"PT{}S\")", amount / 1'000'000);
  throw Unwritable{"DMN has no business days"};
}

std::string with_seconds(std::string clock) { return clock.size() == 5 ? clock + ":00" : clock; }

/// A value by its key, as FEEL writes it.
std::string feel_value(const checked::Program& program, const checked::Type& type, int64_t key) {
  const std::string text = value_text(program, type, key);
  switch (type.kind) {
    case TypeKind::enumeration:
      return feel_text(text);
    case TypeKind::date:
      return "date(\"" + text + "\")";
    case TypeKind::time:
      return "time(\"" + with_seconds(text) + "\")";
    case TypeKind::datetime:
      return "date and time(\"" + text.substr(0, 10) + "T" + with_seconds(text.substr(11)) + "\")";
    case TypeKind::duration:
      return feel_duration(key);
    case TypeKind::stage:
      throw Unwritable{"DMN has no stages"};
    case TypeKind::time_range:
      throw Unwritable{"DMN has no windows of a day"};
    default:
      return text;
  }
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

std::string cell_tests(const checked::Program& program, const Cell& cell, const checked::Type& type) {
  if (cell.predicate != checked::none) throw Unwritable{"it is computed: only constants are exported"};
  std::vector<std::string> items;
  if (is_words(type)) {
    for (const std::string& text : cell.texts) items.push_back(feel_text(text));
    if (cell.texts_negated) {
      const bool null = cell.accepts_missing;
      if (items.empty()) return null || !type.optional ? "-" : "not(null)";
      if (!null && type.optional) items.push_back("null");  // not("a") alone would take null
      return "not(" + joined(items) + ")";
    }
  } else {
    const Cell::Interval all = whole_domain(program, type);
    for (const Cell::Interval& interval : cell.intervals) {
      const bool from_start = interval.low <= all.low, to_end = interval.high >= all.high;
      if (from_start && to_end && cell.intervals.size() == 1) return cell.accepts_missing || !type.optional ? "-" : "not(null)";
      if (is_listed(type)) {
        for (int64_t key = interval.low; key <= interval.high; ++key) items.push_back(feel_value(program, type, key));
      } else if (interval.low == interval.high) {
        items.push_back(feel_value(program, type, interval.low));
      } else if (from_start) {
        items.push_back("<= " + feel_value(program, type, interval.high));
      } else if (to_end) {
        items.push_back(">= " + feel_value(program, type, interval.low));
      } else {
        items.push_back("[" + feel_value(program, type, interval.low) + ".." + feel_value(program, type, interval.high) + "]");
      }
    }
  }
  if (cell.accepts_missing) items.push_back("null");
  if (items.empty()) throw Unwritable{"it takes no value at all"};
  return joined(items);
}

std::string output_entry(const checked::Program& program, const checked::TableOutput& output, const checked::Type& type) {
  if (!output.constant) throw Unwritable{"it is computed: only constants are exported"};
  if (is_missing(output, type)) return "null";
  if (is_words(type)) return feel_text(output.text);
  // Outputs lie in slot form, cells by order keys.
  if (type.kind != TypeKind::number) return feel_value(program, type, output.slots.back());
  return feel_value(program, type, checked::order_key_of_double(__builtin_bit_cast(double, output.slots.back())));
}

class Writer {
 public:
  Writer(const checked::Program& program, const checked::Table& table) : program_(program), table_(table) {}

  std::string write() {
    std::string inputs, requirements, columns, outputs;
    for (size_t i = 0; i < table_.inputs.size(); ++i) {
      const auto& column = table_.inputs[i];
      spot = fmt::format("column `{}`", column.name);
      const std::string type = type_reference(column.type), name = escape_xml(column.name), id = fmt::format("input_{}", i + 1);
      inputs += fmt::format("  <inputData id=\"{0}\" name=\"{1}\">\n    <variable name=\"{1}\" typeRef=\"{2}\"/>\n  </inputData>\n", id, name, type);
      requirements += fmt::format("    <informationRequirement>\n      <requiredInput href=\"#{}\"/>\n    </informationRequirement>\n", id);
      columns += fmt::format(
          "      <input label=\"{0}\">\n        <inputExpression typeRef=\"{1}\">\n          <text>{0}</text>\n        </inputExpression>\n      </input>\n",
          name, type);
    }
    for (size_t o = 0; o < table_.outputs.size(); ++o) outputs += output_clause(o);
    const std::string rules = all_rules();
    const std::string name = escape_xml(table_.name), bundle = escape_xml(program_.bundle.name);
    const std::string variable = table_.outputs.size() == 1 && !gives_list() ? fmt::format(" typeRef=\"{}\"", type_reference(table_.outputs[0].type)) : "";
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<definitions xmlns=\"https://www.omg.org/spec/DMN/20191111/MODEL/\" id=\"{1}_model\" name=\"{1}\" namespace=\"https://dunlin.example/{1}\">\n"
        "{2}{3}  <decision id=\"decision\" name=\"{0}\">\n    <variable name=\"{0}\"{4}/>\n{5}    <decisionTable{6}>\n{7}{8}{9}    </decisionTable>\n"
        "  </decision>\n</definitions>\n",
        name, bundle, items_, inputs, variable, requirements, policy(), columns, outputs, rules);
  }

  std::string spot;

 private:
  bool gives_list() const { return table_.policy == HitPolicy::collect || table_.policy == HitPolicy::count; }

  std::string policy() const {
    switch (table_.policy) {
      case HitPolicy::unique:
        return " hitPolicy=\"UNIQUE\"";
      case HitPolicy::first:
        return " hitPolicy=\"FIRST\"";
      case HitPolicy::any:
        return " hitPolicy=\"ANY\"";
      case HitPolicy::priority:
        return " hitPolicy=\"PRIORITY\"";
      case HitPolicy::collect:
        return " hitPolicy=\"COLLECT\"";
      case HitPolicy::sum:
        return " hitPolicy=\"COLLECT\" aggregation=\"SUM\"";
      case HitPolicy::minimum:
        return " hitPolicy=\"COLLECT\" aggregation=\"MIN\"";
      case HitPolicy::maximum:
        return " hitPolicy=\"COLLECT\" aggregation=\"MAX\"";
      case HitPolicy::count:
        return " hitPolicy=\"COLLECT\" aggregation=\"COUNT\"";
    }
    return "";
  }

  /// Enumerations become item definitions with their literals; `int` and `money` say which number of Dunlin is meant.
  std::string type_reference(const checked::Type& type) {
    switch (type.kind) {
      case TypeKind::boolean:
        return "boolean";
      case TypeKind::integer:
        return item("int", "number", "");
      case TypeKind::money:
        return item("money", "number", "");
      case TypeKind::decimal:
      case TypeKind::number:
        return "number";
      case TypeKind::date:
        return "date";
      case TypeKind::time:
        return "time";
      case TypeKind::datetime:
        return "dateTime";
      case TypeKind::duration:
        return "dayTimeDuration";
      case TypeKind::enumeration: {
        const checked::Enum& enumeration = program_.enums[static_cast<size_t>(type.id)];
        std::vector<std::string> literals;
        for (const std::string& literal : enumeration.literals) literals.push_back(feel_text(literal));
        return item(enumeration.name.empty() ? fmt::format("values_{}", type.id) : enumeration.name, "string", joined(literals));
      }
      case TypeKind::stage:
        throw Unwritable{"DMN has no stages"};
      case TypeKind::time_range:
        throw Unwritable{"DMN has no windows of a day"};
      default:
        return "string";
    }
  }

  std::string item(const std::string& name, const char* base, const std::string& allowed) {
    if (known_items_.insert(name).second) {
      items_ += fmt::format("  <itemDefinition name=\"{}\">\n    <typeRef>{}</typeRef>\n", escape_xml(name), base);
      if (!allowed.empty()) items_ += fmt::format("    <allowedValues>\n      <text>{}</text>\n    </allowedValues>\n", escape_xml(allowed));
      items_ += "  </itemDefinition>\n";
    }
    return escape_xml(name);
  }

  std::string output_clause(size_t o) {
    const auto& column = table_.outputs[o];
    spot = fmt::format("output `{}`", column.name);
    std::string inside;
    if (o == 0 && table_.policy == HitPolicy::priority) inside += element("outputValues", joined(values_in_order()));
    if (table_.otherwise) {
      const std::string entry = output_entry(program_, table_.otherwise->outputs[o], column.type);
      if (entry != "null") inside += element("defaultOutputEntry", entry);
    }
    if (table_.policy == HitPolicy::sum) inside += element("defaultOutputEntry", "0");  // Dunlin's sum of nothing is zero, DMN's is null
    const std::string begin = fmt::format("      <output name=\"{}\" typeRef=\"{}\"", escape_xml(column.name), type_reference(column.type));
    return inside.empty() ? begin + "/>\n" : begin + ">\n" + inside + "      </output>\n";
  }

  static std::string element(const char* name, const std::string& text) {
    return fmt::format("        <{0}>\n          <text>{1}</text>\n        </{0}>\n", name, escape_xml(text));
  }

  /// What `priority` prefers: the earlier literal of an enumeration, the greater of other values.
  std::vector<std::string> values_in_order() const {
    const checked::Type& type = table_.outputs[0].type;
    std::vector<std::string> out;
    if (type.kind == TypeKind::enumeration) {
      for (const std::string& literal : program_.enums[static_cast<size_t>(type.id)].literals) out.push_back(feel_text(literal));
      return out;
    }
    std::set<int64_t, std::greater<>> keys;
    for (const checked::TableRow& row : table_.rows) {
      const checked::TableOutput& output = row.outputs[0];
      if (!output.constant || output.slots.empty()) throw Unwritable{"its order rests on values that are computed"};
      keys.insert(type.kind == TypeKind::number ? checked::order_key_of_double(__builtin_bit_cast(double, output.slots.back())) : output.slots.back());
    }
    for (const int64_t key : keys) out.push_back(feel_value(program_, type, key));
    return out;
  }

  std::string all_rules() {
    std::string out;
    for (size_t r = 0; r < table_.rows.size(); ++r) {
      const checked::TableRow& row = table_.rows[r];
      out += "      <rule>\n";
      for (size_t c = 0; c < table_.inputs.size(); ++c) {
        spot = fmt::format("row {}, column `{}`", r + 1, table_.inputs[c].name);
        out += entry("inputEntry", cell_tests(program_, row.cells[c], table_.inputs[c].type));
      }
      for (size_t o = 0; o < table_.outputs.size(); ++o) {
        spot = fmt::format("row {}, output `{}`", r + 1, table_.outputs[o].name);
        out += entry("outputEntry", output_entry(program_, row.outputs[o], table_.outputs[o].type));
      }
      out += "      </rule>\n";
    }
    return out;
  }
  static std::string entry(const char* name, const std::string& text) {
    return fmt::format("        <{0}>\n          <text>{1}</text>\n        </{0}>\n", name, escape_xml(text));
  }

  const checked::Program& program_;
  const checked::Table& table_;
  std::string items_;
  std::set<std::string> known_items_;
};

}  // namespace

std::expected<std::string, Problem> export_dmn(const checked::Program& program, const checked::Table& table) {
  Writer writer(program, table);
  try {
    return writer.write();
  } catch (const Unwritable& unwritable) {
    return std::unexpected(Problem{0, writer.spot, unwritable.reason, "keep this table in the bundle, or export it as a sheet"});
  }
}

}  // namespace dunlin::tables

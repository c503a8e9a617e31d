#include "server/tables/trial.h"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "compiler/abi/arena.h"
#include "compiler/abi/calendar.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "lang/tables/dunlin_names.h"

namespace dunlin::server {

namespace {

using tables::Answer;
using tables::Kind;
using tables::TestCase;
using tables::TestValue;
using tables::Type;

constexpr const char* entity_name = "trial_case";

std::string part_name(size_t answer, size_t part) { return fmt::format("trial_answer_{}_{}", answer, part); }
std::string row_name(size_t answer, size_t row, size_t part) { return fmt::format("trial_row_{}_{}_{}", answer, row, part); }

/// The imported declarations, and an entity that has the inputs as fields and the answers as derived ones.
std::string trial_text(const tables::Translation& translation) {
  std::string text = "bundle trial \"Trial\" { timezone UTC, currency EUR, calendar none, day starts 00:00 }\n" + tables::dunlin_text(translation);
  for (const tables::Enumeration& one : translation.unwritten) text += "\n" + tables::dunlin_text(one);
  std::string fields;
  for (const tables::Input& input : translation.inputs) fields += fmt::format("  {} : {}?\n", tables::quoted_name(input.name), tables::type_text(input.type));
  for (size_t a = 0; a < translation.answers.size(); ++a) {
    const Answer& answer = translation.answers[a];
    if (!answer.list) {
      for (size_t p = 0; p < answer.parts.size(); ++p) fields += fmt::format("  {} = {}\n", part_name(a, p), answer.parts[p].text);
      continue;
    }
    for (size_t r = 0; r < answer.rows.size(); ++r) {
      tables::TableText row = answer.rows[r];
      row.name = fmt::format("trial_table_{}_{}", a, r);
      text += "\n" + tables::dunlin_text(row);
      for (size_t p = 0; p < row.outputs.size(); ++p) {
        fields += fmt::format("  {} = {}({}).{}\n", row_name(a, r, p), row.name, answer.arguments, tables::quoted_name(row.outputs[p].name));
      }
    }
  }
  return text + fmt::format("\nentity {} {{\n  key trial_id : text\n{}}}\n", entity_name, fields);
}

/// Findings that are no mistakes of a DMN table: rows that others go before, rows that never match.
bool is_only_advice(const Diagnostics& diagnostics) {
  return std::all_of(diagnostics.all().begin(), diagnostics.all().end(), [](const Diagnostic& one) {
    return one.severity == Severity::warning || one.code == "E0504" || one.code == "E0505" || one.code == "E0501";
  });
}

class Trial {
 public:
  Trial(const tables::Translation& translation, bool rounded) : translation_(translation), rounded_(rounded) {}

  std::expected<void, std::string> prepare(const std::filesystem::path& stdlib) {
    if (auto done = check(stdlib, true); !done) return done;
    ir_ = ir::lower(*program_);
    interpreter_ = make_interpreter(*ir_);
    auto native = compile_native(*ir_, {.opt_level = 0});
    if (!native) return std::unexpected("it cannot be compiled to native code: " + native.error());
    native_ = std::move(*native);
    abi::CalendarSpec spec;
    spec.timezone = program_->bundle.timezone;
    auto calendar = abi::CalendarTables::make(spec);
    if (!calendar) return std::unexpected(calendar.error());
    calendar_ = std::move(*calendar);
    settings_.resize(static_cast<size_t>(program_->setting_slots) + 1);
    const auto found = checked::find_entity(*program_, entity_name);
    entity_ = &program_->entities[static_cast<size_t>(found)];
    return {};
  }

  std::vector<TrialLine> run(const std::vector<TestCase>& cases) {
    std::vector<TrialLine> lines;
    for (const TestCase& one : cases) {
      for (const TestCase::Expected& expected : one.expected) lines.push_back(line(one, expected));
    }
    return lines;
  }

 private:
  std::expected<void, std::string> check(const std::filesystem::path& stdlib, bool analyse) {
    sources_ = SourceMap();
    Diagnostics diagnostics;
    BundleSources bundle{{{"imported.dun", trial_text(translation_)}}};
    program_ = check_bundle(bundle, sources_, diagnostics, {.stdlib = stdlib, .analyse = analyse});
    if (program_) return {};
    if (analyse && is_only_advice(diagnostics)) return check(stdlib, false);
    return std::unexpected(render_text(diagnostics, sources_, {}));
  }

  // ---- inputs ----

  const TestValue* given(const TestCase& one, const tables::Input& input) const {
    const TestValue* value = nullptr;
    for (const auto& [name, found] : one.inputs) {
      if (name == input.data) value = &found;
    }
    for (const std::string& component : input.path) {
      if (value == nullptr || value->shape != TestValue::Shape::record) return nullptr;
      const TestValue* below = nullptr;
      for (const auto& [name, field] : value->fields) {
        if (name == component) below = &field;
      }
      value = below;
    }
    return value;
  }

  const tables::Enumeration& enumeration(const std::string& name) const {
    for (const auto* all : {&translation_.enumerations, &translation_.unwritten}) {
      for (const tables::Enumeration& one : *all) {
        if (one.name == name) return one;
      }
    }
    throw std::logic_error("an enumeration that the translation has no declaration of");
  }

  /// A scalar in slot form; the error says why it is none.
  std::expected<int64_t, std::string> slot_of(const std::string& text, const Type& type) {
    const auto none = [&] { return std::unexpected(fmt::format("`{}` is not {}", text, tables::type_words(type))); };
    switch (type.kind) {
      case Kind::decimal:
      case Kind::integer:
      case Kind::money: {
        const auto figure = tables::read_decimal(text);
        if (!figure) return none();
        const auto value = tables::millionths(*figure);
        const int64_t unit = type.kind == Kind::decimal ? 1 : type.kind == Kind::integer ? 1'000'000 : 10'000;
        if (!value || *value % unit != 0) return std::unexpected(fmt::format("{} cannot be written as {} of Dunlin", text, tables::type_text(type)));
        return *value / unit;
      }
      case Kind::boolean:
        return text == "true" ? std::expected<int64_t, std::string>(1) : text == "false" ? std::expected<int64_t, std::string>(0) : none();
      case Kind::text:
        return reinterpret_cast<int64_t>(arena_.text(text));
      case Kind::enumeration: {
        const auto& texts = enumeration(type.enumeration).texts;
        const auto found = std::find(texts.begin(), texts.end(), text);
        if (found == texts.end()) return std::unexpected(fmt::format("\"{}\" is not among the allowed values", text));
        return found - texts.begin();
      }
      case Kind::date:
      case Kind::time:
      case Kind::datetime:
      case Kind::days_time:
      case Kind::years_months:
        return moment(text, type.kind);
      default:
        return none();
    }
  }

  static std::expected<int64_t, std::string> moment(const std::string& text, Kind kind) {
    try {
      const auto read = kind == Kind::date       ? tables::read_date(text)
                        : kind == Kind::time     ? tables::read_time(text)
                        : kind == Kind::datetime ? tables::read_datetime(text)
                                                 : tables::read_duration(text);
      if (!read || read->type.kind != kind) return std::unexpected(fmt::format("`{}` is not {}", text, tables::type_words({kind, {}})));
      if (kind == Kind::datetime) return *read->key * abi::us_per_second;
      if (kind == Kind::years_months) return abi::pack_duration(*read->key, abi::DurationUnit::month);
      if (kind != Kind::days_time) return *read->key;
      return *read->key % 86'400 == 0 ? abi::pack_duration(*read->key / 86'400, abi::DurationUnit::day)
                                      : abi::pack_duration(*read->key * abi::us_per_second, abi::DurationUnit::microsecond);
    } catch (const tables::Refusal& refusal) {
      return std::unexpected(refusal.reason);
    }
  }

  std::expected<void, std::string> fill(const TestCase& one) {
    slots_.assign(static_cast<size_t>(entity_->slot_count), 0);
    slots_[static_cast<size_t>(entity_->fields[0].slot)] = reinterpret_cast<int64_t>(arena_.text("1"));
    for (const tables::Input& input : translation_.inputs) {
      const TestValue* value = given(one, input);
      if (value == nullptr || value->shape == TestValue::Shape::null) continue;
      const auto field = checked::find_field(entity_->fields, input.name);
      const auto slot = static_cast<size_t>(entity_->fields[static_cast<size_t>(field)].slot);
      if (value->shape != TestValue::Shape::scalar) return std::unexpected(fmt::format("the input `{}` is a list or a context", input.data));
      const auto read = slot_of(value->text, input.type);
      if (!read) return std::unexpected(fmt::format("input `{}`: {}", input.data, read.error()));
      slots_[slot] = 1;
      slots_[slot + 1] = *read;
    }
    return {};
  }

  // ---- answers ----

  struct Found {
    bool null = true;
    std::string text;  // as a test case would have it
    std::string fault;
  };

  Found ask(const Evaluator& evaluator, const std::string& name, const Type& type) {
    const auto found = std::find_if(entity_->derived.begin(), entity_->derived.end(), [&](const auto& one) { return one.name == name; });
    abi::Instance* instances[1] = {&instance_};
    abi::State state{};
    state.strategy = state.stage = -1;
    instance_ = {};
    instance_.slots = slots_.data();
    instance_.state = &state;
    instance_.entity = static_cast<int32_t>(entity_ - program_->entities.data());
    abi::CaseView view{&instance_, instances, 1, {nullptr, 0}};
    abi::EvalContext context{};
    context.case_file = &view;
    context.self = &instance_;
    context.settings = settings_.data();
    context.calendar = calendar_->view();
    context.arena = &arena_;
    context.now = 1'767'600'000 * abi::us_per_second;
    context.today = 20'458;
    int64_t out[8] = {};
    const Evaluation done = evaluator.evaluate(found->root, context, out);
    Found result;
    if (!done.ok()) {
      result.fault = abi::fault_text(done.fault);
      return result;
    }
    const bool optional = found->type.optional;
    if (optional && out[0] == 0) return result;
    result.null = false;
    result.text = text_of(found->type, out[optional ? 1 : 0], type);
    return result;
  }

  static std::string with_seconds(std::string clock) { return clock.size() == 5 ? clock + ":00" : clock; }

  std::string text_of(const checked::Type& type, int64_t slot, const Type& wanted) const {
    using checked::TypeKind;
    switch (type.kind) {
      case TypeKind::boolean:
        return slot != 0 ? "true" : "false";
      case TypeKind::integer:
        return std::to_string(slot);
      case TypeKind::decimal:
        return tables::text_of(tables::decimal_of_millionths(slot));
      case TypeKind::money:
        return abi::money_text(slot, program_->bundle.minor_digits);
      case TypeKind::text:
        return std::string(reinterpret_cast<const abi::Text*>(slot)->view());
      case TypeKind::enumeration:
        return wanted.kind == Kind::enumeration ? enumeration(wanted.enumeration).texts[static_cast<size_t>(slot)]
                                                : program_->enums[static_cast<size_t>(type.id)].literals[static_cast<size_t>(slot)];
      case TypeKind::date:
        return tables::date_literal(slot);
      case TypeKind::time:
        return with_seconds(tables::time_literal(slot));
      case TypeKind::datetime: {
        const std::string text = tables::datetime_term(slot / abi::us_per_second).text;
        return text.substr(0, 10) + "T" + with_seconds(text.substr(11));
      }
      case TypeKind::duration: {
        const int64_t amount = std::abs(abi::duration_amount(slot));
        const char* sign = abi::duration_amount(slot) < 0 ? "-" : "";
        switch (abi::duration_unit(slot)) {
          case abi::DurationUnit::month:
            return fmt::format("{}P{}M", sign, amount);
          case abi::DurationUnit::day:
            return fmt::format("{}P{}D", sign, amount);
          default:
            return fmt::format("{}PT{}S", sign, amount / abi::us_per_second);
        }
      }
      default:
        return checked::format_value(*program_, type, &slot);
    }
  }

  bool equal(const TestValue& expected, const Found& found, const Type& type) {
    if (!found.fault.empty()) return false;
    if (expected.shape == TestValue::Shape::null) return found.null;
    if (expected.shape != TestValue::Shape::scalar || found.null) return false;
    if (type.is_words() || type.kind == Kind::boolean) return expected.text == found.text;
    if (type.is_number()) {
      const auto read = tables::read_decimal(expected.text), b = tables::read_decimal(found.text);
      const auto a = read && rounded_ ? tables::rounded_half_even(*read, 6) : read;
      return a && b && *a == *b;
    }
    const auto a = moment(expected.text, type.kind), b = moment(found.text, type.kind);
    return a && b && *a == *b;
  }

  struct Compared {
    bool equal = false;
    std::string shown;
  };

  static std::string shown(const Found& found) { return !found.fault.empty() ? "fault: " + found.fault : found.null ? "null" : found.text; }

  Compared compare_parts(const Evaluator& evaluator, const Answer& answer, size_t index, const TestValue& expected) {
    std::vector<Found> found;
    bool all_null = true;
    for (size_t p = 0; p < answer.parts.size(); ++p) {
      found.push_back(ask(evaluator, part_name(index, p), answer.parts[p].type));
      all_null = all_null && found.back().null && found.back().fault.empty();
    }
    if (answer.parts.size() == 1 && answer.parts[0].name.empty()) return {equal(expected, found[0], answer.parts[0].type), shown(found[0])};
    if (all_null) return {expected.shape == TestValue::Shape::null, "null"};
    return compare_fields(answer, found, expected);
  }

  Compared compare_fields(const Answer& answer, const std::vector<Found>& found, const TestValue& expected) {
    Compared made{expected.shape == TestValue::Shape::record, ""};
    size_t counted = 0;
    for (size_t p = 0; p < answer.parts.size(); ++p) {
      const TestValue* wanted = field_of(expected, answer.parts[p].name);
      made.equal = made.equal && wanted != nullptr && equal(*wanted, found[p], answer.parts[p].type);
      counted += wanted != nullptr ? 1 : 0;
      made.shown += (made.shown.empty() ? "" : ", ") + answer.parts[p].name + ": " + shown(found[p]);
    }
    made.equal = made.equal && counted == answer.parts.size();
    made.shown = "{" + made.shown + "}";
    return made;
  }

  /// A path with dots goes down into components; a name that has dots itself is found whole first.
  static const TestValue* field_of(const TestValue& value, const std::string& name) {
    for (const auto& [field, below] : value.fields) {
      if (field == name) return &below;
    }
    for (size_t dot = name.find('.'); dot != std::string::npos; dot = name.find('.', dot + 1)) {
      for (const auto& [field, below] : value.fields) {
        if (field != name.substr(0, dot)) continue;
        if (const TestValue* found = field_of(below, name.substr(dot + 1))) return found;
      }
    }
    return nullptr;
  }

  Compared compare_rows(const Evaluator& evaluator, const Answer& answer, size_t index, const TestValue& expected) {
    Compared made{true, ""};
    size_t hits = 0;
    for (size_t r = 0; r < answer.rows.size(); ++r) {
      const Found fits = ask(evaluator, row_name(index, r, answer.parts.size()), {Kind::boolean, {}});
      if (!fits.fault.empty()) return {false, shown(fits)};
      if (fits.null) continue;
      std::vector<Found> found;
      for (size_t p = 0; p < answer.parts.size(); ++p) found.push_back(ask(evaluator, row_name(index, r, p), answer.parts[p].type));
      const TestValue nothing;
      const TestValue& wanted = expected.shape == TestValue::Shape::list && hits < expected.items.size() ? expected.items[hits] : nothing;
      const bool single = answer.parts.size() == 1 && answer.parts[0].name.empty();
      const Compared one = single ? Compared{equal(wanted, found[0], answer.parts[0].type), shown(found[0])} : compare_fields(answer, found, wanted);
      made.equal = made.equal && one.equal;
      made.shown += (hits == 0 ? "" : ", ") + one.shown;
      ++hits;
    }
    if (hits == 0 && answer.null_without_hits) return {expected.shape == TestValue::Shape::null, "null"};
    made.equal = made.equal && expected.shape == TestValue::Shape::list && expected.items.size() == hits;
    made.shown = "[" + made.shown + "]";
    return made;
  }

  TrialLine line(const TestCase& one, const TestCase::Expected& expected) {
    TrialLine made{one.id, expected.decision, tables::shown(expected.value), "", "", TrialLine::Outcome::refused, ""};
    const auto answer =
        std::find_if(translation_.answers.begin(), translation_.answers.end(), [&](const Answer& it) { return it.decision == expected.decision; });
    if (answer == translation_.answers.end()) {
      const auto why = translation_.reasons.find(expected.decision);
      made.reason = why != translation_.reasons.end() ? why->second : "the model has no such decision";
      return made;
    }
    arena_.clear();
    if (auto filled = fill(one); !filled) {
      made.reason = filled.error();
      return made;
    }
    const auto index = static_cast<size_t>(answer - translation_.answers.begin());
    const auto compare = [&](const Evaluator& evaluator) {
      return answer->list ? compare_rows(evaluator, *answer, index, expected.value) : compare_parts(evaluator, *answer, index, expected.value);
    };
    const Compared interpreted = compare(*interpreter_), native = compare(*native_);
    made.interpreted = interpreted.shown;
    made.native = native.shown;
    made.outcome = interpreted.equal && native.equal ? TrialLine::Outcome::equal : TrialLine::Outcome::different;
    // Of the native functions that imported tables call only products and quotients refuse anything.
    const std::string refused = abi::fault_text(abi::Fault::native_function);
    if (made.outcome == TrialLine::Outcome::different && interpreted.shown.find(refused) != std::string::npos && interpreted.shown == native.shown) {
      made.outcome = TrialLine::Outcome::refused;
      made.reason = "six decimal places cannot hold a figure exactly (`--rounded` rounds it)";
    }
    return made;
  }

  const tables::Translation& translation_;
  bool rounded_;  // figures were rounded at the sixth place, so what is expected is too
  SourceMap sources_;
  std::unique_ptr<checked::Program> program_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<Evaluator> native_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<abi::CalendarTables> calendar_;
  const checked::Entity* entity_ = nullptr;
  std::vector<int64_t> slots_, settings_;
  abi::Instance instance_{};
  abi::Arena arena_;
};

}  // namespace

std::expected<std::vector<TrialLine>, std::string> try_tables(const tables::Translation& translation, const std::vector<TestCase>& cases,
                                                              const std::filesystem::path& stdlib, bool rounded) {
  Trial trial(translation, rounded);
  if (auto done = trial.prepare(stdlib); !done) return std::unexpected(done.error());
  return trial.run(cases);
}

}  // namespace dunlin::server

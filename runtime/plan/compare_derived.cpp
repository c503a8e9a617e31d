#include "runtime/plan/compare_derived.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "lang/sema/analysis/witness.h"

namespace dunlin::plan {

namespace {

using analysis::Facts;
using analysis::Value;
using checked::Index;
using checked::none;
using checked::Program;
using checked::Type;
using checked::TypeKind;
using FieldKey = std::pair<Index, Index>;  // entity, stored field

constexpr uint64_t trials_max = 30'000;

const checked::Derived& field_of(const DerivedVersion& version) {
  return version.program.entities[static_cast<size_t>(version.entity)].derived[static_cast<size_t>(version.field)];
}

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

/// The same facts in the words of another version. A field that it does not have is left out; one of another type is another field.
class Translation {
 public:
  Translation(const Program& from, const Program& to) : to_(to) {
    for (size_t e = 0; e < from.entities.size(); ++e) {
      const Index entity = checked::find_entity(to, from.entities[e].name);
      if (entity == none) continue;
      const auto& fields = from.entities[e].fields;
      const auto& others = to.entities[static_cast<size_t>(entity)].fields;
      for (size_t f = 0; f < fields.size(); ++f) {
        const Index field = checked::find_field(others, fields[f].name);
        if (field == none || others[static_cast<size_t>(field)].type.kind != fields[f].type.kind) continue;
        Way way{{entity, field}, {}};
        if (fields[f].type.kind == TypeKind::enumeration) {
          const auto& theirs = to.enums[static_cast<size_t>(others[static_cast<size_t>(field)].type.id)].literals;
          for (const std::string& literal : from.enums[static_cast<size_t>(fields[f].type.id)].literals) {
            const auto at = std::ranges::find(theirs, literal);
            way.literals.push_back(at == theirs.end() ? -1 : at - theirs.begin());
          }
          way.by_literal = true;
        }
        ways_[{static_cast<Index>(e), static_cast<Index>(f)}] = std::move(way);
      }
    }
  }

  /// Nothing: there is no such account in the other version. What these facts do not say is as in `other`.
  std::optional<Facts> of(const Facts& facts, Index self_entity, Facts other) const {
    other.self_entity = self_entity;
    other.today = facts.today;
    for (const auto& [key, value] : facts.fields) {
      const auto way = ways_.find(key);
      if (way == ways_.end()) continue;
      Value translated = value;
      if (!value.missing && way->second.by_literal) {
        const bool is_literal = value.slot >= 0 && static_cast<size_t>(value.slot) < way->second.literals.size();
        translated.slot = is_literal ? way->second.literals[static_cast<size_t>(value.slot)] : -1;
      }
      const auto& [entity, field] = way->second.field;
      if (!analysis::is_value_of(to_, to_.entities[static_cast<size_t>(entity)].fields[static_cast<size_t>(field)], translated)) return std::nullopt;
      other.fields[way->second.field] = std::move(translated);
    }
    return other;
  }

 private:
  struct Way {
    FieldKey field;
    std::vector<int64_t> literals;
    bool by_literal = false;
  };
  const Program& to_;
  std::map<FieldKey, Way> ways_;
};

/// What an account has where nobody asks: nothing, no, zero, the first literal.
Facts blank(const Program& program, Index entity) {
  Facts facts;
  for (Index e = entity; e != none; e = program.entities[static_cast<size_t>(e)].parent) {
    const auto& fields = program.entities[static_cast<size_t>(e)].fields;
    for (size_t f = 0; f < fields.size(); ++f) {
      Value value;
      value.missing = fields[f].type.optional;
      if (!value.missing) value.slot = std::clamp<int64_t>(0, fields[f].minimum.value_or(INT64_MIN), fields[f].maximum.value_or(INT64_MAX));
      if (is_text(fields[f].type.kind) && !value.missing) value.text = fields[f].type.kind == TypeKind::timezone ? "UTC" : "other";
      facts.fields[{e, static_cast<Index>(f)}] = value;
    }
  }
  return facts;
}

class DerivedComparison {
 public:
  DerivedComparison(const DerivedVersion& before, const DerivedVersion& after, size_t cases_max) : before_(before), after_(after), cases_max_(cases_max) {}

  std::vector<TableCases> run() {
    if (before_.entity == none || after_.entity == none) return {};
    const checked::Derived &a = field_of(before_), &b = field_of(after_);
    if (a.type.kind != b.type.kind || a.root == none || b.root == none) return {};
    static constexpr TypeKind plain[] = {TypeKind::boolean, TypeKind::integer, TypeKind::decimal,    TypeKind::money,
                                         TypeKind::text,    TypeKind::date,    TypeKind::enumeration};
    if (std::ranges::find(plain, a.type.kind) == std::end(plain)) return {};
    const Translation there(after_.program, before_.program), here(before_.program, after_.program);
    read(after_, nullptr);
    read(before_, &here);
    ask_all(there);
    return std::move(found_);
  }

 private:
  /// The fields that a version reads, which an account is told by, and the values that are worth a try: kept in the words of the version after.
  void read(const DerivedVersion& version, const Translation* into_after) {
    const checked::RootId root = field_of(version).root;
    const auto worth = analysis::values_worth_trying(version.program, {.entity = version.entity, .roots = {root}, .accept = {}});
    today_ = worth.today;
    uses_today_ = uses_today_ || worth.uses_today;
    for (const auto& [key, tries] : worth.values) {
      const checked::Entity& entity = version.program.entities[static_cast<size_t>(key.first)];
      names_.insert({entity.name, entity.fields[static_cast<size_t>(key.second)].name});
      for (const Value& value : tries) {
        Facts one;
        one.fields[key] = value;
        const auto known = into_after == nullptr ? std::optional(one) : into_after->of(one, after_.entity, {});
        if (!known) continue;
        for (const auto& [known_key, known_value] : known->fields) {
          std::vector<Value>& values = values_[known_key];
          if (std::ranges::find(values, known_value) == values.end()) values.push_back(known_value);
        }
      }
    }
  }

  /// Every combination of those values, or many of them, put to both versions.
  void ask_all(const Translation& there) {
    Facts facts = blank(after_.program, after_.entity);
    // The figures of the version before may all be out of range by now.
    for (auto& [key, values] : values_) {
      if (const auto usual = facts.fields.find(key); usual != facts.fields.end() && std::ranges::find(values, usual->second) == values.end())
        values.push_back(usual->second);
    }
    facts.self_entity = after_.entity;
    facts.today = today_;
    analysis::try_combinations(values_, trials_max, facts, [&] {
      ask(facts, there);
      return found_.size() >= cases_max_;
    });
  }

  void ask(const Facts& facts, const Translation& there) {
    const checked::Derived &old_field = field_of(before_), &new_field = field_of(after_);
    // What neither version asks for makes no difference: it is as usual in each of them.
    Facts asked;
    asked.today = facts.today;
    for (const auto& [key, values] : values_) asked.fields[key] = facts.fields.at(key);
    const auto in_before = there.of(asked, before_.entity, blank(before_.program, before_.entity));
    if (!in_before) return;
    const auto one = analysis::evaluate_root(before_.program, old_field.root, *in_before);
    const auto two = one ? analysis::evaluate_root(after_.program, new_field.root, facts) : std::nullopt;
    if (!two) return;
    const std::string old_text = analysis::text_of_value(before_.program, old_field.type, *one),
                      new_text = analysis::text_of_value(after_.program, new_field.type, *two);
    if (old_text == new_text) return;
    // Of figures that differ everywhere one account is enough.
    const bool kinds = new_field.type.kind == TypeKind::enumeration || new_field.type.kind == TypeKind::boolean;
    if (!seen_.insert(kinds ? std::pair{old_text, new_text} : std::pair<std::string, std::string>{}).second) return;
    found_.push_back({{}, words(after_, facts), old_text, new_text});
  }

  std::vector<std::pair<std::string, std::string>> words(const DerivedVersion& version, const Facts& facts) const {
    std::vector<std::pair<std::string, std::string>> said;
    for (const auto& [key, value] : facts.fields) {
      const checked::Entity& entity = version.program.entities[static_cast<size_t>(key.first)];
      const checked::Field& field = entity.fields[static_cast<size_t>(key.second)];
      if (!names_.contains({entity.name, field.name})) continue;
      said.emplace_back(key.first == version.entity ? field.name : entity.name + "." + field.name, analysis::text_of_value(version.program, field.type, value));
    }
    if (uses_today_ && facts.today)
      said.emplace_back("today", analysis::text_of_value(version.program, {TypeKind::date, false, -1}, analysis::of_slot(*facts.today)));
    return said;
  }

  const DerivedVersion& before_;
  const DerivedVersion& after_;
  const size_t cases_max_;
  std::set<std::pair<std::string, std::string>> names_, seen_;
  analysis::Tries values_;
  std::optional<int64_t> today_;
  bool uses_today_ = false;
  std::vector<TableCases> found_;
};

}  // namespace

std::vector<TableCases> compare_derived(const DerivedVersion& before, const DerivedVersion& after, size_t cases_max) {
  return DerivedComparison(before, after, cases_max).run();
}

}  // namespace dunlin::plan

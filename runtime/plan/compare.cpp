#include "runtime/plan/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "lang/sema/checked_people.h"
#include "lang/sema/civil.h"
#include "lang/sema/transfers.h"
#include "runtime/plan/canonical.h"
#include "runtime/plan/compare_derived.h"
#include "runtime/plan/compare_events.h"
#include "runtime/plan/compare_limits.h"
#include "runtime/plan/compare_rules.h"
#include "runtime/plan/compare_tables.h"
#include "runtime/plan/declared.h"
#include "runtime/plan/department.h"
#include "runtime/plan/letter_label.h"

namespace dunlin::plan {

const char* change_text(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::added:
      return "added";
    case ChangeKind::removed:
      return "removed";
    case ChangeKind::changed:
      return "changed";
    case ChangeKind::reordered:
      return "reordered";
  }
  return "";
}

bool Comparison::wider() const {
  return std::ranges::any_of(changes, [](const Change& change) { return change.wider; });
}

namespace {

using checked::Index;
using checked::none;

class Comparing {
 public:
  Comparing(const VersionView& before, const VersionView& after, const CompareOptions& options)
      : before_(before, meanings_), after_(after, meanings_), options_(options) {}

  Comparison run() {
    pair_definitions();
    settings_of_the_bundle();
    compare_group("entity", [](Version& v) { return entities(v); });
    compare_group("field", [](Version& v) { return fields(v); });
    compare_events_of_both();
    compare_group("parameter", [](Version& v) { return settings(v); });
    compare_derived_of_both();
    compare_group("function", [](Version& v) { return functions(v); });
    compare_group("native function", [](Version& v) { return natives(v); });
    compare_tables_of_both();
    compare_group("queue", queues);
    letters_of_both();
    compare_group("strategy", [](Version& v) { return strategies(v); });
    compare_group("variable", [](Version& v) { return variables(v); });
    compare_group("stage", [](Version& v) { return stages(v); });
    rules_of_both();
    compare_group("schedule", schedules);
    compare_group("territory", territories);
    compare_group("hold", holds);
    compare_group("deadline", deadlines);
    compare_group("request", requests);
    compare_limits_of_both();
    compare_group("feed", feeds);
    compare_group("campaign", campaigns);
    compare_group("experiment", experiments);
    compare_group("migration", migrations);
    return std::move(result_);
  }

 private:
  // ---- who is who ----

  /// Functions, tables and derived fields that only got another name share one from here on.
  void pair_definitions() {
    pair_renamed(functions(before_), functions(after_), "function", [this](const Declared& a, const Declared& b) { after_.names.functions[b.index] = a.name; });
    pair_renamed(tables(before_), tables(after_), "table", [this](const Declared& a, const Declared& b) {
      const auto& all = after_.program().tables;
      for (size_t t = 0; t < all.size(); ++t) {  // every version of it
        if (all[t].name == b.name) after_.names.tables[static_cast<Index>(t)] = a.name;
      }
    });
    pair_renamed(derived(before_), derived(after_), "derived field", [this](const Declared& a, const Declared& b) {
      const std::string entity = b.name.substr(0, b.name.find('.'));
      after_.names.derived[{checked::find_entity(after_.program(), entity), b.index}] = a.name;
    });
  }

  template <class Take>
  void pair_renamed(const Group& old_group, const Group& new_group, const std::string& what, const Take& take) {
    std::set<std::string> old_names, new_names;
    for (const auto& one : old_group) old_names.insert(one.name);
    for (const auto& one : new_group) new_names.insert(one.name);
    std::set<std::string> taken;
    for (const auto& one : old_group) {
      if (new_names.contains(one.name)) continue;
      for (const auto& other : new_group) {
        if (old_names.contains(other.name) || taken.contains(other.name) || one.expanded != other.expanded) continue;
        taken.insert(other.name);
        renamed_[what][other.name] = one.name;
        result_.renamed.push_back({what, one.name, other.name});
        take(one, other);
        break;
      }
    }
  }

  // ---- declarations, one kind after the other ----

  /// A change that was told, with the declarations it is about; none where there is none.
  struct Told {
    size_t change = 0;
    Index before = none, after = none;
  };

  template <class GroupOf>
  std::vector<Told> compare_group(const std::string& what, const GroupOf& group_of) {
    const Group old_group = group_of(before_), new_group = group_of(after_);
    const std::vector<size_t> partners = partners_of(what, old_group, new_group);
    std::vector<Told> told;
    std::vector<bool> taken(new_group.size());
    for (size_t i = 0; i < old_group.size(); ++i) {
      const Declared& one = old_group[i];
      if (partners[i] == nobody) {
        told.push_back(tell(ChangeKind::removed, what, &one, nullptr));
        continue;
      }
      taken[partners[i]] = true;
      if (const Declared& other = new_group[partners[i]]; !one.means(other)) told.push_back(tell(ChangeKind::changed, what, &one, &other));
    }
    for (size_t j = 0; j < new_group.size(); ++j) {
      if (!taken[j]) told.push_back(tell(ChangeKind::added, what, nullptr, &new_group[j]));
    }
    return told;
  }

  static constexpr size_t nobody = SIZE_MAX;
  /// Who is whose other version, by name. Of several of one name those go together that mean the same, then those that are shown alike; the rest in order.
  std::vector<size_t> partners_of(const std::string& what, const Group& old_group, const Group& new_group) {
    std::vector<size_t> partners(old_group.size(), nobody);
    std::vector<bool> taken(new_group.size());
    const auto& renamed = renamed_[what];
    std::map<std::string, std::vector<size_t>> by_name;
    for (size_t j = 0; j < new_group.size(); ++j) {
      const auto old_name = renamed.find(new_group[j].name);
      by_name[old_name == renamed.end() ? new_group[j].name : old_name->second].push_back(j);
    }
    const auto pair = [&](const auto& fits) {
      for (size_t i = 0; i < old_group.size(); ++i) {
        const auto same_name = partners[i] == nobody ? by_name.find(old_group[i].name) : by_name.end();
        if (same_name == by_name.end()) continue;
        for (const size_t j : same_name->second) {
          if (taken[j] || !fits(old_group[i], new_group[j])) continue;
          partners[i] = j;
          taken[j] = true;
          break;
        }
      }
    };
    pair([](const Declared& a, const Declared& b) { return a.means(b) && a.shown == b.shown; });
    pair([](const Declared& a, const Declared& b) { return a.means(b); });
    pair([](const Declared& a, const Declared& b) { return a.shown == b.shown; });
    pair([](const Declared&, const Declared&) { return true; });
    return partners;
  }

  Told tell(ChangeKind kind, const std::string& what, const Declared* one, const Declared* other) {
    Change change{.kind = kind, .what = what, .name = (other != nullptr ? other : one)->title()};
    if (one != nullptr) {
      change.before = one->text;
      change.where_before = place_text(before_.view, one->span);
    }
    if (other != nullptr) {
      change.after = other->text;
      change.where_after = place_text(after_.view, other->span);
    }
    if (change.before == change.after) change.note = "what it is made of differs";
    if (kind == ChangeKind::changed && change.before != change.after) show_what_differs(*one, *other, change);
    result_.changes.push_back(std::move(change));
    return {result_.changes.size() - 1, one == nullptr ? none : one->index, other == nullptr ? none : other->index};
  }

  /// A long declaration is shown where it begins to differ.
  void show_what_differs(const Declared& one, const Declared& other, Change& change) {
    constexpr size_t at_a_glance = 120;
    if (std::max(one.text.size(), other.text.size()) <= at_a_glance || one.text != as_written(before_, one.span)) return;
    const LineChange difference = first_difference(lines_as_written(before_, one.span), lines_as_written(after_, other.span));
    change.before = difference.before;
    change.after = difference.after;
    change.note = difference.more == 0 ? "" : fmt::format("and {} more lines", difference.more);
  }

  void settings_of_the_bundle() {
    const checked::Bundle &a = before_.program().bundle, &b = after_.program().bundle;
    const auto tell_setting = [&](const char* name, const std::string& old_value, const std::string& new_value) {
      if (old_value == new_value) return;
      result_.changes.push_back({.kind = ChangeKind::changed, .what = "bundle", .name = name, .before = old_value, .after = new_value});
    };
    tell_setting("name", a.name, b.name);
    tell_setting("timezone", a.timezone, b.timezone);
    tell_setting("currency", a.currency, b.currency);
    tell_setting("calendar", a.calendar, b.calendar);
    tell_setting("day starts", sema::clock_text(a.day_start_s), sema::clock_text(b.day_start_s));
  }

  static Group entities(Version& v) {
    Group group;
    for (const auto& entity : v.program().entities) {
      const std::string parent = entity.parent == none ? "" : v.program().entities[entity.parent].name;
      group.push_back(declared(v, entity.name, {}, none, "entity of " + parent + " " + entity.table, {}));
      group.back().text = "entity " + entity.name + (parent.empty() ? "" : " of " + parent);
      group.back().span = entity.span;
    }
    return group;
  }

  static Group fields(Version& v) {
    Group group;
    for (const auto& entity : v.program().entities) {
      for (const auto& field : entity.fields) group.push_back(declared(v, entity.name + "." + field.name, field.span, none, "f", {}, {v.named.field(field)}));
    }
    return group;
  }

  static Group derived(Version& v) {
    Group group;
    const auto& entities = v.program().entities;
    for (size_t e = 0; e < entities.size(); ++e) {
      for (size_t d = 0; d < entities[e].derived.size(); ++d) {
        const auto& field = entities[e].derived[d];
        Declared one{.name = entities[e].name + "." + field.name, .text = as_written(v, field.span), .span = field.span, .index = static_cast<Index>(d)};
        one.named = v.named.derived(static_cast<Index>(e), one.index);
        one.expanded = v.expanded.derived(static_cast<Index>(e), one.index);
        group.push_back(std::move(one));
      }
    }
    return group;
  }

  /// A segment, or a figure, that came out otherwise is told with an account for which it does.
  void compare_derived_of_both() {
    constexpr size_t accounts_max = 12;
    for (const Told& told : compare_group("derived field", [](Version& v) { return derived(v); })) {
      if (told.before == none || told.after == none) continue;
      Change& change = result_.changes[told.change];
      const auto entity = [&](Version& v) { return checked::find_entity(v.program(), change.name.substr(0, change.name.find('.'))); };
      change.cases = compare_derived({before_.program(), entity(before_), told.before}, {after_.program(), entity(after_), told.after}, accounts_max);
    }
  }

  void compare_events_of_both() {
    for (const Told& told : compare_group("event", event_types)) {
      if (told.before != none) judge_event(before_.program(), told.before, after_.program(), told.after, result_.changes[told.change]);
    }
  }

  static Group settings(Version& v) {
    Group group;
    const auto bound = [](const std::optional<int64_t>& value) { return value ? std::to_string(*value) : std::string("-"); };
    for (const auto& setting : v.program().settings) {
      group.push_back(declared(v, setting.name, setting.span, none, bound(setting.minimum) + " " + bound(setting.maximum), {setting.initial},
                               {v.named.type(setting.type)}));
    }
    return group;
  }

  static Group functions(Version& v) {
    Group group;
    for (size_t f = 0; f < v.program().functions.size(); ++f) {
      const auto& function = v.program().functions[f];
      const auto index = static_cast<Index>(f);
      Declared one{.name = function.name, .text = as_written(v, function.span), .span = function.span, .index = index};
      one.named = v.named.function(index);
      one.expanded = v.expanded.function(index);
      group.push_back(std::move(one));
    }
    return group;
  }

  static Group natives(Version& v) {
    Group group;
    for (const auto& native : v.program().natives) {
      std::vector<Meaning> types{v.named.type(native.result)};
      for (const auto& type : native.parameters) types.push_back(v.named.type(type));
      group.push_back(declared(v, native.name, native.span, none, "native", {}, types));
    }
    return group;
  }

  static Group tables(Version& v) {
    Group group;
    std::map<std::string, int> versions;
    for (const auto& table : v.program().tables) ++versions[table.name];
    for (size_t t = 0; t < v.program().tables.size(); ++t) {
      const auto& table = v.program().tables[t];
      const std::string in_force = v.written.in_force(table.span);
      Declared one{.name = table.name, .text = in_force, .span = table.span, .index = static_cast<Index>(t)};
      if (versions[table.name] > 1) one.shown = table.name + " " + in_force;
      one.named = v.named.of(in_force, {v.named.table(table)});
      one.expanded = v.expanded.of(in_force, {v.expanded.table(table)});
      group.push_back(std::move(one));
    }
    return group;
  }

  void compare_limits_of_both() {
    for (const Told& told : compare_group("limit", limit_lines)) {
      if (told.before != none) judge_limit(before_, told.before, after_, told.after, result_.changes[told.change]);
    }
  }

  void compare_tables_of_both() {
    const size_t before = result_.changes.size();
    const std::vector<Told> told = compare_group("table", [](Version& v) { return tables(v); });
    // Only what comes out otherwise counts: rows may be split, joined or moved with no case noticing.
    std::vector<Change> kept;
    for (const Told& one : told) {
      Change& change = result_.changes[one.change];
      if (change.kind != ChangeKind::changed || tell_cases(change, one)) kept.push_back(std::move(change));
    }
    result_.changes.resize(before);
    std::ranges::move(kept, std::back_inserter(result_.changes));
  }

  /// False: no case comes out otherwise, and at the same times.
  bool tell_cases(Change& change, const Told& told) {
    const checked::Table &old_table = before_.program().tables[told.before], &new_table = after_.program().tables[told.after];
    const bool other_dates = before_.written.in_force(old_table.span) != after_.written.in_force(new_table.span);
    if (other_dates) {
      if (change.before.empty()) change.before = "always in force";
      if (change.after.empty()) change.after = "always in force";
    } else {
      change.before = change.after = "";
    }
    const TableVersion old_version{before_.view, old_table, before_.named}, new_version{after_.view, new_table, after_.named};
    const auto difference = compare_tables(old_version, new_version, options_);
    change.note = "";
    if (!difference) {
      change.note = rows_in_words(old_version, new_version) + "; the cases were not worked out";
      return true;
    }
    if (difference->cases.empty()) return other_dates;
    change.cases = difference->cases;
    change.note = difference->more ? fmt::format("more than {} kinds of cases come out otherwise; these are some", difference->cases.size()) : "";
    return true;
  }

  static std::string letter_name(const checked::Program& program, const checked::Queue& queue, const checked::Letter& letter) {
    return fmt::format("{} \"{}\" for {}", queue.name, letter.name, program.entities[letter.entity].name);
  }

  static Group letters(Version& v) {
    Group group;
    for (const auto& queue : v.program().queues) {
      for (const auto& letter : checked::letters_of(queue))
        group.push_back(declared(v, letter_name(v.program(), queue, letter), letter.span, none, letter_label(v.program(), letter), letter_roots(letter)));
    }
    return group;
  }

  /// A letter that reads differently is shown where it begins to.
  void letters_of_both() {
    const size_t before = result_.changes.size();
    compare_group("letter", [](Version& v) { return letters(v); });
    const auto lines = [](Version& v, const std::string& name) {
      for (const auto& queue : v.program().queues) {
        for (const auto& letter : checked::letters_of(queue)) {
          if (letter_name(v.program(), queue, letter) == name) return letter_lines(v.view.sources, letter);
        }
      }
      return std::vector<std::string>{};
    };
    for (size_t c = before; c < result_.changes.size(); ++c) {
      Change& change = result_.changes[c];
      if (change.kind != ChangeKind::changed) continue;
      const LineChange difference = first_difference(lines(before_, change.name), lines(after_, change.name));
      if (difference.before == difference.after) continue;  // what a placeholder stands for is another, and the change says so
      change.before = difference.before;
      change.after = difference.after;
      change.note = difference.more == 0 ? "" : fmt::format("and {} more lines", difference.more);
    }
  }

  static std::string on_change(checked::OnChange said) {
    return said == checked::OnChange::restart ? " on change restart" : said == checked::OnChange::pin ? " on change pin" : "";
  }

  static Group strategies(Version& v) {
    Group group;
    const auto& program = v.program();
    for (const auto& strategy : program.strategies) {
      std::string label = "strategy for " + program.entities[strategy.entity].name;
      std::vector<std::string> before;
      for (const Index other : strategy.before) before.push_back(program.strategies[other].name);
      std::ranges::sort(before);
      for (const auto& other : before) label += " before " + other;
      if (program.transfers) label += on_change(program.transfers->strategies[static_cast<size_t>(&strategy - program.strategies.data())]);
      if (!strategy.stages.empty()) label += " enters " + program.stages[strategy.stages.front()].name;
      group.push_back(declared(v, strategy.name, {}, none, label, {strategy.enrol, strategy.enrol_again}));
      Declared& one = group.back();
      one.span = strategy.span;
      one.text = label;
      for (const auto& [word, root] : {std::pair{"enrol when", strategy.enrol}, std::pair{"enrol again when", strategy.enrol_again}}) {
        if (root != none) one.text += fmt::format(", {} {}", word, one_line(v.view, program.roots[root].span));
      }
    }
    return group;
  }

  static Group variables(Version& v) {
    Group group;
    for (const auto& strategy : v.program().strategies) {
      for (const auto& variable : strategy.variables)
        group.push_back(declared(v, strategy.name + "." + variable.name, variable.span, none, "variable", {variable.initial}, {v.named.type(variable.type)}));
    }
    return group;
  }

  static Group stages(Version& v) {
    Group group;
    const auto& program = v.program();
    for (size_t s = 0; s < program.stages.size(); ++s) {
      const auto& stage = program.stages[s];
      std::string label = stage.is_final ? "final stage" : "stage";
      if (program.transfers) label += on_change(program.transfers->on_stage[s]);
      group.push_back(declared(v, checked::stage_name(program, static_cast<Index>(s)), {}, static_cast<Index>(s), label, {stage.enrol_again}));
      Declared& one = group.back();
      one.span = stage.span;
      one.text = (stage.is_final ? "final stage " : "stage ") + stage.name;
      if (stage.enrol_again != none) one.text += " enrol again when " + one_line(v.view, program.roots[stage.enrol_again].span);
    }
    return group;
  }

  // ---- rules ----

  struct Place {
    const std::vector<checked::Rule>* rules = nullptr;
    Index entity = none;
  };
  static std::map<std::string, Place> places_of(const checked::Program& program) {
    std::map<std::string, Place> places;
    for (size_t s = 0; s < program.stages.size(); ++s)
      places[checked::stage_name(program, static_cast<Index>(s))] = {&program.stages[s].rules, program.strategies[program.stages[s].strategy].entity};
    for (const auto& strategy : program.strategies) places[strategy.name] = {&strategy.rules, strategy.entity};
    for (const auto& always : program.always) {
      std::string name = "always" + (always.entity == none ? "" : " for " + program.entities[always.entity].name);
      // Several blocks for one entity are told apart by their place.
      while (places.contains(name)) name += "'";
      places[name] = {&always.rules, always.entity};
    }
    return places;
  }

  void rules_of_both() {
    static const std::vector<checked::Rule> no_rules;
    const auto old_places = places_of(before_.program()), new_places = places_of(after_.program());
    const Reading old_reading = before_.reading(), new_reading = after_.reading();
    for (const auto& [name, place] : old_places) {
      const auto other = new_places.find(name);
      compare_rules(old_reading, *place.rules, new_reading, other == new_places.end() ? no_rules : *other->second.rules, name, place.entity, result_);
    }
    for (const auto& [name, place] : new_places) {
      if (!old_places.contains(name)) compare_rules(old_reading, no_rules, new_reading, *place.rules, name, place.entity, result_);
    }
  }

  Meanings meanings_;
  Version before_, after_;
  const CompareOptions& options_;
  std::map<std::string, std::map<std::string, std::string>> renamed_;  // kind -> new name -> old name
  Comparison result_;
};

}  // namespace

Comparison compare(const VersionView& before, const VersionView& after, const CompareOptions& options) { return Comparing(before, after, options).run(); }

}  // namespace dunlin::plan

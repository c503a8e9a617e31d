#include "server/test_stubs.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/simulate/draw.h"

namespace dunlin::server {

namespace {

const checked::Strategy* strategy_named(const checked::Program& program, const std::string& name) {
  const auto found = std::find_if(program.strategies.begin(), program.strategies.end(), [&](const auto& strategy) { return strategy.name == name; });
  return found == program.strategies.end() ? nullptr : &*found;
}

/// Inside a text `"`, `\` and `{` mean something.
std::string quoted(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\' || c == '{') out += '\\';
    out += c;
  }
  return "\"" + out + "\"";
}

class Stubs {
 public:
  Stubs(const checked::Program& program, const SourceMap& sources) : program_(program), sources_(sources) {}

  void stage(const simulate::StageCoverage& stage) {
    const auto* strategy = strategy_named(program_, stage.name.substr(0, stage.name.find('.')));
    if (strategy == nullptr || strategy->entity == checked::none) return;
    open("an account comes to " + stage.name, stage.where, strategy->entity);
    text_ += fmt::format("  at 2026-01-05 : expect stage {}\n}}\n", stage.name);
  }

  void rule(const simulate::RuleCoverage& rule) {
    const auto* strategy = strategy_named(program_, rule.strategy);
    if (strategy == nullptr || strategy->entity == checked::none) return;
    const std::string place = rule.stage.empty() ? rule.strategy : rule.strategy + "." + rule.stage;
    open(place + ": " + rule.name, rule.where, strategy->entity);
    if (rule.stage.empty()) {
      text_ += "  at 2026-01-05 : expect not enrolled  // and what the rule does\n}\n";
    } else {
      text_ += fmt::format("  at 2026-01-05 : expect stage {}\n  // and what the rule does then\n}}\n", place);
    }
  }

  void outcome(const simulate::OutcomeCoverage& outcome) {
    const checked::Index event = checked::find_event(program_, outcome.name);
    if (event == checked::none || program_.events[event].owner == checked::none || !program_.events[event].leaf) return;
    open("an attempt ends in " + outcome.name, outcome.where, program_.events[event].owner);
    text_ += fmt::format("  on 2026-01-06 12:00 {} {{ {}}} : expect not enrolled  // and what follows\n}}\n", outcome.name, payload(program_.events[event]));
  }

  void row(const simulate::TableRowCoverage& row) {
    rows_ += fmt::format("//   {} {}: {}\n", row.table, row.row == 0 ? std::string("otherwise") : fmt::format("row {}", row.row), sources_.locate(row.where));
  }

  std::string text() const {
    if (text_.empty() && rows_.empty()) return {};
    std::string out = "// Tests to be written: what no test reaches. Fill in what is given and expected, or delete.\n";
    if (!rows_.empty()) out += "//\n// Rows that no test hits:\n" + rows_;
    return out + text_;
  }

 private:
  void open(const std::string& title, Span where, checked::Index entity) {
    text_ += fmt::format("\n// {}\ntest {} {{\n  given {} {{ }}\n", sources_.locate(where), quoted("to be written: " + title), program_.entities[entity].name);
  }

  /// A value for each field that must have one, to be put right by whoever fills in the test.
  std::string payload(const checked::EventType& event) const {
    std::string out;
    for (const checked::Field& field : event.fields) {
      if (field.type.optional || field.key) continue;
      out += (out.empty() ? "" : ", ") + field.name + ": " + blank(field);
    }
    return out.empty() ? out : out + " ";
  }

  std::string blank(const checked::Field& field) const {
    constexpr int64_t day = simulate::plain_day + 1;  // of the attempt
    simulate::DrawnValue value = simulate::blank_value(program_, field.type);
    if (field.type.kind == checked::TypeKind::date) value.slot = day;
    if (field.type.kind == checked::TypeKind::datetime) value.slot = day * int64_t{86'400'000'000};
    if (field.type.kind == checked::TypeKind::timezone) value.text = program_.bundle.timezone;
    if (field.minimum) value.slot = std::max(value.slot, *field.minimum);
    if (field.maximum) value.slot = std::min(value.slot, *field.maximum);
    return simulate::text_of(program_, field.type, value);
  }

  const checked::Program& program_;
  const SourceMap& sources_;
  std::string text_, rows_;
};

}  // namespace

std::string test_stubs(const checked::Program& program, const SourceMap& sources, const simulate::Coverage& coverage, const std::function<bool(Span)>& counts) {
  Stubs stubs(program, sources);
  for (const auto& stage : coverage.stages) {
    if (stage.entered == 0 && counts(stage.where)) stubs.stage(stage);
  }
  for (const auto& rule : coverage.rules) {
    if (rule.fired == 0 && counts(rule.where)) stubs.rule(rule);
  }
  for (const auto& outcome : coverage.outcomes) {
    if (outcome.happened == 0 && counts(outcome.where)) stubs.outcome(outcome);
  }
  for (const auto& row : coverage.rows) {
    if (row.hits == 0 && row.where.known() && counts(row.where)) stubs.row(row);
  }
  return stubs.text();
}

}  // namespace dunlin::server

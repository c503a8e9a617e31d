#include "server/plan/comparison_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/output/terminal.h"

namespace dunlin::server {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string pairs_text(const Pairs& pairs) {
  std::string text;
  for (const auto& [name, value] : pairs) text += (text.empty() ? "" : ", ") + name + " " + value;
  return text;
}

nlohmann::ordered_json pairs_json(const Pairs& pairs) {
  auto body = nlohmann::ordered_json::object();
  for (const auto& [name, value] : pairs) body[name] = value;
  return body;
}

/// Where no character of several bytes is cut.
size_t whole_character(const std::string& text, size_t at) {
  while (at > 0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80) --at;
  return at;
}

/// A long text is cut to what stands around the first place where it differs from the other one.
std::string shortened(const std::string& text, const std::string& other) {
  constexpr size_t most = 160, before = 40;
  if (text.size() <= most) return text;
  const auto differs = static_cast<size_t>(std::ranges::mismatch(text, other).in1 - text.begin());
  size_t from = other.empty() || differs < most - before ? 0 : std::min(differs - before, text.size() - most);
  if (const size_t space = text.find(' ', from); from > 0 && space < differs) from = space + 1;
  from = whole_character(text, from);
  const size_t to = whole_character(text, std::min(from + most, text.size()));
  return (from > 0 ? "… " : "") + text.substr(from, to - from) + (to < text.size() ? " …" : "");
}

Style style_of(plan::ChangeKind kind) {
  if (kind == plan::ChangeKind::added) return Style::green;
  return kind == plan::ChangeKind::removed ? Style::red : Style::yellow;
}

}  // namespace

std::string comparison_text(const plan::Comparison& comparison, bool color) {
  std::string text;
  for (const auto& change : comparison.changes) {
    const std::string& where = change.where_after.empty() ? change.where_before : change.where_after;
    text += fmt::format("{} {} {}{}{}\n", styled(plan::change_text(change.kind), style_of(change.kind), color), change.what,
                        styled(printable(change.name), Style::bold, color), change.wider ? " (WIDER)" : "",
                        where.empty() ? "" : "  " + styled(where, Style::dim, color));
    const std::string before = printable(change.before), after = printable(change.after);
    if (!before.empty() && before != after) text += fmt::format("  - {}\n", shortened(before, after));
    if (!after.empty() && before != after) text += fmt::format("  + {}\n", shortened(after, before));
    if (!change.note.empty()) text += fmt::format("  {}\n", change.note);
    if (!change.witness.empty()) text += fmt::format("  e.g. {}\n", printable(pairs_text(change.witness)));
    for (const auto& cases : change.cases) {
      const std::string where = cases.where.empty() ? "" : printable(pairs_text(cases.where)) + ": ";
      text += fmt::format("  {}{} -> {}\n", where, printable(cases.before), printable(cases.after));
      if (!cases.witness.empty()) text += fmt::format("    e.g. {}\n", printable(pairs_text(cases.witness)));
    }
  }
  if (comparison.same()) text += "no difference in meaning\n";
  for (const auto& one : comparison.renamed) text += fmt::format("renamed {} {} -> {}\n", one.what, printable(one.before), printable(one.after));
  return text;
}

nlohmann::ordered_json comparison_json(const plan::Comparison& comparison) {
  using Json = nlohmann::ordered_json;
  Json changes = Json::array(), renamed = Json::array();
  for (const auto& change : comparison.changes) {
    Json one{{"kind", plan::change_text(change.kind)}, {"what", change.what}, {"name", change.name}};
    const auto put = [&](const char* key, const std::string& value) {
      if (!value.empty()) one[key] = value;
    };
    put("before", change.before);
    put("after", change.after);
    put("where_before", change.where_before);
    put("where_after", change.where_after);
    put("note", change.note);
    if (change.wider) one["wider"] = true;
    if (!change.witness.empty()) one["witness"] = pairs_json(change.witness);
    for (const auto& cases : change.cases) {
      one["cases"].push_back({{"where", pairs_json(cases.where)}, {"witness", pairs_json(cases.witness)}, {"before", cases.before}, {"after", cases.after}});
    }
    changes.push_back(std::move(one));
  }
  for (const auto& one : comparison.renamed) renamed.push_back({{"what", one.what}, {"before", one.before}, {"after", one.after}});
  return {{"same", comparison.same()}, {"wider", comparison.wider()}, {"changes", std::move(changes)}, {"renamed", std::move(renamed)}};
}

}  // namespace dunlin::server

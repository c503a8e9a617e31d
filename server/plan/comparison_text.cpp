#include "server/plan/comparison_text.h"

#include <fmt/format.h>

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

std::string shortened(const std::string& text) {
  constexpr size_t most = 160;
  if (text.size() <= most) return text;
  size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + " …";
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
    const bool both = !change.before.empty() && !change.after.empty() && change.before != change.after;
    if (both || change.kind == plan::ChangeKind::removed) text += fmt::format("  - {}\n", shortened(printable(change.before)));
    if (both || change.kind == plan::ChangeKind::added) text += fmt::format("  + {}\n", shortened(printable(change.after)));
    if (!change.note.empty()) text += fmt::format("  {}\n", change.note);
    if (!change.witness.empty()) text += fmt::format("  e.g. {}\n", printable(pairs_text(change.witness)));
    for (const auto& cases : change.cases) {
      text += fmt::format("  {}: {} -> {}\n", printable(pairs_text(cases.where)), printable(cases.before), printable(cases.after));
      text += fmt::format("    e.g. {}\n", printable(pairs_text(cases.witness)));
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

#include "server/rule_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "server/output/terminal.h"

namespace dunlin::server {

std::string LocalClock::text(int64_t instant) const {
  constexpr int64_t us_per_day = 86'400'000'000;
  if (instant == abi::never) return "never";
  int64_t local = zone_.local(instant);
  int64_t day = local / us_per_day - (local % us_per_day < 0 ? 1 : 0);
  int64_t minute = (local - day * us_per_day) / 60'000'000;
  return fmt::format("{} {:02}:{:02}", import::date_text(day), minute / 60, minute % 60);
}

std::string rule_json(const simulate::RuleExplained& rule, const SourceMap& sources, const LocalClock& clock) {
  nlohmann::ordered_json body{{"place", rule.place},
                              {"kind", rule.kind},
                              {"rule", rule.name},
                              {"where", sources.locate(rule.where)},
                              {"verdict", simulate::verdict_text(rule.verdict)},
                              {"because", rule.because}};
  if (rule.due) body["due"] = clock.text(*rule.due);
  body["condition"] = nlohmann::ordered_json::array();
  for (const auto& part : rule.parts) {
    body["condition"].push_back({{"text", std::string(sources.text(part.where))}, {"holds", part.holds}, {"deciding", part.deciding}, {"depth", part.depth}});
  }
  body["read"] = nlohmann::ordered_json::array();
  for (const auto& read : rule.read) body["read"].push_back({{"name", read.name}, {"value", read.value}});
  return body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

namespace {

Style style_of(simulate::Verdict verdict) {
  switch (verdict) {
    case simulate::Verdict::held:
      return Style::green;
    case simulate::Verdict::not_held:
      return Style::red;
    default:
      return Style::dim;
  }
}

std::string one_line(std::string_view text) {
  std::string line;
  for (char c : text) {
    bool space = c == '\n' || c == '\r' || c == '\t' || c == ' ';
    if (!space || (!line.empty() && line.back() != ' ')) line += space ? ' ' : c;
  }
  return line.size() > 160 ? line.substr(0, 157) + "..." : line;
}

}  // namespace

std::string rule_text(const simulate::RuleExplained& rule, const SourceMap& sources, const LocalClock& clock, bool color) {
  std::string out;
  const auto line = [&out]<class... Args>(fmt::format_string<Args...> form, Args&&... args) { out += fmt::format(form, std::forward<Args>(args)...); };
  line("  {}  {} {}  {}\n", styled(fmt::format("{:<9}", simulate::verdict_text(rule.verdict)), style_of(rule.verdict), color), rule.kind, printable(rule.name),
       styled(sources.locate(rule.where), Style::dim, color));
  if (!rule.because.empty()) line("             {}\n", printable(rule.because));
  if (rule.due) line("             due {}\n", clock.text(*rule.due));
  for (const auto& part : rule.parts) {
    if (!part.where.known()) continue;
    line("             {}{} {}{}\n", std::string(static_cast<size_t>(part.depth) * 2, ' '), part.holds ? "yes" : "no ", one_line(sources.text(part.where)),
         part.deciding ? "   <- decides" : "");
  }
  for (const auto& read : rule.read) line("             {} = {}\n", printable(read.name), printable(read.value));
  return out;
}

}  // namespace dunlin::server

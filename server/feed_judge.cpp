#include "server/feed_judge.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/import/exact_figure.h"

namespace dunlin::server {

using Json = nlohmann::json;

namespace {

__extension__ using Wide = __int128;

bool holds(const std::string& op, Wide left, Wide right) {
  if (op == "<") return left < right;
  if (op == "<=") return left <= right;
  if (op == ">") return left > right;
  if (op == ">=") return left >= right;
  return op == "=" ? left == right : left != right;
}

}  // namespace

std::optional<std::string> feed_refusal(const std::string& refusals, const import::ImportSummary& tried, const import::ControlTotals* totals) {
  // A file without a row is a fault of whoever sent it, unless the feed itself says how few rows it may have.
  const Json said = Json::parse(refusals);
  const auto fewest = [](const Json& one) { return one.at("what") == "rows" && one.at("op").get<std::string>().starts_with('<') && one.at("op") != "<>"; };
  if (tried.rows_read == 0 && std::none_of(said.begin(), said.end(), fewest))
    return "it has no rows; a feed whose file may be empty says so: `refuse file when rows < 0`";
  for (const Json& one : said) {
    const std::string what = one.at("what"), op = one.at("op"), text = one.at("text");
    if (what == "total") {
      if (totals == nullptr) return "the mapping names no control totals, and the feed compares them ([control])";
      if (std::string difference = totals->difference(); !difference.empty()) return difference;
      continue;
    }
    constexpr int places = 6;
    const auto figure = import::read_figure(one.at("figure").get<std::string>(), import::ValueFormat{}, places, "figure");
    if (!figure) return fmt::format("`{}` cannot be judged: {}", text, figure.error());
    const Wide million = 1'000'000;
    const bool rows = what == "rows";
    // bad / rows > figure, without dividing.
    const Wide left = million * (rows ? tried.rows_read : tried.rows_rejected);
    const Wide right = what == "bad_share" ? static_cast<Wide>(*figure) * tried.rows_read : static_cast<Wide>(*figure);
    if (!holds(op, left, right)) continue;
    if (rows) return fmt::format("{}: it has {}", text, tried.rows_read);
    return fmt::format("{}: {} of {} rows are bad", text, tried.rows_rejected, tried.rows_read);
  }
  return std::nullopt;
}

}  // namespace dunlin::server

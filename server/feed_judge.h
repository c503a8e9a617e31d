// Whether the file of a feed is refused, by what the bundle says of the feed (docs/guides/import-mapping.md, "Feeds").
#pragma once

#include <optional>
#include <string>

#include "server/import/control.h"
#include "server/import/importer.h"

namespace dunlin::server {

/// `refusals`: JSON, as dunlin.feed_begin() gives it. Nullopt: the file is taken. `totals` null: the mapping names none.
std::optional<std::string> feed_refusal(const std::string& refusals, const import::ImportSummary& tried, const import::ControlTotals* totals);

}  // namespace dunlin::server

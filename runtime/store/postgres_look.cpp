// Case files as several versions see them, out of one snapshot: for plans. Nothing of it is ever committed.
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

Result<void> PostgresStore::look(const std::vector<const checked::Program*>& programs, Look& look, size_t limit) {
  std::vector<std::shared_ptr<const Layout>> layouts;
  for (const checked::Program* program : programs) {
    auto layout = layout_of(*program);
    if (!layout) return std::unexpected(layout.error());
    layouts.push_back(*layout);
  }
  look.cases.resize(programs.size());
  std::vector<Cases> pools = std::exchange(look.cases, std::vector<Cases>(programs.size()));
  return read([&](BulkConnection& connection) -> Result<void> {
    if (auto set = connection.run("set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off"); !set)
      return std::unexpected(set.error());
    Position seen = look.after;
    for (size_t p = 0; p < programs.size(); ++p) {
      Selection selection{.now = abi::never, .range = true, .after = look.after, .last_bucket = engine::bucket_count - 1, .limit = limit};
      auto cases = load_selected(connection, *layouts[p], selection, pools[p]);
      if (!cases) return std::unexpected(cases.error());
      look.cases[p] = std::move(*cases);
      if (selection.rows_seen > 0) seen = selection.last_seen;
    }
    look.after = seen;
    return {};
  });
}

}  // namespace dunlin::store

// Case files as several versions see them, out of one snapshot: for plans. Nothing of it is ever committed.
#include "runtime/store/postgres_small.h"

namespace dunlin::store {

Result<void> PostgresStore::look(const std::vector<const checked::Program*>& programs, Look& look, size_t limit) {
  std::vector<Layout*> layouts;
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
    Selection selection{.now = abi::never};
    if (auto selected = select_all(connection, look.after, engine::bucket_count - 1, limit, selection); !selected) return selected;
    if (selection.cases.empty()) return {};
    look.after = {selection.cases.back().bucket, selection.cases.back().case_id};
    for (size_t p = 0; p < programs.size(); ++p) {
      auto cases = load_selected(connection, *layouts[p], selection, pools[p]);
      if (!cases) return std::unexpected(cases.error());
      look.cases[p] = std::move(*cases);
    }
    return {};
  });
}

}  // namespace dunlin::store

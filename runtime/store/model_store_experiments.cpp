#include <algorithm>
#include <map>

#include "runtime/store/model_store_inner.h"

namespace dunlin::store {

Result<void> ModelStore::order_experiment(const engine::ExperimentOrder& order, const std::string&, const std::string&) {
  const Lock lock(data_.guard);
  const engine::ExperimentOrder* last = nullptr;
  for (const auto& before : data_.orders) {
    if (before.experiment == order.experiment) last = &before;
  }
  if (last != nullptr && last->arm == order.arm) {
    return std::unexpected(StoreError{StoreError::Kind::input, order.arm.empty() ? "the experiment `" + order.experiment + "` is stopped already"
                                                                                 : "`" + order.arm + "` is promoted already"});
  }
  const auto place = std::ranges::upper_bound(data_.orders, order.at, {}, &engine::ExperimentOrder::at);
  data_.orders.insert(place, order);
  return {};
}

Result<std::vector<engine::ExperimentOrder>> ModelStore::experiment_orders() {
  const Lock lock(data_.guard);
  return data_.orders;
}

Result<std::vector<Store::ArmRow>> ModelStore::experiment_arms() {
  const Lock lock(data_.guard);
  std::map<std::pair<std::string, std::string>, ArmRow> arms;
  for (const auto& [place, stored] : data_.cases) {
    for (const StoredArm& drawn : stored.arms) {
      ArmRow& row = arms[{drawn.experiment, drawn.arm}];
      if (row.enrolled++ == 0) row = {drawn.experiment, drawn.arm, 1, drawn.at, drawn.at};
      row.first_at = std::min(row.first_at, drawn.at);
      row.last_at = std::max(row.last_at, drawn.at);
    }
  }
  std::vector<ArmRow> rows;
  for (auto& [name, row] : arms) rows.push_back(std::move(row));
  return rows;
}

}  // namespace dunlin::store

// Experiments: orders, and who is in which arm.
#include <fmt/format.h>

#include "runtime/store/postgres_small.h"

namespace dunlin::store {

Result<void> PostgresStore::order_experiment(const engine::ExperimentOrder& order, const std::string& author, const std::string& reason) {
  bool ordered = false;
  auto done = small("order an experiment", [&](SmallWork& work) {
    const std::string arm = order.arm.empty() ? std::string("null") : work.quote(order.arm);
    const auto rows = work.exec(fmt::format("select dunlin.order_experiment({}, {}, {}, {}, {})", work.quote(order.experiment), arm, sql_instant(order.at),
                                            work.quote(author), work.quote(reason)));
    ordered = rows[0][0].as<bool>();
  });
  if (!done) return done;
  if (!ordered) {
    return failed(StoreError::Kind::input, order.arm.empty() ? fmt::format("the experiment `{}` is stopped already", order.experiment)
                                                             : fmt::format("`{}` is promoted already", order.arm));
  }
  return {};
}

Result<std::vector<engine::ExperimentOrder>> PostgresStore::experiment_orders() {
  std::vector<engine::ExperimentOrder> orders;
  auto read = small("read the orders about experiments", [&](SmallWork& work) {
    for (const auto& row : work.exec(fmt::format("select experiment, coalesce(arm, ''), {} from dunlin.experiment_order order by at, id", micros("at"))))
      orders.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int64_t>()});
  });
  if (!read) return std::unexpected(read.error());
  return orders;
}

Result<std::vector<Store::ArmRow>> PostgresStore::experiment_arms() {
  std::vector<ArmRow> arms;
  auto read = small("read who is in which arm", [&](SmallWork& work) {
    const auto rows =
        work.exec(fmt::format("select experiment, arm, count(*), {}, {} from dunlin.experiment_assignment group by experiment, arm order by experiment, arm",
                              micros("min(at)"), micros("max(at)")));
    for (const auto& row : rows)
      arms.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<int64_t>(), row[3].as<int64_t>(), row[4].as<int64_t>()});
  });
  if (!read) return std::unexpected(read.error());
  return arms;
}

}  // namespace dunlin::store

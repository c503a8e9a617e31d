// What steps do to tasks, brought down to at most one row change a task.
#pragma once

#include <memory>
#include <vector>

#include "runtime/engine/limit_line.h"
#include "runtime/store/layout.h"
#include "runtime/store/postgres_batch.h"
#include "runtime/store/postgres_inner.h"

namespace dunlin::store {

class TaskChanges {
 public:
  /// `database_now`: what the database's clock says; hand-out goes by it.
  TaskChanges(const Layout& layout, Instant database_now);
  void add(const engine::CaseFile& case_file, const engine::StepResult& result, Instant now);
  /// Closes open tasks of queues that the program does not have any more.
  void add_orphans(const engine::CaseFile& case_file, const LoadedCase& loaded, Instant now);
  Result<void> send(BulkConnection& connection);

 private:
  void create(const engine::CaseFile& case_file, const engine::OpenTask& task);
  void update(const engine::CaseFile& case_file, const engine::OpenTask& task);
  void close(const engine::CaseFile& case_file, const engine::TaskEffect& effect, Instant now);
  void record(const engine::CaseFile& case_file, const engine::TaskEffect& effect, Instant now);
  /// Tasks of this queue go out one after another.
  bool in_order(int32_t queue) const;
  bool in_registers(int32_t queue) const;
  void add_fields(const engine::OpenTask& task, Column& column);
  void add_limits(const engine::OpenTask& task, Batch& batch, size_t column);

  const Layout& layout_;
  const Instant database_now_;
  std::shared_ptr<const std::vector<engine::LimitLines>> lines_;
  bool lines_wanted_ = false;
  Batch open_, body_, update_open_, update_body_, close_, next_, registered_, record_;
};

}  // namespace dunlin::store

// What steps ask for, on its way into the database.
#pragma once

#include "runtime/store/layout.h"
#include "runtime/store/postgres_batch.h"

namespace dunlin::store {

class RequestChanges {
 public:
  RequestChanges();
  void add(const Layout& layout, const engine::CaseFile& case_file, const engine::StepResult& result);
  Result<void> send(BulkConnection& connection);

 private:
  Batch opened_, changed_;
};

}  // namespace dunlin::store

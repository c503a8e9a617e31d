// Events that a step did not take: out of the history and the inbox, into quarantine.
#pragma once

#include "runtime/store/layout.h"
#include "runtime/store/postgres_batch.h"
#include "runtime/store/postgres_inner.h"

namespace dunlin::store {

class RefusedEvents {
 public:
  void add(const Layout& layout, const engine::CaseFile& case_file, const engine::RefusedEvent& refused);
  /// One of a type that the program does not have.
  void add_strange(const Layout& layout, const engine::CaseFile& case_file, const StrangeEvent& event);
  Result<void> send(BulkConnection& connection);

 private:
  struct Strange {
    const checked::Program* program;
    int32_t bucket;
    int64_t case_id;
    std::string entity, key;
    const StrangeEvent* event;
  };
  Result<void> send_strange(BulkConnection& connection);

  std::vector<Strange> strange_;  // of case files that outlive the commit
  // An event that was refused is not known: the same id with better values may come again.
  Batch events_{
      "with gone as (delete from dunlin.event e using unnest($1, $2, $3, $4) i(bucket, case_id, at, seq) where e.bucket = i.bucket and e.case_id = i.case_id "
      "and e.at = i.at and e.seq = i.seq returning e.bucket, e.instance_id, e.source, e.external_id) delete from dunlin.event_key k using gone g where "
      "k.bucket = g.bucket "
      "and k.key = dunlin.event_key_of(g.source, g.external_id, g.instance_id)",
      {ColumnType::int32, ColumnType::int64, ColumnType::timestamp, ColumnType::int64}};
  Batch quarantine_ =
      Batch::added_to("dunlin.quarantine (at, kind, location, reason, body, bucket, case_id)",
                      {ColumnType::timestamp, ColumnType::text, ColumnType::text, ColumnType::text, ColumnType::text, ColumnType::int32, ColumnType::int64});
};

}  // namespace dunlin::store

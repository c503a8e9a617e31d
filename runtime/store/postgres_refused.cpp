#include "runtime/store/postgres_refused.h"

#include "runtime/store/value_codec.h"

namespace dunlin::store {

void RefusedEvents::add(const Layout& layout, const engine::CaseFile& case_file, const engine::RefusedEvent& refused) {
  const engine::IncomingEvent& event = refused.event;
  if (event.inbox_id != 0) events_.add(case_file.bucket, case_file.debtor_id, event.at, event.inbox_id);
  const SetAside aside = set_aside_of(layout.program, case_file, refused);
  quarantine_.add(aside.at, std::string_view(aside.kind), std::string_view(aside.where), std::string_view(aside.reason), std::string_view(aside.body),
                  case_file.bucket, case_file.debtor_id);
}

Result<void> RefusedEvents::send(BulkConnection& connection) {
  if (auto sent = events_.send(connection, false); !sent) return sent;
  return quarantine_.send(connection);
}

}  // namespace dunlin::store

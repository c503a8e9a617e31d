#include "runtime/store/postgres_refused.h"

#include <fmt/format.h>

#include "runtime/store/bulk_binary.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

void RefusedEvents::add(const Layout& layout, const engine::CaseFile& case_file, const engine::RefusedEvent& refused) {
  const engine::IncomingEvent& event = refused.event;
  if (event.inbox_id != 0) events_.add(case_file.bucket, case_file.debtor_id, event.at, event.inbox_id);
  const SetAside aside = set_aside_of(layout.program, case_file, refused);
  quarantine_.add(aside.at, std::string_view(aside.kind), std::string_view(aside.where), std::string_view(aside.reason), std::string_view(aside.body),
                  case_file.bucket, case_file.debtor_id);
}

void RefusedEvents::add_strange(const Layout& layout, const engine::CaseFile& case_file, const StrangeEvent& event) {
  const abi::Instance& owner = case_file.instance(event.owner);
  events_.add(case_file.bucket, case_file.debtor_id, event.at, event.seq);
  strange_.push_back({&layout.program, case_file.bucket, case_file.debtor_id, layout.program.entities[static_cast<size_t>(owner.entity)].name,
                      engine::key_text(layout.program, owner), &event});
}

/// As dunlin.set_event_aside() keeps them, so that dunlin.quarantine_retry() can post them again. Their words are those of another version: the names are asked
/// for.
Result<void> RefusedEvents::send_strange(BulkConnection& connection) {
  if (strange_.empty()) return {};
  std::unordered_map<int32_t, std::string> names;
  CopyRows rows(connection);
  if (auto started = rows.start("select id, name from dunlin.name where kind in ('event', 'field')"); !started) return started;
  while (rows.next()) {
    const int32_t number = rows.int32();
    names[number] = rows.field().view();
  }
  if (auto read = rows.finish(); !read) return read;
  using enum ColumnType;
  Batch aside(
      "insert into dunlin.quarantine (at, kind, location, reason, body, source, external_id, bucket, case_id) select at, 'event', location, reason, body, "
      "source, nullif(external_id, ''), bucket, case_id from unnest($1, $2, $3, $4, $5, $6, $7, $8) i(at, location, reason, body, source, external_id, bucket, "
      "case_id) on conflict do nothing",
      {timestamp, text, text, text, text, text, int32, int64});
  for (const Strange& strange : strange_) {
    const StrangeEvent& event = *strange.event;
    const std::string& name = names[event.type];
    std::string json = "{\"event\": ";
    append_json_text(json, name);
    for (const auto& [what, said] : std::initializer_list<std::pair<const char*, std::string>>{
             {"entity", strange.entity}, {"key", strange.key}, {"source", event.source}, {"external_id", event.external_id}, {"at", instant_text(event.at)}}) {
      json += fmt::format(", \"{}\": ", what);
      append_json_text(json, said);
    }
    json += ", \"payload\": " + (!event.payload.empty() ? event.payload : packed_to_json(*strange.program, names, event.body)) + "}";
    aside.add(event.at, std::string_view(strange.entity + " " + strange.key), std::string_view(strange_event_reason(name)), std::string_view(json),
              std::string_view(event.source), std::string_view(event.external_id), strange.bucket, strange.case_id);
  }
  return aside.send(connection, false);
}

Result<void> RefusedEvents::send(BulkConnection& connection) {
  if (auto sent = events_.send(connection, false); !sent) return sent;
  if (auto sent = send_strange(connection); !sent) return sent;
  return quarantine_.send(connection);
}

}  // namespace dunlin::store

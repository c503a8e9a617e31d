#include "runtime/store/postgres_requests.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <set>

#include "runtime/engine/grants.h"
#include "runtime/engine/requests.h"
#include "runtime/store/postgres_small.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using checked::Request;
using engine::RequestEffect;

namespace {

using enum ColumnType;

constexpr auto open_requests =
    "insert into dunlin.request (bucket, id, case_id, instance_id, kind, name, asked_at, due, lapses_at, role, requester, cause, never_requester, payload, "
    "order_keys, amount, length, status, decided_at, reason) "
    "select bucket, id, case_id, instance_id, kind, name, asked_at, nullif(due, 'infinity'), nullif(lapses_at, 'infinity'), role, requester, cause, "
    "never_requester, payload, order_keys::int8[], amount, length, status, decided_at, reason "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) "
    "i(bucket, id, case_id, instance_id, kind, name, asked_at, due, lapses_at, role, requester, cause, never_requester, payload, order_keys, amount, length, "
    "status, decided_at, reason)";
// The step has the last word on what it asked for: a grant that it has not read when it withdraws its request is given back.
constexpr auto change_requests =
    "update dunlin.request r set status = coalesce(i.status, r.status), decided_at = coalesce(r.decided_at, i.at), reason = coalesce(i.reason, r.reason), "
    "until = case when i.moved then nullif(i.until, 'infinity') else r.until end, over_at = coalesce(i.over_at, r.over_at) "
    "from unnest($1, $2, $3, $4, $5, $6, $7, $8) i(bucket, id, status, at, reason, until, moved, over_at) where r.bucket = i.bucket and r.id = i.id";

const char* kind_text(Request::Kind kind) {
  constexpr const char* names[] = {"approval", "quota", "allocation"};
  return names[static_cast<size_t>(kind)];
}

/// What a step does to one request, brought down to one row.
struct Net {
  const RequestEffect* opened = nullptr;
  const RequestEffect* last = nullptr;  // the last that gives it a status
  const RequestEffect* extended = nullptr;
  Instant over_at = abi::never;
};

void put_text(Column& column, std::string_view text) { text.empty() ? column.add_missing() : column.add(text); }

}  // namespace

RequestChanges::RequestChanges()
    : opened_(open_requests, {int32, int64, int64,   int64, text, text,  timestamp, timestamp, timestamp, text,
                              text,  text,  boolean, jsonb, text, int64, int64,     text,      timestamp, text}),
      changed_(change_requests, {int32, int64, text, timestamp, text, timestamp, boolean, timestamp}) {}

void RequestChanges::add(const Layout& layout, const engine::CaseFile& case_file, const engine::StepResult& result) {
  std::map<int64_t, Net> changes;
  for (const RequestEffect& effect : result.requests) {
    Net& net = changes[effect.id];
    switch (effect.what) {
      case RequestEffect::What::opened:
        net.opened = &effect;
        break;
      case RequestEffect::What::extended:
        net.extended = &effect;
        break;
      case RequestEffect::What::over:
        net.over_at = effect.at;
        [[fallthrough]];
      case RequestEffect::What::answered:
        net.last = &effect;
        break;
    }
  }
  for (const auto& [id, net] : changes) {
    if (net.opened != nullptr) {
      const RequestEffect& asked = *net.opened;
      const Request& request = layout.program.requests[static_cast<size_t>(asked.request)];
      std::string keys = "{";
      for (const int64_t key : asked.order) keys += (keys.size() > 1 ? "," : "") + std::to_string(key);
      keys += "}";
      const std::string payload = values_to_json(layout.program, leaves_of(layout.program, request.columns), asked.slots.data());
      opened_.add(case_file.bucket, id, case_file.debtor_id, case_file.instance(asked.instance).id, std::string_view(kind_text(request.kind)),
                  std::string_view(request.name), asked.at, asked.due, asked.lapses_at, std::string_view(asked.role), std::string_view(asked.requester),
                  std::string_view(asked.cause), static_cast<int64_t>(request.never_requester), std::string_view(payload), std::string_view(keys), asked.amount,
                  asked.length, std::string_view(net.last == nullptr ? "open" : net.last->status));
      net.last == nullptr ? opened_.column(18).add_missing() : opened_.column(18).add(net.last->at);
      put_text(opened_.column(19), net.last == nullptr ? std::string_view() : net.last->reason);
      continue;
    }
    changed_.add(case_file.bucket, id);
    put_text(changed_.column(2), net.last == nullptr ? std::string_view() : net.last->status);
    net.last == nullptr ? changed_.column(3).add_missing() : changed_.column(3).add(net.last->at);
    put_text(changed_.column(4), net.last == nullptr ? std::string_view() : net.last->reason);
    changed_.column(5).add(net.extended == nullptr ? abi::never : net.extended->until);
    changed_.column(6).add(static_cast<int64_t>(net.extended != nullptr));
    net.over_at == abi::never ? changed_.column(7).add_missing() : changed_.column(7).add(net.over_at);
  }
}

Result<void> RequestChanges::send(BulkConnection& connection) {
  if (auto sent = opened_.send(connection); !sent) return sent;
  return changed_.send(connection, false);
}

// ---- reading and deciding --------------------------------------------------------------------------------------------

namespace {

Instant instant_in(const pqxx::field& field) { return field.is_null() ? abi::never : field.as<Instant>(); }

std::vector<int64_t> numbers_in(std::string_view list) {
  std::vector<int64_t> numbers;
  while (!list.empty()) {
    int64_t number = 0;
    const auto read = std::from_chars(list.data(), list.data() + list.size(), number);
    numbers.push_back(number);
    list.remove_prefix(std::min(list.size(), static_cast<size_t>(read.ptr - list.data()) + 1));
  }
  return numbers;
}

/// `{"id": …, "status": …, …}` of each grant, for dunlin.grant_requests().
std::string answers_json(const Layout& layout, const engine::GrantPass& pass, const std::vector<engine::Grant>& grants) {
  abi::Arena arena;
  std::string json = "[";
  for (const engine::Grant& grant : grants) {
    const checked::Index event = pass.answer_event(grant);
    const std::vector<int64_t> slots = pass.answer(grant, arena);
    const std::string& name = layout.program.events[static_cast<size_t>(event)].name;
    json += (json.size() > 1 ? ", " : "") + fmt::format("{{\"id\": {}, \"status\": ", grant.request);
    append_json_text(json, name.substr(name.rfind('.') + 1));
    if (!grant.agency.empty()) {
      json += ", \"agency\": ";
      append_json_text(json, grant.agency);
    }
    if (!grant.reason.empty()) {
      json += ", \"reason\": ";
      append_json_text(json, grant.reason);
    }
    if (grant.until != abi::never) json += ", \"until\": \"" + instant_text(grant.until) + "\"";
    json += ", \"payload\": " + values_to_json(layout.program, layout.events[static_cast<size_t>(event)], slots.data()) + "}";
  }
  return json + "]";
}

}  // namespace

Result<std::vector<RequestRow>> PostgresStore::requests(const std::string& kind, const std::string& status, int64_t limit) {
  std::vector<RequestRow> rows;
  auto read = small("read what is asked for", [&](SmallWork& work) {
    const auto found = work.exec(fmt::format(
        "select r.id, r.kind, r.name, coalesce(k.entity, ''), coalesce(k.key, ''), r.status, r.role, coalesce(dunlin.requester_of(r), ''), r.payload::text, "
        "coalesce(r.decided_by, ''), coalesce(r.reason, ''), coalesce(r.agency, ''), {}, {}, {}, {}, {}, {}, r.amount from dunlin.request r left join "
        "dunlin.instance_key k on k.bucket = r.bucket and k.case_id = r.case_id and k.id = r.instance_id where ({} = '' or r.kind = {}) and ({} = '' or "
        "r.status = {}) order by r.asked_at, r.id limit {}",
        micros("r.asked_at"), micros("r.due"), micros("r.lapses_at"), micros("r.decided_at"), micros("r.until"), micros("r.over_at"), work.quote(kind),
        work.quote(kind), work.quote(status), work.quote(status), limit));
    for (const auto& row : found) {
      RequestRow made;
      made.id = row[0].as<int64_t>();
      std::string* texts[] = {&made.kind,      &made.name,         &made.entity,     &made.key,    &made.status, &made.role,
                              &made.requester, &made.payload_json, &made.decided_by, &made.reason, &made.agency};
      for (int i = 0; i < 11; ++i) *texts[i] = row[i + 1].as<std::string>();
      Instant* instants[] = {&made.asked_at, &made.due, &made.lapses_at, &made.decided_at, &made.until, &made.over_at};
      for (int i = 0; i < 6; ++i) *instants[i] = instant_in(row[i + 12]);
      made.amount = row[18].as<int64_t>();
      rows.push_back(std::move(made));
    }
  });
  if (!read) return std::unexpected(read.error());
  return rows;
}

Result<bool> PostgresStore::decide(const checked::Program&, const Decision& decision) {
  bool fresh = false;
  auto done = small("decide on an approval", [&](SmallWork& work) {
    const auto rows = work.exec(fmt::format("select dunlin.decide_approval({}, {}, {}, nullif({}, ''), {})", decision.request, decision.approve,
                                            work.quote(decision.who), work.quote(decision.reason), sql_instant(decision.at)));
    fresh = rows[0][0].as<std::string>() != "duplicate";
  });
  if (!done) return std::unexpected(done.error());
  return fresh;
}

// ---- granting --------------------------------------------------------------------------------------------------------

Result<int64_t> PostgresStore::grant(const checked::Program& program, const engine::GrantPass& pass, Instant now) {
  auto layout = layout_of(program);
  if (!layout) return std::unexpected(layout.error());
  const Request& request = pass.request();
  const std::string kind = kind_text(request.kind);
  int64_t answered = 0;
  bool other_version = false;
  auto done = small("grant what is scarce", [&](SmallWork& work) {
    const std::string name = work.quote(request.name);
    // Most nights nobody waits, and then nobody need wait for the lock.
    if (work.exec(fmt::format("select 1 from dunlin.request where kind = '{}' and name = {} and status = 'open' limit 1", kind, name)).empty()) return;
    work.exec(fmt::format("insert into dunlin.scarce values ({}) on conflict do nothing", name));
    work.exec(fmt::format("select 1 from dunlin.scarce where name = {} for update", name));
    other_version = work.exec(fmt::format("select 1 from dunlin.bundle where active and content_hash = {}", work.quote(program.content_hash))).empty();
    if (other_version) return;
    int64_t granted = 0;
    std::string limit;
    if (pass.is_quota()) {
      granted = work.exec(fmt::format("select count(*) from dunlin.request where kind = 'quota' and name = {} and status = 'granted' and decided_at >= {}",
                                      name, sql_instant(pass.period_start())))[0][0]
                    .as<int64_t>();
      if (granted >= pass.count()) return;
      limit = fmt::format(" limit {}", pass.count() - granted);
    }
    // A row that a step has under its hands now waits for the next pass: whoever grants waits for nobody while it holds what others want.
    const auto waiting_rows = work.exec(
        fmt::format("select r.id, r.case_id, r.instance_id, {}, array_to_string(r.order_keys, ','), r.amount, r.length from dunlin.request r join "
                    "dunlin.case_file c on c.bucket = r.bucket and c.case_id = r.case_id where r.kind = '{}' and r.name = {} and r.status = 'open' and "
                    "r.asked_at <= {} and not c.set_aside order by r.order_keys, r.asked_at, r.id{} for update of r skip locked",
                    micros("r.asked_at"), kind, name, sql_instant(now), limit));
    std::vector<engine::WaitingRequest> waiting;
    std::set<int64_t> cases;
    for (const auto& row : waiting_rows) {
      waiting.push_back({.id = row[0].as<int64_t>(),
                         .case_file = row[1].as<int64_t>(),
                         .instance = row[2].as<int64_t>(),
                         .asked_at = row[3].as<Instant>(),
                         .order = numbers_in(row[4].as<std::string>()),
                         .amount = row[5].as<int64_t>(),
                         .length = row[6].as<int64_t>()});
      cases.insert(waiting.back().case_file);
    }
    if (waiting.empty()) return;
    std::vector<engine::Grant> grants;
    if (pass.is_quota()) {
      grants = pass.grant(waiting, granted);
    } else {
      std::vector<engine::AgencyTotal> totals;
      for (const auto& row : work.exec(fmt::format(
               "select agency, coalesce(sum(amount) filter (where status = 'placed'), 0), coalesce(sum(amount) filter (where shares = {}), 0) from "
               "dunlin.request where kind = 'allocation' and name = {} and agency is not null and status in ('placed', 'ended', 'recalled') group by agency",
               work.quote(request.shares_key), name))) {
        totals.push_back({row[0].as<std::string>(), row[1].as<int64_t>(), row[2].as<int64_t>()});
      }
      std::string list;
      for (const int64_t id : cases) list += (list.empty() ? "" : ",") + std::to_string(id);
      std::vector<engine::PastPlacement> past;
      for (const auto& row :
           work.exec(fmt::format("select case_id, instance_id, name, agency, status = 'placed' from dunlin.request where kind = 'allocation' and "
                                 "agency is not null and status in ('placed', 'ended', 'recalled') and case_id in ({}) order by decided_at, id",
                                 list))) {
        past.push_back({row[0].as<int64_t>(), row[1].as<int64_t>(), row[2].as<std::string>(), row[3].as<std::string>(), row[4].as<bool>()});
      }
      grants = pass.place(waiting, std::move(totals), past);
    }
    if (grants.empty()) return;
    crash_point(Boundary::before);
    answered = work.exec(fmt::format("select dunlin.grant_requests({}, {}::jsonb, {}, {})", name, work.quote(answers_json(**layout, pass, grants)),
                                     work.quote(request.shares_key), sql_instant(now)))[0][0]
                   .as<int64_t>();
  });
  if (!done) return std::unexpected(done.error());
  if (other_version)
    return std::unexpected(StoreError{StoreError::Kind::conflict, "another version of the bundle was activated meanwhile; step again under it"});
  return answered;
}

}  // namespace dunlin::store

// Requests in memory: what steps asked for, what people decide, what a pass grants.
#include <algorithm>
#include <map>

#include "runtime/engine/grants.h"
#include "runtime/engine/requests.h"
#include "runtime/store/model_store_inner.h"
#include "runtime/store/value_codec.h"

namespace dunlin::store {

using checked::Request;
using engine::RequestEffect;

namespace {

const char* kind_text(Request::Kind kind) {
  constexpr const char* names[] = {"approval", "quota", "allocation"};
  return names[static_cast<size_t>(kind)];
}

bool is_placement(const RequestRow& row) {
  return row.kind == "allocation" && !row.agency.empty() && (row.status == "placed" || row.status == "ended" || row.status == "recalled");
}

StoreError refuse(std::string message) { return {StoreError::Kind::input, std::move(message)}; }

}  // namespace

void ModelStore::keep_request(const checked::Program& program, StoredCase& stored, const engine::CaseFile& case_file, const RequestEffect& effect) {
  const Request& request = program.requests[static_cast<size_t>(effect.request)];
  if (effect.what == RequestEffect::What::opened) {
    const StoredInstance& instance = stored.instances.at(case_file.instance(effect.instance).id);
    StoredRequest made{.place = {stored.bucket, stored.id}, .instance = case_file.instance(effect.instance).id};
    made.event = program.events[static_cast<size_t>(request.asked)].name;
    made.asked = freeze(program, request.columns, effect.slots.data());
    made.cause = effect.cause;
    made.never_requester = request.never_requester;
    made.order = effect.order;
    made.length = effect.length;
    made.row = {.id = effect.id,
                .kind = kind_text(request.kind),
                .name = request.name,
                .entity = instance.entity,
                .key = instance.key,
                .status = "open",
                .role = effect.role,
                .requester = effect.requester,
                .payload_json = values_to_json(program, leaves_of(program, request.columns), effect.slots.data()),
                .asked_at = effect.at,
                .due = effect.due,
                .lapses_at = effect.lapses_at,
                .amount = effect.amount};
    data_.requests[effect.id] = std::move(made);
    return;
  }
  const auto found = data_.requests.find(effect.id);
  if (found == data_.requests.end()) return;
  RequestRow& row = found->second.row;
  if (effect.what == RequestEffect::What::extended) {
    row.until = effect.until;
    return;
  }
  row.status = effect.status;
  if (!effect.reason.empty()) row.reason = effect.reason;
  if (row.decided_at == abi::never) row.decided_at = effect.at;
  if (effect.what == RequestEffect::What::over) row.over_at = effect.at;
}

/// The event that answers goes into the inbox of the case file.
void ModelStore::answer(const checked::Program& program, StoredRequest& request, int32_t event, const std::vector<int64_t>& slots, const std::string& source,
                        Instant at) {
  const std::string id = std::to_string(request.row.id);
  data_.event_keys.insert({source, id, request.instance});
  data_.cases.at(request.place)
      .events.push_back({.arrival = ++data_.arrivals,
                         .at = at,
                         .owner = request.instance,
                         .type = program.events[static_cast<size_t>(event)].name,
                         .values = freeze(program, program.events[static_cast<size_t>(event)].fields, slots.data()),
                         .source = source,
                         .external_id = id});
}

Result<std::vector<RequestRow>> ModelStore::requests(const std::string& kind, const std::string& status, int64_t limit) {
  const Lock lock(data_.guard);
  std::vector<RequestRow> rows;
  for (const auto& [id, request] : data_.requests) {
    if ((kind.empty() || request.row.kind == kind) && (status.empty() || request.row.status == status)) rows.push_back(request.row);
  }
  std::ranges::stable_sort(rows, [](const RequestRow& a, const RequestRow& b) { return std::pair(a.asked_at, a.id) < std::pair(b.asked_at, b.id); });
  if (rows.size() > static_cast<size_t>(limit)) rows.resize(static_cast<size_t>(limit));
  return rows;
}

Result<bool> ModelStore::decide(const checked::Program& program, const Decision& decision) {
  const Lock lock(data_.guard);
  const std::string number = std::to_string(decision.request);
  const auto found = data_.requests.find(decision.request);
  if (decision.who.empty()) return std::unexpected(refuse("a decision needs somebody who decides"));
  if (found == data_.requests.end() || found->second.row.kind != "approval") return std::unexpected(refuse("nobody asks for approval " + number));
  StoredRequest& asked = found->second;
  const std::string answered = decision.approve ? "approved" : "declined";
  if (asked.row.status != "open") {
    if (asked.row.status == answered && asked.row.decided_by == decision.who) return false;
    return std::unexpected(refuse("approval " + number + " is " + asked.row.status));
  }
  if (decision.at >= asked.row.lapses_at) return std::unexpected(refuse("approval " + number + " has lapsed"));
  if (decision.at < asked.row.asked_at) return std::unexpected(refuse("approval " + number + " was not asked for before"));
  if (asked.never_requester && asked.row.requester == decision.who)
    return std::unexpected(refuse(decision.who + " has asked for approval " + number + " and does not decide on it"));
  const checked::Index index = checked::find_request(program, asked.row.name);
  if (index == checked::none) return std::unexpected(refuse("the active bundle has no approval `" + asked.row.name + "`"));
  const Request& request = program.requests[static_cast<size_t>(index)];
  const checked::Index event = decision.approve ? request.granted : request.declined;
  const checked::EventType& type = program.events[static_cast<size_t>(event)];
  abi::Arena arena;
  std::vector<int64_t> slots(static_cast<size_t>(type.slot_count));
  const auto put = [&](checked::Index slot, int64_t value) {
    slots[static_cast<size_t>(slot)] = 1;
    slots[static_cast<size_t>(slot) + 1] = value;
  };
  put(0, asked.row.id);
  put(request.by_slot, reinterpret_cast<int64_t>(arena.text(decision.who)));
  if (!decision.reason.empty()) put(request.reason_slot, reinterpret_cast<int64_t>(arena.text(decision.reason)));
  answer(program, asked, event, slots, "dunlin approval", decision.at);
  asked.row.status = answered;
  asked.row.decided_at = decision.at;
  asked.row.decided_by = decision.who;
  asked.row.reason = decision.reason;
  return true;
}

Result<int64_t> ModelStore::grant(const checked::Program& program, const engine::GrantPass& pass, Instant now) {
  const Lock lock(data_.guard);
  const auto active = std::ranges::find(data_.versions, true, &BundleVersion::active);
  if (active != data_.versions.end() && active->content_hash != program.content_hash)
    return std::unexpected(StoreError{StoreError::Kind::conflict, "another version of the bundle was activated meanwhile; step again under it"});
  const Request& request = pass.request();
  const std::string kind = kind_text(request.kind);
  std::vector<engine::WaitingRequest> waiting;
  std::map<std::string, engine::AgencyTotal> totals;
  std::vector<engine::PastPlacement> past;
  int64_t granted = 0;
  for (const auto& [id, one] : data_.requests) {
    const RequestRow& row = one.row;
    if (is_placement(row)) {
      past.push_back({.case_file = one.place.second, .instance = one.instance, .allocation = row.name, .agency = row.agency, .stands = row.status == "placed"});
      if (row.name == request.name) {
        engine::AgencyTotal& total = totals[row.agency];
        total.agency = row.agency;
        if (row.status == "placed") total.standing += row.amount;
        if (one.shares == request.shares_key) total.ever += row.amount;
      }
    }
    if (row.kind != kind || row.name != request.name) continue;
    if (row.status == "granted" && row.decided_at >= pass.period_start()) ++granted;
    if (row.status != "open" || row.asked_at > now || data_.cases.at(one.place).set_aside) continue;
    waiting.push_back({.id = id,
                       .case_file = one.place.second,
                       .instance = one.instance,
                       .asked_at = row.asked_at,
                       .order = one.order,
                       .amount = row.amount,
                       .length = one.length});
  }
  std::vector<engine::AgencyTotal> all;
  for (auto& [name, total] : totals) all.push_back(std::move(total));
  const std::vector<engine::Grant> grants = pass.is_quota() ? pass.grant(waiting, granted) : pass.place(waiting, std::move(all), past);
  abi::Arena arena;
  for (const engine::Grant& grant : grants) {
    StoredRequest& asked = data_.requests.at(grant.request);
    answer(program, asked, pass.answer_event(grant), pass.answer(grant, arena), "dunlin grant", now);
    asked.row.status = grant.declined ? "declined" : pass.is_quota() ? "granted" : "placed";
    asked.row.decided_at = now;
    asked.row.agency = grant.agency;
    asked.row.until = grant.until;
    asked.row.reason = grant.reason;
    asked.shares = request.shares_key;
  }
  return static_cast<int64_t>(grants.size());
}

}  // namespace dunlin::store

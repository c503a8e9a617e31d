#include "runtime/engine/grants.h"

#include <algorithm>
#include <deque>
#include <map>
#include <optional>
#include <set>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"

namespace dunlin::engine {

using checked::Request;

namespace {

__extension__ using Wide = __int128;

/// First date of the running period.
int64_t period_begins(Request::Period period, int64_t date) {
  const abi::Civil civil = abi::civil_of(date);
  switch (period) {
    case Request::Period::day:
      return date;
    case Request::Period::week:
      return date - abi::weekday_of(date) + 1;
    case Request::Period::month:
      return abi::date_of_civil(civil.year, civil.month, 1);
    case Request::Period::quarter:
      return abi::date_of_civil(civil.year, (civil.month - 1) / 3 * 3 + 1, 1);
    case Request::Period::year:
      return abi::date_of_civil(civil.year, 1, 1);
  }
  return date;
}

Instant ends_at(const abi::Calendar& calendar, Instant now, int64_t length) {
  if (length == 0) return abi::never;
  Instant at = 0;
  if (abi::duration_unit(length) == abi::DurationUnit::microsecond) return __builtin_add_overflow(now, abi::duration_amount(length), &at) ? abi::never : at;
  int64_t date = 0;
  const bool good = abi::date_of(calendar, now, &date) == abi::Fault::none && abi::add_duration_to_date(calendar, date, length, &date) == abi::Fault::none &&
                    abi::day_start(calendar, date, &at) == abi::Fault::none;
  return good ? at : abi::never;
}

/// What goes to one agency as a whole.
struct Unit {
  std::vector<const WaitingRequest*> requests;
  int64_t amount = 0;
};

}  // namespace

bool granted_before(const WaitingRequest& a, const WaitingRequest& b) {
  if (a.order != b.order) return a.order < b.order;
  if (a.asked_at != b.asked_at) return a.asked_at < b.asked_at;
  return a.id < b.id;
}

std::vector<Grant> GrantPass::grant(const std::vector<WaitingRequest>& waiting, int64_t granted) const {
  std::vector<const WaitingRequest*> line;
  for (const WaitingRequest& one : waiting) line.push_back(&one);
  std::ranges::sort(line, [](const WaitingRequest* a, const WaitingRequest* b) { return granted_before(*a, *b); });
  std::vector<Grant> grants;
  for (const WaitingRequest* one : line) {
    if (granted + static_cast<int64_t>(grants.size()) >= count_) break;
    grants.push_back({.request = one->id});
  }
  return grants;
}

/// The agency that is furthest behind its share goes next, the new amount counted: deficits add up to it, so somebody is behind, and nobody gets ahead of
/// its share by more than one amount.
std::vector<Grant> GrantPass::place(const std::vector<WaitingRequest>& waiting, std::vector<AgencyTotal> totals, const std::vector<PastPlacement>& past) const {
  std::vector<const WaitingRequest*> line;
  for (const WaitingRequest& one : waiting) line.push_back(&one);
  std::ranges::sort(line, [](const WaitingRequest* a, const WaitingRequest* b) { return granted_before(*a, *b); });
  std::vector<Unit> units;
  std::map<int64_t, size_t> of_case;
  for (const WaitingRequest* one : line) {
    const auto [at, first] = of_case.try_emplace(one->case_file, units.size());
    if (first || !request_->together) {
      at->second = units.size();
      units.emplace_back();
    }
    Unit& unit = units[at->second];
    unit.requests.push_back(one);
    unit.amount += one->amount;
  }
  std::map<std::string, AgencyTotal> by_agency;
  for (AgencyTotal& total : totals) by_agency[total.agency] = std::move(total);
  int64_t all = 0;
  for (const Request::Share& share : request_->shares) all += by_agency[share.name].ever;
  std::map<int64_t, std::vector<const PastPlacement*>> had;
  std::deque<PastPlacement> fresh;  // of this pass
  for (const PastPlacement& one : past) had[one.case_file].push_back(&one);

  std::vector<Grant> grants;
  for (const Unit& unit : units) {
    const WaitingRequest& first = *unit.requests.front();
    std::string with;           // its other accounts are there
    std::set<std::string> out;  // had it before
    for (const PastPlacement* one : had[first.case_file]) {
      const bool own = request_->never_twice_per == 0 || one->instance == first.instance;
      if (request_->together && one->stands && one->allocation == request_->name) with = one->agency;
      if (request_->never_twice && own) out.insert(one->agency);
    }
    if (!with.empty()) out.erase(with);
    const Request::Share* best = nullptr;
    Wide best_deficit = 0;
    bool somebody = false;
    for (const Request::Share& share : request_->shares) {
      if (out.contains(share.name) || (!with.empty() && with != share.name)) continue;
      somebody = true;
      const AgencyTotal& total = by_agency[share.name];
      if (total.standing > cap_ - unit.amount) continue;
      const Wide deficit = static_cast<Wide>(share.share) * (all + unit.amount) - static_cast<Wide>(total.ever) * 1'000'000;
      if (best == nullptr || deficit > best_deficit) {
        best = &share;
        best_deficit = deficit;
      }
    }
    // An agency of other accounts that has no share any more is nobody to wait for; caps are: they make room.
    const bool for_ever = !somebody || unit.amount > cap_;
    if (best == nullptr && !for_ever) continue;
    for (const WaitingRequest* one : unit.requests) {
      Grant made{.request = one->id, .amount = one->amount};
      if (best == nullptr) {
        made.declined = true;
        made.reason = somebody ? "it is more than the cap of an agency" : "no agency is left that has not had it";
      } else {
        made.agency = best->name;
        made.until = ends_at(*calendar_, now_, one->length);
      }
      grants.push_back(std::move(made));
    }
    if (best == nullptr) continue;
    AgencyTotal& total = by_agency[best->name];
    total.standing += unit.amount;
    total.ever += unit.amount;
    for (const WaitingRequest* one : unit.requests) {
      fresh.push_back({.case_file = one->case_file, .instance = one->instance, .allocation = request_->name, .agency = best->name, .stands = true});
      had[one->case_file].push_back(&fresh.back());
    }
    all += unit.amount;
  }
  return grants;
}

std::vector<int64_t> GrantPass::answer(const Grant& grant, abi::Arena& arena) const {
  const checked::EventType& type = program_->events[static_cast<size_t>(answer_event(grant))];
  std::vector<int64_t> slots(static_cast<size_t>(type.slot_count));
  const auto put = [&](checked::Index slot, int64_t value) {
    slots[static_cast<size_t>(slot)] = 1;
    slots[static_cast<size_t>(slot) + 1] = value;
  };
  put(0, grant.request);
  if (grant.declined) {
    put(2, reinterpret_cast<int64_t>(arena.text(grant.reason)));  // request, reason
  } else if (!is_quota()) {
    put(request_->agency_slot, reinterpret_cast<int64_t>(arena.text(grant.agency)));
    put(request_->amount_slot, grant.amount);
    if (grant.until != abi::never) put(request_->until_slot, grant.until);
  }
  return slots;
}

std::expected<std::vector<GrantPass>, std::string> grant_passes(const checked::Program& program, const Evaluator& evaluator, const abi::Calendar& calendar,
                                                                const std::vector<int64_t>& settings, Instant now) {
  std::vector<GrantPass> passes;
  abi::Arena arena;
  abi::EvalContext context{.now = now, .settings = settings.data(), .calendar = &calendar, .arena = &arena};
  if (abi::date_of(calendar, now, &context.today) != abi::Fault::none) return std::unexpected("the time lies beyond the bundle's calendar");
  for (const Request& request : program.requests) {
    if (request.kind == Request::Kind::approval) continue;
    GrantPass pass;
    pass.program_ = &program;
    pass.request_ = &request;
    pass.calendar_ = &calendar;
    pass.now_ = now;
    std::optional<std::string> trouble;
    const auto figure = [&](checked::RootId root) -> int64_t {
      int64_t out[4] = {};
      const Evaluation done = evaluator.evaluate(root, context, out);
      if (!done.ok()) trouble = std::string(abi::fault_text(done.fault)) + " in `" + program.roots[static_cast<size_t>(root)].label + "`";
      return out[0];
    };
    if (request.kind == Request::Kind::quota) {
      pass.count_ = figure(request.count);
      if (abi::day_start(calendar, period_begins(request.period, context.today), &pass.period_start_) != abi::Fault::none) {
        return std::unexpected("the time lies beyond the bundle's calendar");
      }
    }
    for (const checked::RootId cap : request.caps) pass.cap_ = std::min(pass.cap_, figure(cap));
    if (trouble) return std::unexpected(*trouble);
    passes.push_back(pass);
  }
  return passes;
}

}  // namespace dunlin::engine

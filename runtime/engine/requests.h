// What history says of requests: which are open, and which placements stand.
#pragma once

#include <vector>

#include "runtime/engine/case_file.h"

namespace dunlin::engine {

/// What an event means to a request.
struct RequestEvent {
  enum class Role : uint8_t { none, asked, granted, declined, withdrawn, lapsed, overdue, ended, recalled, extended };
  Role role = Role::none;
  int32_t request = -1;  // Program::requests
  /// Closes an open request.
  bool answers() const { return role == Role::granted || role == Role::declined || role == Role::withdrawn || role == Role::lapsed; }
  /// Ends a placement.
  bool ends() const { return role == Role::ended || role == Role::recalled; }
};
/// By event type; empty if the program has no requests.
std::vector<RequestEvent> request_events(const checked::Program& program);

/// Every event of a request begins with `request : int?`. 0: it does not say.
inline int64_t request_id(const abi::Event& event) { return event.slots[0] != 0 ? event.slots[1] : 0; }

/// The `asked` event that nothing has answered; null: none is open.
const abi::Event* open_request(const checked::Request& request, const abi::Instance& owner);
/// The `placed` event of a placement that is not over; null: there is none.
const abi::Event* standing_placement(const checked::Request& request, const abi::Instance& owner);
/// When it ends by itself; abi::never: it does not.
Instant placement_ends(const checked::Request& request, const abi::Event& placed);

/// Requests and placements of the events in `own`: fills in what history alone knows of them.
void link_requests(const checked::Program& program, const std::vector<RequestEvent>& kinds, const std::vector<abi::Event*>& own);

/// "settlement, discount 0.3, months 6": what is asked for, in words. `asked`: slots of the event.
std::string request_in_words(const checked::Program& program, const checked::Request& request, const int64_t* asked);

}  // namespace dunlin::engine

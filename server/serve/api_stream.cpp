// Live changes: a connection that stays open, by WebSocket or server-sent events.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "server/serve/api.h"
#include "server/serve/live.h"

namespace dunlin::server {

namespace {

bool may_watch(const Caller& caller) { return caller.may("read") || caller.may("work"); }

std::set<std::string> names_in(const std::string& list) {
  std::set<std::string> names;
  for (size_t from = 0; from <= list.size();) {
    const size_t to = std::min(list.find(',', from), list.size());
    if (to > from) names.insert(list.substr(from, to - from));
    from = to + 1;
  }
  return names;
}

Reply stream(Api& api, const Call& call) {
  if (!may_watch(call.caller)) throw Problem{403, fmt::format("the role `{}` has no right to `read` or `work`", call.caller.role), "", ""};
  Live& live = api.context().live;
  if (const std::string refusal = live.refusal(call.caller.name); !refusal.empty()) throw Problem{429, refusal, "close one first", ""};
  StreamReader reader;
  reader.name = call.caller.name;
  reader.queues = names_in(call.asked("queue").value_or(""));
  reader.scope = call.caller.scope;
  http::Request asked;
  asked.authorization = call.request.authorization;
  asked.upgrade = call.request.upgrade;
  asked.protocols = call.request.protocols;
  if (asked.authorization.starts_with("Basic ")) {
    // No password is kept, and the directory is not asked for each stream again and again: it ends, and whoever may comes back with the password.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(std::max(15, api.context().config.ldap.remember_seconds));
    reader.still_may = [until] { return std::chrono::steady_clock::now() < until; };
  } else {
    reader.still_may = [&api, asked] {
      const auto caller = api.caller_again(asked);
      return !caller || (*caller && may_watch(**caller));
    };
  }
  Reply reply;
  reply.live = [&live, reader](std::shared_ptr<http::Outlet> outlet) mutable {
    reader.outlet = std::move(outlet);
    live.add(std::move(reader));
  };
  return reply;
}

}  // namespace

void add_stream_routes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/v1/stream",
                    "",
                    "Changes as they happen: the events `queue`, `version` and `database`, by WebSocket where the request asks for an upgrade, else as "
                    "server-sent events; first all as it is, then what changes. Needs the right to read or to work",
                    {{"queue", "only these queues, with commas between"}},
                    {},
                    stream,
                    false,
                    true});
}

}  // namespace dunlin::server

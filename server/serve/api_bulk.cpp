// Events from a list, over HTTP: tried first, agreed to by somebody else where that is asked for, taken back while no step has read them.
#include <fmt/format.h>

#include "server/bulk_plan.h"
#include "server/serve/api_parts.h"

namespace dunlin::server {

namespace {

using store::Ask;

/// More belongs into `dunlin import events`, which reads in batches.
constexpr size_t lines_max = 200'000, rejected_shown = 1000;

/// Every cell as a text, as a list has it.
Json lines_of(const Call& call) {
  Json lines = rows_of_body(call, "lines", lines_max);
  for (Json& line : lines) {
    for (auto& [name, value] : line.items()) {
      if (value.is_structured()) throw Problem{422, "the cells of a line are texts, figures or yes and no", "", ""};
      if (!value.is_string()) value = value.is_null() ? std::string() : value.dump();
    }
  }
  return lines;
}

std::string file_of(const Call& call) { return call.maybe_text("file").value_or("a list of " + call.caller.name); }

/// The plan of the list, its good events, and the first lines that are refused, each with line, column and reason.
Json tried(Api& api, const Call& call, Json& events) {
  const Json lines = lines_of(call);
  std::vector<int64_t> places;
  for (size_t i = 0; i < lines.size(); ++i) places.push_back(static_cast<int64_t>(i) + 1);
  const Json answers = api.ask(Ask::bulk_try, {lines.dump(), call.maybe_text("source").value_or(file_of(call))});
  Json rejected = Json::array();
  int64_t count = 0;
  Json body{{"plan", bulk_plan(answers, places, events, [&](size_t place, const import::Rejection& rejection) {
               if (++count > static_cast<int64_t>(rejected_shown)) return;
               rejected.push_back({{"line", rejection.line}, {"column", rejection.column}, {"reason", rejection.reason}, {"row", lines[place]}});
             })}};
  body["rejected_lines"] = count;
  body["rejected"] = std::move(rejected);
  return body;
}

Reply plan(Api& api, const Call& call) {
  Json events = Json::array();
  return {tried(api, call, events)};
}

Reply post(Api& api, const Call& call) {
  Json events = Json::array();
  Json body = tried(api, call, events);
  const Json row = api.ask(Ask::bulk_propose, {call.caller.name, call.text("reason"), file_of(call), events.dump(), body["plan"].dump()})[0];
  for (const char* name : {"bulk", "status", "posted"}) body[name] = row[name];
  api.context().scheduler.wake();
  return {std::move(body), row["status"] == "waiting" ? 202 : 200};
}

Reply lists(Api& api, const Call& call) {
  const int64_t limit = call.limit();
  return {page(api.ask(Ask::bulk_page, {call.asked("before"), std::to_string(limit)}), limit, "id")};
}

std::string number(const Call& call) { return number_in_path(call, "bulk", "lists"); }

Reply read_list(Api& api, const Call& call) {
  Json row = one_row(api.ask(Ask::bulk_one, {number(call)}), "there is no list with this number");
  hide_personal(api, call, row);
  return {row};
}

Reply approve(Api& api, const Call& call) {
  Json row = api.ask(Ask::bulk_approve, {number(call), call.caller.name})[0];
  api.context().scheduler.wake();
  return {row};
}
Reply reject(Api& api, const Call& call) { return {api.ask(Ask::bulk_reject, {number(call), call.caller.name, call.text("reason")})[0]}; }
Reply undo(Api& api, const Call& call) { return {api.ask(Ask::bulk_undo, {number(call), call.caller.name, call.text("reason")})[0]}; }

}  // namespace

void add_bulk_routes(std::vector<Route>& routes) {
  const BodyField reason{"reason", "string", "why, for the audit", true};
  const BodyField lines{"lines", "array",
                        "as in a list: id is its own in the source, other names are fields of the event; each cell a text, a figure, or yes and no", true,
                        "{ event: text, key: text, at?: text, id: text, source?: text, ... }"},
      source{"source", "string", "of lines that name none; the file's name if not given"}, file{"file", "string", "name of the list"};
  routes.push_back({"POST", "/v1/bulk/plan", "events", "What would become of each line of a list; nothing is written", {}, {lines, source, file}, plan});
  routes.push_back({"POST",
                    "/v1/bulk",
                    "events",
                    "Post the events of a list in one transaction, refused lines left out; 202 where a second person has to agree",
                    {},
                    {lines, reason, source, file},
                    post,
                    false,
                    false,
                    {{202, "somebody else has to agree"}}});
  routes.push_back(
      {"GET", "/v1/bulk", "read", "Lists of events, newest first", {{"before", "`next` of the page before"}, {"limit", "how many at most"}}, {}, lists});
  routes.push_back({"GET", "/v1/bulk/{bulk}", "read", "One of them, with its events", {}, {}, read_list});
  routes.push_back({"POST", "/v1/bulk/{bulk}/approve", "approve", "Agree to the list of somebody else", {}, {}, approve});
  routes.push_back({"POST", "/v1/bulk/{bulk}/reject", "approve", "Turn a list down", {}, {reason}, reject});
  routes.push_back(
      {"POST", "/v1/bulk/{bulk}/undo", "events", "Take back the events of a list that no step has read; says what had been acted on", {}, {reason}, undo});
}

}  // namespace dunlin::server

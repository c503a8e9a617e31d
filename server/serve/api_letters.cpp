// The letter that a task bears, over HTTP.
#include "server/serve/api.h"
#include "server/serve/letters.h"

namespace dunlin::server {

namespace {

using store::Ask;

Reply read_letter(Api& api, const Call& call) {
  // Who prints and sends letters works; who reads them, reads.
  if (!call.caller.may("read") && !call.caller.may("work")) throw Problem{403, "this needs the right `read` or `work`", "your role is " + call.caller.role, ""};
  const std::string format = call.asked("format").value_or("");
  if (!format.empty() && format != "json") throw Problem{422, "`format` is json, or left out", "", ""};
  const Json rows = api.ask(Ask::letter, {call.path.at("task"), call.caller.may("personal") ? "true" : "false"});
  if (rows.empty()) throw Problem{404, "there is no task with this id", "", ""};
  if (rows[0]["body"].is_null()) throw Problem{404, "this task bears no letter", "its queue has no templates, or had none when the task was made", ""};
  if (format == "json") return {rows[0]};
  const bool html = rows[0]["format"] == "html";
  return {.body = rows[0]["body"], .content_type = html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8"};
}

}  // namespace

void point_to_letters(Json& rows) {
  if (rows.is_array()) {
    for (Json& row : rows) point_to_letters(row);
    return;
  }
  if (!rows.is_object()) return;
  const auto fields = rows.find("fields");
  if (fields == rows.end() || !fields->is_object()) return;
  const auto letter = fields->find("letter");
  if (letter == fields->end() || !letter->is_string()) return;
  const Json form = Json::parse(letter->get<std::string>(), nullptr, false);
  if (!form.is_object() || !form.contains("key")) return;
  if (!rows.contains("task")) {
    *letter = Json{{"template", form.value("name", "")}};  // a row of a register: the form has values in it
    return;
  }
  *letter = Json{{"template", form.value("name", "")}, {"href", "/v1/tasks/" + rows["task"].get<std::string>() + "/letter"}};
}

void add_letter_routes(std::vector<Route>& routes) {
  routes.push_back({"GET",
                    "/v1/tasks/{task}/letter",
                    "",
                    "The letter that a task bears, open or ended, as it was written; personal data is masked for those who may not see it",
                    {{"format", "json: with its name, subject and format; else the text or page itself"}},
                    {},
                    read_letter});
}

}  // namespace dunlin::server

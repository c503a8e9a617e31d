#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <regex>

#include "server/desk_answer.h"
#include "server/desk_part.h"
#include "server/output/terminal.h"
#include "server/queue_verbs.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using Desk = store::QueueDesk;

/// What all verbs take; each uses some of it.
struct Verb {
  CommonOptions common;
  StoreOptions store;
  std::string queue, task, over_word, other, worker, outcome, payload, epoch, lasting, at, not_before, reason, id, who;
  std::vector<std::string> fields;
  int64_t n = 1;
  bool masked = false;
};

bool is_id(const std::string& word) {
  static const std::regex form("[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}");
  return std::regex_match(word, form);
}

/// A verb about tasks: what is no id at all is told as an id that nobody has.
template <auto act>
int of_task(const Verb& verb, Desk& desk) {
  for (const std::string* id : {&verb.task, &verb.other}) {
    if (!id->empty() && !is_id(*id)) {
      return fail(verb.common, Exit::input, fmt::format("there is no task `{}`", printable(*id)), "dunlin queue NAME --json shows the ids");
    }
  }
  return act(verb, desk);
}

Desk::Text doer(const Verb& verb) { return doer_or_login(verb.who); }
int show(const Verb& verb, const store::Result<std::string>& answer, const std::vector<std::string>& columns, const std::string& otherwise) {
  return show_rows(verb.common, answer, columns, otherwise);
}

/// `--field amount=50` as JSON: numbers, true, false and null as such, everything else as text. Nullopt: not name=value.
std::optional<std::string> payload_of(const Verb& verb) {
  if (!verb.payload.empty()) return verb.payload;
  Json body = Json::object();
  for (const std::string& field : verb.fields) {
    const size_t sign = field.find('=');
    if (sign == 0 || sign == std::string::npos) return std::nullopt;
    const std::string text = field.substr(sign + 1);
    Json value = Json::parse(text, nullptr, false);
    body[field.substr(0, sign)] = value.is_number() || value.is_boolean() || value.is_null() ? value : Json(text);
  }
  return body.dump();
}

int lease(const Verb& verb, Desk& desk) {
  return show(verb, desk.lease(verb.queue, verb.worker, verb.n, given(verb.lasting), given(verb.at)),
              {"task", "epoch", "key", "debtor", "treatment", "priority", "lease_until", "fields"}, "nothing to hand out");
}

int complete(const Verb& verb, Desk& desk) {
  const auto payload = payload_of(verb);
  if (!payload) return fail(verb.common, Exit::usage, "--field takes NAME=VALUE", "for example --field amount=50 --field due=2026-12-24");
  return show(verb, desk.complete(verb.task, given(verb.epoch), given(verb.outcome), payload, given(verb.id), given(verb.at)), {"result"}, "");
}

int release(const Verb& verb, Desk& desk) {
  return show(verb, desk.release(verb.task, given(verb.epoch), given(verb.not_before), given(verb.reason)), {"result"}, "");
}

int why(const Verb& verb, Desk& desk) {
  if (!verb.over_word.empty() && (verb.over_word != "over" || verb.other.empty())) {
    return fail(verb.common, Exit::usage, "say `why TASK over TASK`", "dunlin queue why --help shows an example");
  }
  std::vector<std::string> columns = {"what", "this"};
  if (!verb.other.empty()) columns.insert(columns.end(), {"other", "decides"});
  return show(verb, desk.why(verb.task, given(verb.other)), columns, "");
}

int letter(const Verb& verb, Desk& desk) {
  const auto answer = desk.letter(verb.task, !verb.masked);
  if (!answer || verb.common.json) return show(verb, answer, {"name", "subject", "format", "body"}, "this task bears no letter");
  const Json rows = Json::parse(*answer);
  if (rows.empty()) return fail(verb.common, Exit::input, "there is no such task, or it bears no letter", "dunlin queue NAME --json shows the ids");
  if (rows[0]["subject"].is_string()) fmt::print("subject: {}\n\n", printable(rows[0]["subject"].get<std::string>()));
  const std::string body = rows[0]["body"].get<std::string>();
  fmt::print("{}{}", body, body.ends_with('\n') ? "" : "\n");
  return 0;
}

void add_worker_verbs(CLI::App& queue, Chosen& chosen) {
  auto verb = std::make_shared<Verb>();
  auto* sub = add_desk_part<Verb>(queue, chosen, verb, "lease", "Take tasks of a queue for a worker", "dunlin queue lease call --worker anna --n 5", lease);
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("--worker", verb->worker, "Who takes them")->required();
  sub->add_option("--n", verb->n, "Most tasks")->check(CLI::Range(int64_t{1}, int64_t{1000}))->capture_default_str();
  sub->add_option("--lasting", verb->lasting, "How long the lease lasts, e.g. '30 minutes'; else the queue's");
  sub->add_option("--at", verb->at, "Business time, for systems on a virtual clock");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "complete", "End a leased task with its outcome",
                            "dunlin queue complete ddff4797-0264-723f-f510-38ea366b23e6 promise --field amount=50 --field due=2026-12-24", of_task<complete>);
  sub->add_option("TASK", verb->task, "Id of the task")->required();
  sub->add_option("OUTCOME", verb->outcome, "Outcome; none for a queue without outcomes");
  sub->add_option("--field", verb->fields, "A field of the outcome, NAME=VALUE");
  sub->add_option("--payload", verb->payload, "All fields as JSON instead");
  sub->add_option("--epoch", verb->epoch, "The lease; else the one that holds it now");
  sub->add_option("--id", verb->id, "Id of this outcome where it comes from");
  sub->add_option("--at", verb->at, "When it happened, if not now");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "release", "Give a task back untouched",
                            "dunlin queue release ddff4797-0264-723f-f510-38ea366b23e6 --not-before '2026-12-01 09:00+01' --reason 'asked for later'",
                            of_task<release>);
  sub->add_option("TASK", verb->task, "Id of the task")->required();
  sub->add_option("--epoch", verb->epoch, "The lease; else the one that holds it now");
  sub->add_option("--not-before", verb->not_before, "Not again before this instant");
  sub->add_option("--reason", verb->reason, "Why");
}

void add_supervisor_verbs(CLI::App& queue, Chosen& chosen) {
  auto verb = std::make_shared<Verb>();
  auto* sub = add_desk_part<Verb>(queue, chosen, verb, "pause", "Hand nothing out of a queue", "dunlin queue pause call --reason 'the dialler is broken'",
                                  [](const Verb& v, Desk& desk) { return show(v, desk.pause(v.queue, v.reason, doer(v)), {}, v.queue + " is paused"); });
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "resume", "Hand out again", "dunlin queue resume call",
                            [](const Verb& v, Desk& desk) { return show(v, desk.resume(v.queue, doer(v)), {}, v.queue + " is handed out again"); });
  sub->add_option("QUEUE", verb->queue, "Queue")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "redrive", "Put dead letters back into line", "dunlin queue redrive call",
                            of_task<[](const Verb& v, Desk& desk) { return show(v, desk.redrive(given(v.queue), given(v.task), doer(v)), {"tasks"}, ""); }>);
  sub->add_option("QUEUE", verb->queue, "All of this queue");
  sub->add_option("--task", verb->task, "Only this one, instead of a queue");
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "withdraw", "Take a task out of its queue",
                            "dunlin queue withdraw ddff4797-0264-723f-f510-38ea366b23e6 --reason 'double'",
                            of_task<[](const Verb& v, Desk& desk) { return show(v, desk.withdraw(v.task, v.reason, doer(v)), {"result"}, ""); }>);
  sub->add_option("TASK", verb->task, "Id of the task")->required();
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(
      queue, chosen, verb, "reassign", "Let only this worker have a task",
      "dunlin queue reassign ddff4797-0264-723f-f510-38ea366b23e6 --to bert --reason 'speaks her language'",
      of_task<[](const Verb& v, Desk& desk) { return show(v, desk.reassign(v.task, given(v.worker), v.reason, doer(v)), {"result"}, ""); }>);
  sub->add_option("TASK", verb->task, "Id of the task")->required();
  sub->add_option("--to", verb->worker, "The worker; without one anybody may have it");
  sub->add_option("--reason", verb->reason, "Why, for the audit")->required();
  sub->add_option("--who", verb->who, "Who does it, for the audit");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "why", "Explain a task's place in the order, or why one goes before another",
                            "dunlin queue why ddff4797-0264-723f-f510-38ea366b23e6 over 7ad5db3c-2525-5748-adc7-32afd5229d55", of_task<why>);
  sub->add_option("TASK", verb->task, "Id of the task")->required();
  sub->add_option("over", verb->over_word, "The word `over`");
  sub->add_option("OTHER", verb->other, "Id of the other task");

  verb = std::make_shared<Verb>();
  sub = add_desk_part<Verb>(queue, chosen, verb, "letter-of", "Show the letter that a task bears, as it was written",
                            "dunlin queue letter-of ddff4797-0264-723f-f510-38ea366b23e6 --masked", of_task<letter>);
  sub->add_option("TASK", verb->task, "Id of the task, open or ended")->required();
  sub->add_flag("--masked", verb->masked, "As those read it who may not see personal data");
}

}  // namespace

void add_queue_verbs(CLI::App& queue, Chosen& chosen) {
  add_worker_verbs(queue, chosen);
  add_supervisor_verbs(queue, chosen);
  add_account_verbs(queue, chosen);
}

}  // namespace dunlin::server

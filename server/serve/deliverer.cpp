#include "server/serve/deliverer.h"

#include <fmt/format.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <random>

#include "server/serve/instant.h"
#include "server/serve/log.h"
#include "server/serve/personal.h"
#include "server/serve/signature.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

constexpr int under_way_max = 200;
constexpr int64_t pause_max_ms = 3'600'000;

/// After the nth try: twice as long as before, up to an hour, and a fifth more or less so that not all come back at once.
int64_t pause_ms(int64_t first, int tries) {
  thread_local std::mt19937 random{std::random_device{}()};
  const int64_t whole = std::min(pause_max_ms, first << std::min(tries - 1, 20));
  return std::uniform_int_distribution<int64_t>(whole * 4 / 5, whole * 6 / 5)(random);
}

std::string text_of(const Json& row, const char* name) { return row[name].get<std::string>(); }

}  // namespace

http::Destinations webhook_destinations(const ServeConfig& config) {
  http::Destinations allowed{.hosts = {}, .plain = config.webhook_plain};
  std::string entry;
  for (const char c : config.webhook_hosts + ",") {
    if (c != ',') {
      if (c != ' ') entry += c;
    } else if (!entry.empty()) {
      allowed.hosts.push_back(std::exchange(entry, ""));
    }
  }
  return allowed;
}

Deliverer::Deliverer(store::Service& service, Scheduler& scheduler, const ServeConfig& config) : service_(service), scheduler_(scheduler), config_(config) {}

void Deliverer::start() {
  if (config_.webhook_key.empty()) return;
  client_ = std::make_unique<http::HttpClient>(
      http::ClientOptions{.allowed = webhook_destinations(config_), .seconds = config_.webhook_seconds, .authorities_file = config_.webhook_authorities});
  thread_ = std::thread([this] { run(); });
}

void Deliverer::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
  client_.reset();
}

void Deliverer::run() {
  int failures = 0;
  for (;;) {
    std::vector<Sent> answered;
    {
      std::unique_lock lock(guard_);
      const auto pause = std::chrono::milliseconds(failures == 0 ? config_.poll_ms : std::min<int64_t>(30'000, 100LL << std::min(failures, 9)));
      woken_.wait_for(lock, pause, [this] { return stop_ || !answered_.empty(); });
      if (stop_) return;
      answered.swap(answered_);
    }
    for (const Sent& sent : answered) settle(sent);
    failures = look() ? 0 : failures + 1;
  }
}

bool Deliverer::ask(Ask what, const store::Parameters& parameters, Json& rows) {
  auto answer = service_.ask(what, parameters);
  if (!answer) {
    // A queue that went with its bundle, a conflict with a step: what is asked here is asked again. The database away: longer and longer pauses.
    log::write(log::Level::warn, "webhooks wait", {{"reason", answer.error().message}});
    return answer.error().kind != store::ServiceError::Kind::unavailable;
  }
  rows = Json::parse(*answer);
  return true;
}

bool Deliverer::look() {
  Json hooks = Json::array(), due = Json::array(), ignored;
  if (!ask(Ask::webhooks_to_fill, {}, hooks)) return false;
  for (const Json& hook : hooks) {
    if (!ask(Ask::fill_outbox, {hook["id"].dump(), precise_text(scheduler_.now())}, ignored)) return false;
  }
  const int room = under_way_max - under_way_;
  if (hooks.empty() || room <= 0) return true;
  // Back in line if this process ends before it settles them: after the longest try.
  if (!ask(Ask::claim_deliveries, {std::to_string(room), std::to_string(2 * config_.webhook_seconds + 5)}, due)) return false;
  for (const Json& row : due) {
    Json kept = Json::array();
    if (!ask(Ask::keep_for_delivery, {text_of(row, "id")}, kept)) return false;
    if (!kept.empty() && kept[0]["kept"] == true) send(row);
  }
  return true;
}

void Deliverer::send(const Json& row) {
  const std::string delivery = text_of(row, "id"), webhook = text_of(row, "name");
  const int tries = row["tries"].get<int>();
  Json body = row["body"];
  body["delivery"] = delivery;
  // A letter is masked where it was written; it goes whole only to whom it was written for.
  Json document = body.contains("document") ? body["document"] : Json();
  body.erase("document");
  if (document.is_object()) {
    const bool clear = document.value("clear", true);
    document.erase("clear");
    if (clear && row["personal"] != true) {
      document["text"] = masked;
      if (document.contains("subject")) document["subject"] = masked;
    }
  }
  if (row["personal"] != true) {
    const auto active = scheduler_.active();
    // Without a version nobody knows what is personal.
    if (active) {
      mask(body, active->personal());
    } else {
      body["fields"] = masked;
    }
  }
  if (!document.is_null()) body["document"] = std::move(document);
  http::Outgoing request{.method = "POST", .url = text_of(row, "url"), .body = body.dump(-1, ' ', false, Json::error_handler_t::replace), .headers = {}};
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const std::string secret = webhook_secret(config_.webhook_key, row["hook"].get<int64_t>(), row["generation"].get<int64_t>());
  request.headers = {{"Content-Type", "application/json"},
                     {"Dunlin-Delivery", delivery},
                     {"Dunlin-Try", std::to_string(tries)},
                     {"Dunlin-Signature", webhook_signature(secret, now, delivery, request.body)}};
  ++under_way_;
  client_->send(std::move(request), [this, delivery, webhook, tries](std::expected<http::Answer, http::SendError> answer) {
    --under_way_;
    {
      const std::lock_guard lock(guard_);
      answered_.push_back({delivery, webhook, tries, std::move(answer)});
    }
    woken_.notify_all();
  });
}

void Deliverer::settle(const Sent& sent) {
  Json rows = Json::array();
  if (sent.answer && sent.answer->status >= 200 && sent.answer->status < 300) {
    if (!ask(Ask::delivered, {sent.delivery, std::to_string(sent.answer->status)}, rows)) return;  // it is sent again; its id tells
    log::write(log::Level::debug, "delivered", {{"webhook", sent.webhook}, {"delivery", sent.delivery}, {"try", std::to_string(sent.tries)}});
    return;
  }
  const std::string why = sent.answer ? fmt::format("it answered {}", sent.answer->status) : sent.answer.error().message;
  // A plain refusal did nothing; a broken connection or a mistake inside the receiver may have.
  const bool maybe_sent = sent.answer ? sent.answer->status >= 500 : sent.answer.error().maybe_sent;
  int64_t pause = pause_ms(config_.webhook_retry_ms, sent.tries);
  if (sent.answer) pause = std::max(pause, std::min<int64_t>(pause_max_ms, sent.answer->retry_after_seconds * 1000LL));
  const std::optional<std::string> status = sent.answer ? std::optional(std::to_string(sent.answer->status)) : std::nullopt;
  if (!ask(Ask::delivery_failed, {sent.delivery, status, why, maybe_sent ? "true" : "false", std::to_string(pause)}, rows) || rows.empty()) return;
  const bool dead = rows[0]["status"] == "dead";
  log::write(dead ? log::Level::error : log::Level::warn,
             dead ? "a webhook gave up; the task is a dead letter" : "a webhook could not be reached; trying again",
             {{"webhook", sent.webhook}, {"delivery", sent.delivery}, {"try", std::to_string(sent.tries)}, {"reason", why}});
}

}  // namespace dunlin::server

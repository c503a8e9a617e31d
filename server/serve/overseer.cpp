#include "server/serve/overseer.h"

#include <chrono>
#include <nlohmann/json.hpp>

#include "server/serve/clock_watch.h"
#include "server/serve/instant.h"
#include "server/serve/log.h"

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;
using store::Ask;
constexpr std::chrono::seconds between_looks{5};

std::string text(const Json& value) { return value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

void Overseer::start() {
  thread_ = std::thread([this] { run(); });
}

void Overseer::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Overseer::run() {
  for (;;) {
    const std::string at = precise_text(scheduler_.now());
    look_at_feeds(at);
    // By a clock that has jumped no campaign is begun or ended; the scheduler looks at it before its first pass.
    if (scheduler_.totals().passes > 0 && unconfirmed_jump() == 0) release(at);
    forget();
    std::unique_lock lock(guard_);
    if (woken_.wait_for(lock, between_looks, [this] { return stop_; })) return;
  }
}

void Overseer::look_at_feeds(const std::string& at) {
  auto answer = service_.ask(Ask::feed_status, {at});
  if (!answer) return;  // the scheduler says that the database is away
  for (const Json& row : Json::parse(*answer)) {
    const std::string feed = text(row["feed"]), state = text(row["state"]);
    std::string& before = states_[feed];
    if (before == state) continue;
    if (state.starts_with("late")) {
      log::write(log::Level::warn, "a feed is late",
                 {{"feed", feed}, {"day", text(row["expected"])}, {"due", text(row["due"])}, {"holds", text(row["holds"])}});
    } else if (before.starts_with("late")) {
      log::write(log::Level::info, "a feed is late no more", {{"feed", feed}, {"day", text(row["expected"])}, {"state", state}});
    }
    before = state;
  }
}

void Overseer::release(const std::string& at) {
  auto answer = service_.ask(Ask::campaign_release, {at});
  if (!answer) {
    if (answer.error().kind != store::ServiceError::Kind::unavailable)
      log::write(log::Level::error, "the tasks of campaigns could not be made", {{"reason", answer.error().message}});
    return;
  }
  bool any = false;
  for (const Json& row : Json::parse(*answer)) {
    if (row["released"] == 0) continue;
    any = true;
    log::write(log::Level::info, "campaign tasks made", {{"campaign", text(row["name"])}, {"tasks", text(row["released"])}, {"waiting", text(row["waiting"])}});
  }
  if (any) scheduler_.wake();
}

/// Months that need not be kept any more, looked for once an hour. Which ones is the database's word: a machine's clock may be wrong, and what is gone is gone.
void Overseer::forget() {
  const auto now = std::chrono::steady_clock::now();
  if (keep_months_ == 0 || (forgot_ != std::chrono::steady_clock::time_point{} && now - forgot_ < std::chrono::hours(1))) return;
  forgot_ = now;
  // A connection of its own: giving up years takes longer than a request may. What an hour is not enough for is said in the log; `dunlin history forget` has no
  // end.
  auto history = store::Service::open(history_, 1, 3'600'000);
  if (!history) return;  // the scheduler says that the database is away
  const std::string months = std::to_string(keep_months_);
  auto answer = (*history)->ask(Ask::history_forget, {std::nullopt, months, "dunlin serve", "history.keep_months = " + months});
  if (!answer) {
    if (answer.error().kind != store::ServiceError::Kind::unavailable)
      log::write(log::Level::error, "history could not be given up", {{"reason", answer.error().message}});
    return;
  }
  for (const Json& row : Json::parse(*answer))
    log::write(log::Level::info, "history given up", {{"what", text(row["what"])}, {"rows", text(row["rows_gone"])}});
}

}  // namespace dunlin::server

#include "server/serve/live.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/serve/log.h"

namespace dunlin::server {

namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using Json = nlohmann::ordered_json;

constexpr auto look_at_least_every = 1s;
constexpr auto look_at_most_every = 100ms;
constexpr auto check_callers_every = 5s;

}  // namespace

Live::Live(store::Service& service, Scheduler& scheduler, const ServeConfig& config, store::PostgresOptions database)
    : service_(service), scheduler_(scheduler), config_(config), database_(std::move(database)) {}

Live::~Live() { stop(); }

void Live::start() {
  auto opened = store::Listener::open(database_);
  if (opened) {
    listener_ = std::move(*opened);
    listening_ = std::thread([this] { listen(); });
  } else {
    log::write(log::Level::warn, "announcements of other nodes are not heard; this one looks for itself", {{"reason", opened.error().message}});
  }
  looking_ = std::thread([this] { run(); });
}

void Live::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (listener_) listener_->interrupt();
  if (listening_.joinable()) listening_.join();
  if (looking_.joinable()) looking_.join();
}

std::string Live::refusal(const std::string& name) const {
  const std::lock_guard lock(guard_);
  if (readers_.size() >= static_cast<size_t>(config_.streams_max)) return "as many streams are open as this server takes";
  const auto mine = std::ranges::count_if(readers_, [&](const auto& reader) { return reader->name == name && reader->outlet->open(); });
  if (mine >= config_.streams_of_client) return fmt::format("{} streams are open with this token already", mine);
  return "";
}

void Live::add(StreamReader reader) {
  {
    const std::lock_guard lock(guard_);
    // Asked before by refusal(); counted here, so that many at once get no more than one after the other.
    const auto mine = std::ranges::count_if(readers_, [&](const auto& other) { return other->name == reader.name && other->outlet->open(); });
    if (readers_.size() >= static_cast<size_t>(config_.streams_max) || mine >= config_.streams_of_client) {
      reader.outlet->end("too many streams are open");
      return;
    }
    readers_.push_back(std::make_shared<StreamReader>(std::move(reader)));
    touched_ = true;
  }
  woken_.notify_all();
}

void Live::touch() {
  {
    const std::lock_guard lock(guard_);
    touched_ = true;
  }
  woken_.notify_all();
}

void Live::stepped() {
  {
    const std::lock_guard lock(guard_);
    touched_ = stepped_ = true;
  }
  woken_.notify_all();
}

/// Hears of switches of versions, of events that somebody told the database, and of what other nodes step.
void Live::listen() {
  auto pause = 1s;
  for (;;) {
    auto kinds = listener_->wait(1s);
    std::unique_lock lock(guard_);
    if (stop_) return;
    if (!kinds) {
      // The scheduler says in the log that the database is away.
      if (woken_.wait_for(lock, pause, [this] { return stop_; })) return;
      pause = std::min(pause * 2, std::chrono::seconds(30));
      continue;
    }
    pause = 1s;
    if (kinds->empty()) continue;
    // What an event does is said by the step that takes it in: before, there is nothing to show.
    touched_ = touched_ || std::ranges::any_of(*kinds, [](const std::string& kind) { return kind != "event"; });
    lock.unlock();
    woken_.notify_all();
    if (std::ranges::find(*kinds, "event") != kinds->end()) scheduler_.hear();
    if (on_candidate && std::ranges::find(*kinds, "candidate") != kinds->end()) on_candidate();
    if (std::ranges::find(*kinds, "version") != kinds->end()) scheduler_.wake();
  }
}

void Live::run() {
  for (;;) {
    bool announce = false;
    {
      std::unique_lock lock(guard_);
      const auto call = [this] { return stop_ || stepped_ || (touched_ && !readers_.empty()); };
      if (readers_.empty()) {
        woken_.wait(lock, call);
      } else {
        woken_.wait_for(lock, look_at_least_every, call);
      }
      if (stop_) return;
      announce = std::exchange(stepped_, false);
      touched_ = false;
    }
    // It may fail: whoever wants to know looks all the same.
    if (announce) (void)service_.ask(store::Ask::announce_step);
    const auto begin = Clock::now();
    look();
    // Never more than a tenth of the time: counting a large portfolio's tasks is not free.
    const auto rest = std::max<Clock::duration>(look_at_most_every, 9 * (Clock::now() - begin));
    std::unique_lock lock(guard_);
    if (woken_.wait_for(lock, rest, [this] { return stop_; })) return;
  }
}

Live::Picture Live::picture(const std::string& scope) {
  Picture picture;
  const auto answers = service_.ask_all({{store::Ask::live_version, {}}, {store::Ask::live_queues, {}}}, scope);
  picture["database"] = {"database", answers ? R"({"there":true})" : R"({"there":false})"};
  if (!answers) return picture;
  const Json versions = Json::parse((*answers)[0]), queues = Json::parse((*answers)[1]);
  Json version{{"version", 0}, {"bundle", nullptr}};
  if (!versions.empty()) version = versions[0];
  version["in_use"] = scheduler_.totals().version;  // on this node
  picture["version"] = {"version", version.dump()};
  for (const Json& queue : queues) picture["queue " + queue["queue"].get<std::string>()] = {"queue", queue.dump()};
  return picture;
}

void Live::tell(StreamReader& reader, const Picture& picture) {
  for (const auto& [about, said] : picture) {
    if (about.starts_with("queue ") && !reader.queues.empty() && !reader.queues.contains(about.substr(6))) continue;
    auto& told = reader.told[about];
    if (told == said.second) continue;
    if (!reader.outlet->push(said.first, said.second)) return;
    told = said.second;
  }
}

void Live::look() {
  std::vector<std::shared_ptr<StreamReader>> readers;
  {
    const std::lock_guard lock(guard_);
    std::erase_if(readers_, [](const auto& reader) { return !reader->outlet->open(); });
    readers = readers_;
  }
  if (readers.empty()) return;
  if (Clock::now() - checked_ > check_callers_every) {
    checked_ = Clock::now();
    for (const auto& reader : readers) {
      if (!reader->still_may()) reader->outlet->end("the token is not good any more");
    }
  }
  std::map<std::string, Picture> seen;
  for (const auto& reader : readers) {
    if (!reader->outlet->open()) continue;
    auto [at, first] = seen.try_emplace(reader->scope);
    if (first) at->second = picture(reader->scope);
    tell(*reader, at->second);
  }
}

}  // namespace dunlin::server

#include "server/serve/ahead.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>

#include "server/give_way.h"
#include "server/serve/log.h"
#include "server/serve/scheduler.h"

namespace dunlin::server {

namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;
using store::Ask;

}  // namespace

Ahead::Ahead(store::Service& service, const ServeConfig& config, std::filesystem::path stdlib)
    : service_(service), config_(config), stdlib_(std::move(stdlib)) {}

Ahead::~Ahead() { stop(); }

void Ahead::start() {
  thread_ = std::thread([this] { run(); });
}

void Ahead::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Ahead::wake() {
  {
    const std::lock_guard lock(guard_);
    look_ = true;
  }
  woken_.notify_all();
}

void Ahead::run() {
  give_way_from_here();
  for (;;) {
    {
      std::unique_lock lock(guard_);
      woken_.wait_for(lock, 1s, [this] { return stop_ || look_; });
      if (stop_) return;
      look_ = false;
    }
    look();
  }
}

std::unique_ptr<Runner> Ahead::take(const std::string& content_hash) {
  const std::lock_guard lock(guard_);
  if (!compiled_ || compiled_->program().content_hash != content_hash) return nullptr;
  return std::move(compiled_);
}

void Ahead::look() {
  const std::string node = node_name(config_);
  // Where the database does not answer, whoever wants the switch finds that too.
  const auto rows = service_.ask(Ask::candidates_for, {node});
  if (!rows) return;
  for (const Json& row : Json::parse(*rows)) {
    const auto begin = std::chrono::steady_clock::now();
    const std::string hash = row["content_hash"].get<std::string>();
    const std::string trouble = compile(row["files"].dump());
    const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
    log::write(trouble.empty() ? log::Level::info : log::Level::error, trouble.empty() ? "a version is ready" : "a version cannot be run here",
               {{"hash", hash.substr(0, 12)}, {"reason", trouble}, {"compile_ms", fmt::format("{:.0f}", ms)}});
    (void)service_.ask(Ask::report_ready, {node, hash, trouble.empty() ? std::nullopt : std::optional(trouble)});
  }
}

/// Why it cannot be run here; empty: it can.
std::string Ahead::compile(const std::string& files) {
  BundleSources sources;
  for (const Json& file : Json::parse(files)) sources.files.push_back({file["path"].get<std::string>(), file["text"].get<std::string>()});
  auto bundle = check_files(std::move(sources), stdlib_);
  if (!bundle->program) {
    const auto& all = bundle->diagnostics.all();
    const auto first = std::ranges::find(all, Severity::error, &Diagnostic::severity);
    return "it does not pass the checks of this program" + (first == all.end() ? std::string() : ": " + first->message);
  }
  auto runner = make_runner(std::move(bundle), 0, true);
  if (!runner) return runner.error().message;
  std::unique_ptr<Runner> old;
  const std::lock_guard lock(guard_);
  old = std::exchange(compiled_, std::move(*runner));
  return "";
}

}  // namespace dunlin::server

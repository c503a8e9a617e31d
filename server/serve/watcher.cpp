#include "server/serve/watcher.h"

#include <fmt/format.h>

#include <algorithm>

#include "server/give_way.h"
#include "server/plan/all_ready.h"
#include "server/plan/second_person.h"
#include "server/serve/log.h"

namespace dunlin::server {

namespace {

using namespace std::chrono_literals;

/// Who the audit says it was.
constexpr const char* watcher_name = "serve --watch";

bool same(const std::optional<BundleSources>& left, const BundleSources& right) {
  return left && std::ranges::equal(left->files, right.files, [](const auto& a, const auto& b) { return a.path == b.path && a.text == b.text; });
}

}  // namespace

void Watcher::start() {
  if (context_.config.watch.empty()) return;
  thread_ = std::thread([this] { run(); });
}

void Watcher::stop() {
  {
    const std::lock_guard lock(guard_);
    stop_ = true;
  }
  woken_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Watcher::run() {
  give_way_from_here();
  for (;;) {
    look();
    std::unique_lock lock(guard_);
    const auto pause = failures_in_a_row_ == 0 ? 300ms : std::min(30'000ms, 300ms * (1 << std::min(failures_in_a_row_, 7)));
    if (woken_.wait_for(lock, pause, [this] { return stop_; })) return;
  }
}

void Watcher::look() {
  SourceMap sources;
  Diagnostics unreadable;
  BundleSources files = read_bundle(context_.config.watch, unreadable, sources);
  if (unreadable.has_errors()) files.files.clear();  // an empty folder is an error as well; told once
  if (same(settled_, files)) return;
  if (!same(seen_, files)) {
    seen_ = std::move(files);
    return;
  }
  if (files.files.empty()) {
    const auto& all = unreadable.all();
    log::write(log::Level::error, "the watched folder cannot be read; nothing was changed",
               {{"folder", context_.config.watch}, {"reason", all.empty() ? "there is no bundle in it" : all.front().message}});
    settled_ = std::move(files);
    return;
  }
  if (take(files) == Outcome::settled) {
    settled_ = std::move(files);
    failures_in_a_row_ = 0;
  } else {
    ++failures_in_a_row_;
  }
}

Watcher::Outcome Watcher::take(BundleSources files) {
  const std::string& folder = context_.config.watch;
  auto bundle = check_files(std::move(files), context_.stdlib, true);
  if (!bundle->program) {
    const auto& all = bundle->diagnostics.all();
    const auto first = std::ranges::find(all, Severity::error, &Diagnostic::severity);
    log::Fields fields{{"folder", folder}, {"help", fmt::format("mend it and save again; `dunlin check {}` shows everything that is wrong", folder)}};
    if (first != all.end()) {
      fields.emplace_back("reason", first->message);
      fields.emplace_back("code", first->code);
      fields.emplace_back("where", bundle->sources.locate(first->span));
    }
    log::write(log::Level::error, "the watched bundle has errors; nothing was changed", fields);
    return Outcome::settled;
  }
  const auto trouble = [&](const store::StoreError& error) {
    const bool wrong = error.kind == store::StoreError::Kind::input;
    log::write(wrong ? log::Level::error : log::Level::warn,
               wrong ? "the watched bundle does not fit the portfolio; nothing was changed" : "the watched bundle could not be planned; trying again",
               {{"folder", folder}, {"reason", error.message}});
    return wrong ? Outcome::settled : Outcome::again;
  };
  auto store = context_.open_store();
  if (!store) return trouble(store.error());
  auto whole = carrying(**store, std::move(bundle));
  if (!whole) return trouble(whole.error());
  auto next = make_runner(std::move(*whole), 0, true);
  if (!next) return trouble(next.error());
  auto proposal = make_proposal(**store, **next, {.at = context_.scheduler.now(), .portfolio = true, .progress = {}});
  if (!proposal) return trouble(proposal.error());
  if (proposal->same) {
    log::write(log::Level::info, "the watched bundle is the active version", {{"folder", folder}, {"version", std::to_string(proposal->active)}});
    return Outcome::settled;
  }
  if (const auto refusal = refusal_of(*proposal, false)) {
    log::write(log::Level::error, "the watched bundle is refused; nothing was changed",
               {{"folder", folder}, {"reason", refusal->message}, {"help", refusal->help}});
    return Outcome::settled;
  }
  if (!context_.config.watch_apply) {
    log::write(log::Level::info, "the watched bundle has changed and could become active",
               {{"folder", folder},
                {"plan", proposal_text(*proposal, false)},
                {"help", fmt::format("`dunlin apply {}` makes it active, and so does the setting bundles.watch_apply", folder)}});
    return Outcome::settled;
  }
  return make_active(**store, **next, *proposal);
}

Watcher::Outcome Watcher::make_active(store::Store& store, const Runner& next, const Proposal& proposal) {
  const std::string& folder = context_.config.watch;
  const Activator activator{.author = watcher_name, .origin = folder, .reason = "saved in the watched folder", .approver = ""};
  const auto failed = [&](const NotDone& why) {
    const bool wrong = why.kind == NotDone::Kind::input || why.kind == NotDone::Kind::not_allowed;
    log::write(log::Level::error, wrong ? "the watched bundle is refused; nothing was changed" : "the watched bundle could not become active; trying again",
               {{"folder", folder}, {"reason", why.message}, {"help", why.help}});
    return wrong ? Outcome::settled : Outcome::again;
  };
  auto asked = second_person_asked(context_.service);
  if (!asked) return failed(asked.error());
  if (*asked || context_.config.second_person) {
    auto id = propose(context_.service, next, proposal, activator, false);
    if (!id) return failed(id.error());
    log::write(log::Level::info, "the watched bundle waits for a second person",
               {{"folder", folder}, {"proposal", std::to_string(*id)}, {"help", fmt::format("dunlin proposal approve {}", *id)}});
    return Outcome::settled;
  }
  if (auto ready = all_nodes_ready(context_.service, next); !ready) return failed(ready.error());
  auto version = activate(store, next, proposal, activator);
  if (!version) return failed(not_done(version.error()));
  context_.scheduler.wake();
  log::write(log::Level::info, "the watched bundle is active", {{"folder", folder}, {"version", std::to_string(version->number)}});
  return Outcome::settled;
}

}  // namespace dunlin::server

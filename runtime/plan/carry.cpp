#include "runtime/plan/carry.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lang/sema/transfers.h"
#include "lang/service/kept.h"
#include "runtime/engine/state_codec.h"
#include "runtime/store/older_versions.h"

namespace dunlin::plan {

using checked::Index;
using checked::OnChange;
using store::StoreError;

namespace {

bool same_files(const BundleSources& a, const BundleSources& b) {
  const auto sorted = [](const BundleSources& sources) {
    std::map<std::string_view, std::string_view> files;
    for (const SourceFile& file : sources.files) files.emplace(file.path, file.text);
    return files;
  };
  return sorted(a) == sorted(b);
}

/// Strategies that say `pin`, themselves or one of their stages.
std::set<std::string> pinning(const checked::Program& program) {
  std::set<std::string> names;
  if (!program.transfers) return names;
  for (size_t s = 0; s < program.strategies.size(); ++s) {
    const checked::Strategy& strategy = program.strategies[s];
    if (checked::kept_at(program, static_cast<Index>(s)) != nullptr) continue;
    const bool stage = std::ranges::any_of(strategy.stages, [&](Index own) { return program.transfers->on_stage[static_cast<size_t>(own)] == OnChange::pin; });
    if (stage || program.transfers->strategies[s] == OnChange::pin) names.insert(strategy.name);
  }
  return names;
}

/// What is kept of one version.
struct Layer {
  int32_t text = 0;  // number of the version that it is written in
  std::set<std::string> strategies;
};
using Layers = std::map<int32_t, Layer>;  // by the number that instances know it by

class Carrying {
 public:
  Carrying(store::Store& store, const BundleSources& next, const checked::Program& program, const CheckOptions& options)
      : store_(store), own_(service::own_files(next)), options_(options), pinning_(pinning(program)) {
    options_.analyse = false;
  }

  store::Result<BundleSources> run() {
    auto versions = store_.versions();
    if (!versions) return std::unexpected(versions.error());
    int32_t active = 0;
    for (const auto& version : *versions) {
      if (version.active) active = version.number;
      last_ = std::max(last_, version.number);
    }
    if (active == 0) return own_;
    auto sources = store_.sources_of(active);
    if (!sources) return std::unexpected(sources.error());
    if (same_files(own_, service::own_files(*sources))) return sources;
    if (pinning_.empty()) return own_;
    if (auto kept = still_needed(*sources); !kept) return std::unexpected(kept.error());
    newly_needed(active, *sources);
    return with_layers();
  }

 private:
  /// What the active version carries along, as far as somebody stands in it.
  store::Result<void> still_needed(const BundleSources& active) {
    SourceMap texts;
    Diagnostics diagnostics;
    const auto program = check_bundle(active, texts, diagnostics, options_);
    if (!program) return {};  // stored by another build: it says nothing that could be kept
    auto carried = carried_by(store_, *program);
    if (!carried) return std::unexpected(carried.error());
    for (const Carried& one : *carried) {
      counts_[{one.version, one.strategy}] = one.count;
      if (one.version == 0 || one.count == 0 || !pinning_.contains(one.strategy)) continue;
      layers_[one.version].strategies.insert(one.strategy);
    }
    for (const SourceFile& file : active.files) {
      if (const auto layer = layers_.find(checked::kept_version(file.path)); layer != layers_.end()) layer->second.text = checked::kept_text_of(file.path);
    }
    return {};
  }

  /// What the active version says otherwise.
  void newly_needed(int32_t active, const BundleSources& sources) {
    const service::Keeper before(sources, options_), after(own_, options_);
    if (!before.good() || !after.good()) return;
    for (const std::string& strategy : pinning_) {
      if (!before.has(strategy) || before.text_of(strategy) == after.text_of(strategy)) continue;
      Layer& layer = layers_[last_];
      layer.text = active;
      layer.strategies.insert(strategy);
    }
  }

  store::Result<BundleSources> with_layers() {
    for (;;) {
      BundleSources whole = own_;
      for (const auto& [number, layer] : layers_) {
        auto sources = store_.sources_of(layer.text);
        if (!sources) return std::unexpected(sources.error());
        const service::Keeper keeper(*sources, options_);
        for (SourceFile& file : keeper.keep(number, layer.text, layer.strategies)) whole.files.push_back(std::move(file));
      }
      SourceMap texts;
      Diagnostics diagnostics;
      if (check_bundle(whole, texts, diagnostics, options_)) return whole;
      const auto wrong = std::ranges::find_if(diagnostics.all(), [&](const Diagnostic& one) {
        return one.severity == Severity::error && one.span.known() && checked::kept_version(texts.path(one.span.file)) != 0;
      });
      // Something else is wrong, and whoever checks the whole is told.
      if (wrong == diagnostics.all().end()) return whole;
      const int32_t number = checked::kept_version(texts.path(wrong->span.file));
      int64_t standing = 0;
      std::string names;
      for (const std::string& strategy : layers_[number].strategies) {
        standing += counts_[{number, strategy}] + (number == last_ ? counts_[{0, strategy}] : 0);
        names += (names.empty() ? "`" : ", `") + strategy + "`";
      }
      if (standing > 0) {
        return std::unexpected(StoreError{StoreError::Kind::input,
                                          fmt::format("{} instances are pinned to version {} of {}, which cannot go on beside this one: {} ({}); leave in the "
                                                      "bundle what they need, or let them over with `on change migrate`",
                                                      standing, number, names, wrong->message, texts.locate(wrong->span))});
      }
      layers_.erase(number);  // nobody is there
    }
  }

  store::Store& store_;
  BundleSources own_;
  CheckOptions options_;
  std::set<std::string> pinning_;
  int32_t last_ = 0;
  Layers layers_;
  std::map<std::pair<int32_t, std::string>, int64_t> counts_;  // by kept version (0: the active one itself), strategy
};

}  // namespace

store::Result<std::vector<Carried>> carried_by(store::Store& store, const checked::Program& program) {
  store::OlderVersions* older = store::older_versions_of(store);
  if (older == nullptr) return std::vector<Carried>{};
  auto standing = older->standing();
  if (!standing) return std::unexpected(standing.error());
  std::map<std::pair<std::string, int32_t>, int64_t> counts;
  if (program.transfers) {
    for (const checked::KeptStrategy& kept : program.transfers->kept) counts[{program.strategies[static_cast<size_t>(kept.strategy)].name, kept.version}] = 0;
  }
  for (const auto& row : *standing) {
    const Index stage = checked::stage_under(program, engine::stage_in(program, row.stage), row.version);
    if (stage < 0 || program.stages[static_cast<size_t>(stage)].is_final) continue;
    const Index strategy = program.stages[static_cast<size_t>(stage)].strategy;
    const checked::KeptStrategy* kept = checked::kept_at(program, strategy);
    counts[{program.strategies[static_cast<size_t>(strategy)].name, kept == nullptr ? 0 : kept->version}] += row.count;
  }
  std::vector<Carried> all;
  for (const auto& [key, count] : counts) all.push_back({key.first, key.second, count});
  return all;
}

store::Result<BundleSources> carry_along(store::Store& store, const BundleSources& next, const checked::Program& program, const CheckOptions& options) {
  return Carrying(store, next, program, options).run();
}

}  // namespace dunlin::plan

// Experiments whose accounts are the same, although they do not exclude each other by a layer.
#include "lang/sema/experiments.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/analysis/strategies.h"
#include "lang/sema/analysis/witness.h"

namespace dunlin::analysis {

namespace {

using checked::Experiment;

/// Different layers are drawn apart from each other, and whoever writes two of them means that. Without a layer, nobody has said anything.
bool may_meet(const Experiment& a, const Experiment& b) {
  if (a.kind == Experiment::Kind::holdout || b.kind == Experiment::Kind::holdout || a.entity != b.entity) return false;
  if (!a.layer.empty() && !b.layer.empty()) return false;
  return a.from <= b.to && b.from <= a.to;
}

bool same_champion(const Experiment& a, const Experiment& b) {
  const auto champion = [](const Experiment& one) { return one.arms[static_cast<size_t>(one.control)].strategy; };
  return a.kind == Experiment::Kind::strategies && b.kind == Experiment::Kind::strategies && champion(a) == champion(b);
}

/// Who is drawn at all: whoever the champion enrols. None: nobody has said, or more than one strategy enrols them.
checked::RootId enrolled_by(const checked::Program& program, const Experiment& one) {
  if (one.kind != Experiment::Kind::strategies || one.arms.empty()) return checked::none;
  const checked::Index champion = one.arms[static_cast<size_t>(one.control)].strategy;
  return champion == checked::none ? checked::none : program.strategies[static_cast<size_t>(champion)].enrol;
}

void report(const Experiment& a, const Experiment& b, const std::vector<std::pair<std::string, std::string>>& account, bool one_champion,
            Diagnostics& diagnostics) {
  auto& diagnostic = diagnostics.error("E0765", b.span,
                                       one_champion ? fmt::format("`{}` and `{}` try something on the same champion at the same time", a.name, b.name)
                                                    : fmt::format("`{}` and `{}` would have the same accounts, and no layer keeps them apart", a.name, b.name));
  diagnostic.label = "would have it too";
  diagnostic.notes.push_back({a.span, fmt::format("`{}` is here", a.name)});
  diagnostic.witness = account;
  diagnostic.help = "write the same `layer` in both: then nobody is in two of them; or `among` conditions that exclude each other";
}

}  // namespace

void check_populations(const checked::Program& program, Conditions& conditions, Diagnostics& diagnostics) {
  if (!program.trials) return;
  const auto& experiments = program.trials->experiments;
  for (size_t second = 0; second < experiments.size(); ++second) {
    for (size_t first = 0; first < second; ++first) {
      const Experiment &a = experiments[first], &b = experiments[second];
      const bool one_champion = same_champion(a, b) && a.layer != b.layer;
      if (!may_meet(a, b) && !(one_champion && a.from <= b.to && b.from <= a.to)) continue;
      std::vector<checked::RootId> both;
      for (const checked::RootId root : {a.among, b.among, enrolled_by(program, a), enrolled_by(program, b)}) {
        if (root != checked::none && std::find(both.begin(), both.end(), root) == both.end()) both.push_back(root);
      }
      if (both.empty()) {
        report(a, b, {}, one_champion, diagnostics);
        continue;
      }
      if (conditions.exclude_each_other(both)) continue;
      const auto witness = find_witness(program, {a.entity, both, {}});
      if (witness) {
        report(a, b, witness->text, one_champion, diagnostics);
      } else if (a.among == checked::none && b.among == checked::none) {
        report(a, b, {}, one_champion, diagnostics);  // nobody has said who is in it: the conditions of enrolment alone did not tell
      }
    }
  }
}

}  // namespace dunlin::analysis

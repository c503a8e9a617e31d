// Declarations of one version, ready to be paired with those of another.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "runtime/plan/canonical.h"
#include "runtime/plan/compare.h"
#include "runtime/plan/compare_rules.h"
#include "runtime/plan/written.h"

namespace dunlin::plan {

struct Declared {
  std::string name;   // what it is paired by; several of one name are told apart by what they mean, then by `shown`, then by their order
  std::string shown;  // where that is more than the name: with the dates of a version
  Meaning named = -1, expanded = -1;
  std::string text;  // for people
  Span span;
  checked::Index index = checked::none;
  const std::string& title() const { return shown.empty() ? name : shown; }
  bool means(const Declared& other) const { return named == other.named || expanded == other.expanded; }
};
using Group = std::vector<Declared>;

/// A version while it is compared.
struct Version {
  Version(const VersionView& view, Meanings& meanings)
      : view(view), named(meanings, view.program, names, Canon::Depth::named), expanded(meanings, view.program, names, Canon::Depth::expanded), written(view) {}
  const VersionView& view;
  DefinitionNames names;
  Canon named, expanded;
  Written written;
  const checked::Program& program() const { return view.program; }
  Reading reading() { return {view, named, expanded}; }
};

/// The declaration whose name stands there, on one line or by its lines, without comments and layout.
std::string as_written(const Version& version, Span name);
std::vector<std::string> lines_as_written(const Version& version, Span name);

/// `label` and `more` are what it says without expressions, `roots` its expressions.
Declared declared(Version& version, std::string name, Span span, checked::Index index, std::string label, const std::vector<checked::RootId>& roots,
                  const std::vector<Meaning>& more = {});

}  // namespace dunlin::plan

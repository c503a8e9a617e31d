#include "runtime/plan/declared.h"

namespace dunlin::plan {

Declared declared(Version& v, std::string name, Span span, checked::Index index, std::string label, const std::vector<checked::RootId>& roots,
                  const std::vector<Meaning>& more) {
  Declared one{.name = std::move(name), .text = one_line(v.view, span), .span = span, .index = index};
  std::vector<Meaning> named = more, expanded = more;
  for (const auto root : roots) {
    named.push_back(v.named.root(root));
    expanded.push_back(v.expanded.root(root));
  }
  one.named = v.named.of(label, std::move(named));
  one.expanded = v.expanded.of(std::move(label), std::move(expanded));
  return one;
}

}  // namespace dunlin::plan

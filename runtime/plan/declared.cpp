#include "runtime/plan/declared.h"

#include <algorithm>
#include <string_view>

namespace dunlin::plan {

std::string as_written(const Version& version, Span name) { return one_line(version.view, version.written.whole(name)); }

std::vector<std::string> lines_as_written(const Version& version, Span name) {
  const Span whole = version.written.whole(name);
  std::vector<std::string> lines;
  if (!whole.known()) return lines;
  const std::string_view text = version.view.sources.text(whole);
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const Span line{whole.file, whole.begin + static_cast<uint32_t>(at), whole.begin + static_cast<uint32_t>(end)};
    if (std::string said = one_line(version.view, line); !said.empty()) lines.push_back(std::move(said));
    at = end + 1;
  }
  return lines;
}

Declared declared(Version& v, std::string name, Span span, checked::Index index, std::string label, const std::vector<checked::RootId>& roots,
                  const std::vector<Meaning>& more) {
  Declared one{.name = std::move(name), .text = as_written(v, span), .span = span, .index = index};
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

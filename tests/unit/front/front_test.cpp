#include "tests/unit/front/front_test.h"

#include <fstream>
#include <sstream>

#include "lang/diag/render.h"
#include "lang/syntax/ast_dump.h"
#include "lang/syntax/parse.h"

namespace dunlin::front_test {

std::string tree(std::string_view text) {
  SourceMap sources;
  sources.add("test.dun", std::string(text));
  Diagnostics diagnostics;
  const ast::File file = parse_file(sources, 0, diagnostics);
  if (diagnostics.has_errors()) return "mistakes:\n" + render_text(diagnostics, sources);
  return dump(file);
}

std::string expression(std::string_view text) {
  SourceMap sources;
  sources.add("test.dun", std::string(text));
  Diagnostics diagnostics;
  const ast::ExprPtr found = parse_expression(sources, 0, diagnostics);
  if (diagnostics.has_errors()) return "mistakes:\n" + render_text(diagnostics, sources);
  return dump(*found);
}

std::vector<std::string> mistakes(std::string_view text) {
  SourceMap sources;
  sources.add("test.dun", std::string(text));
  Diagnostics diagnostics;
  parse_file(sources, 0, diagnostics);
  diagnostics.sort();
  std::vector<std::string> result;
  for (const Diagnostic& d : diagnostics.all()) result.push_back(d.code + "@" + std::to_string(sources.position(d.span.file, d.span.begin).line));
  return result;
}

std::string shown(std::string_view text) {
  SourceMap sources;
  sources.add("test.dun", std::string(text));
  Diagnostics diagnostics;
  parse_file(sources, 0, diagnostics);
  diagnostics.sort();
  return render_text(diagnostics, sources);
}

std::string file_text(const std::string& path) {
  std::ifstream in(std::string(DUNLIN_SOURCE_DIR) + "/" + path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace dunlin::front_test

// The only place that turns diagnostics into text or JSON.
#pragma once

#include <string>

#include "lang/diag/diagnostic.h"

namespace dunlin {

struct RenderOptions {
  bool color = false;
};

/// Text for people: `error[E0201]: message`, the place, the line underlined, notes, the witness, help.
std::string render_text(const Diagnostics& diagnostics, const SourceMap& sources, RenderOptions options = {});
/// A JSON object {"diagnostics": [...], "errors": n, "warnings": n, "left_out": n}. Lines and columns count from 1.
std::string render_json(const Diagnostics& diagnostics, const SourceMap& sources);

}  // namespace dunlin

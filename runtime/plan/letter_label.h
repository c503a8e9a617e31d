// What of a letter makes a difference, and how it reads with its placeholders.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "lang/diag/source.h"
#include "lang/sema/checked_letters.h"

namespace dunlin::plan {

/// Everything but the expressions: `letter_roots`, in the order of the text.
std::string letter_label(const checked::Program& program, const checked::Letter& letter);
std::vector<checked::RootId> letter_roots(const checked::Letter& letter);
/// The whole text, line by line, with placeholders and blocks as they are written; the subject first.
std::vector<std::string> letter_lines(const SourceMap& sources, const checked::Letter& letter);
/// The first lines in which two texts differ, and how many lines there are beyond them that do; a text that is over has an empty one.
struct LineChange {
  std::string before, after;
  size_t more = 0;
};
LineChange first_difference(const std::vector<std::string>& before, const std::vector<std::string>& after);

}  // namespace dunlin::plan

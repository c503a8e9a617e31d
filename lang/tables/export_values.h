// Constants of checked tables as text.
#pragma once

#include <string>

#include "lang/sema/checked.h"

namespace dunlin::tables {

/// Thrown where something has no form in the file that is written.
struct Unwritable {
  std::string reason;
};

bool is_words(const checked::Type& type);
/// Values without an order are listed one by one.
bool is_listed(const checked::Type& type);
/// All keys of a column, as in checked::Cell.
checked::Cell::Interval whole_domain(const checked::Program& program, const checked::Type& type);
/// A value by its key (see checked::Cell) as Dunlin writes it, without `_` between figures. Not for texts.
std::string value_text(const checked::Program& program, const checked::Type& type, int64_t key);
bool is_missing(const checked::TableOutput& output, const checked::Type& type);

}  // namespace dunlin::tables

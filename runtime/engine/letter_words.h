// A value as a letter writes it.
#pragma once

#include <string>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked_letters.h"

namespace dunlin::engine {

/// `slots`: a value of that type that is not missing. The same everywhere: it rests on the language's forms and the bundle's zone and currency alone.
/// In plain text blanks are ordinary ones, so that a message does not leave the alphabet of SMS for them.
std::string letter_words(const checked::Program& program, const checked::Type& type, const int64_t* slots, const checked::Letter& letter,
                         checked::LetterStyle style, const abi::Calendar& calendar);

}  // namespace dunlin::engine

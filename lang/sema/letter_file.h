// Which files of a bundle are letters.
#pragma once

#include <string_view>

namespace dunlin {

/// The words of a letter: a file .txt, .html or .htm in a folder `templates`, wherever that lies in the bundle.
bool is_letter_file(std::string_view path);

}  // namespace dunlin

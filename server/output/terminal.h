// What the other end of our output is, and text that is safe to show there.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace dunlin::server {

/// Standard output is a terminal that wants colour: it is one, TERM is not dumb, NO_COLOR is not set.
bool wants_color();
/// Standard error is a terminal.
bool errors_go_to_terminal();

enum class Style { plain, bold, dim, red, green, yellow, blue };
/// The text in a style, or as it is where colour is off.
std::string styled(std::string_view text, Style style, bool color);

/// Columns that a text takes on a terminal.
size_t display_width(std::string_view text);
/// Control characters (a file may hold escape sequences) replaced by a dot.
std::string printable(std::string_view text);

/// 1234567 -> "1,234,567".
std::string grouped(long long figure);

}  // namespace dunlin::server

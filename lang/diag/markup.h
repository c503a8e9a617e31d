// Text on its way into XML or HTML.
#pragma once

#include <string>
#include <string_view>

namespace dunlin {

/// Good between tags and between quotes of either kind; nothing of the text is lost.
std::string escape_markup(std::string_view text);
/// The same without control characters other than ends of lines and tabs: they have no place in XML.
std::string escape_xml(std::string_view text);

}  // namespace dunlin

#include "lang/diag/markup.h"

namespace dunlin {

namespace {

void add_escaped(std::string& out, char c) {
  switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    case '\'':
      out += "&#39;";
      break;
    default:
      out += c;
  }
}

}  // namespace

std::string escape_markup(std::string_view text) {
  std::string out;
  for (const char c : text) add_escaped(out, c);
  return out;
}

std::string escape_xml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') add_escaped(out, c);
  }
  return out;
}

}  // namespace dunlin

#include "tests/fuzz_bundles/alter.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <vector>

namespace dunlin::fuzz {

namespace {

enum class Word : uint8_t { name, figure, text, sign, line_end };
struct Piece {
  Word kind;
  size_t begin, end;
};

bool in_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

/// Good enough to change things by: comments are left out, a text is one piece.
std::vector<Piece> pieces_of(const std::string& text) {
  std::vector<Piece> pieces;
  for (size_t at = 0; at < text.size();) {
    const size_t begin = at;
    if (text.compare(at, 2, "//") == 0) {
      while (at < text.size() && text[at] != '\n') ++at;
      continue;
    }
    if (text[at] == '\n') {
      pieces.push_back({Word::line_end, at, at + 1});
      ++at;
    } else if (std::isspace(static_cast<unsigned char>(text[at])) != 0) {
      ++at;
    } else if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"' && text[at] != '\n'; ++at) at += text[at] == '\\' ? 1 : 0;
      at = std::min(at + 1, text.size());
      pieces.push_back({Word::text, begin, at});
    } else if (in_name(text[at])) {
      const bool figure = std::isdigit(static_cast<unsigned char>(text[at])) != 0;
      // Dates, times and decimals are one piece.
      const auto joins = [&] {
        return figure && (text[at] == '.' || text[at] == ':' || text[at] == '-') && at + 1 < text.size() &&
               std::isdigit(static_cast<unsigned char>(text[at + 1])) != 0;
      };
      while (at < text.size() && (in_name(text[at]) || joins())) ++at;
      pieces.push_back({figure ? Word::figure : Word::name, begin, at});
    } else {
      static constexpr std::string_view doubles[] = {"..<", "<=", ">=", "!=", "..", "->", "||"};
      size_t length = 1;
      for (const std::string_view sign : doubles) {
        if (text.compare(at, sign.size(), sign) == 0) {
          length = sign.size();
          break;
        }
      }
      at += length;
      pieces.push_back({Word::sign, begin, at});
    }
  }
  return pieces;
}

std::string word(const std::string& text, const Piece& piece) { return text.substr(piece.begin, piece.end - piece.begin); }

const Piece* any_of(const std::vector<Piece>& pieces, Word kind, Random& random) {
  std::vector<const Piece*> fitting;
  for (const Piece& piece : pieces) {
    if (piece.kind == kind) fitting.push_back(&piece);
  }
  return fitting.empty() ? nullptr : fitting[random.below(fitting.size())];
}

/// One of a family of words for another.
bool swap_in_family(std::string& text, const std::vector<Piece>& pieces, Random& random) {
  static const std::vector<std::vector<std::string>> families = {{"<", "<=", ">", ">=", "=", "!="},
                                                                 {"and", "or"},
                                                                 {"+", "-", "*"},
                                                                 {"min", "max"},
                                                                 {"sum", "count"},
                                                                 {"first", "last"},
                                                                 {"true", "false"},
                                                                 {"unique", "first", "any", "priority"},
                                                                 {"days", "weeks", "months", "hours", "minutes"},
                                                                 {"after", "every"},
                                                                 {"day", "week", "month"},
                                                                 {"per", "since", "within"},
                                                                 {"go", "restart"},
                                                                 {"asc", "desc"},
                                                                 {"skip", "once"}};
  std::vector<std::pair<const Piece*, const std::vector<std::string>*>> found;
  for (const Piece& piece : pieces) {
    const std::string here = word(text, piece);
    for (const auto& family : families) {
      if (std::find(family.begin(), family.end(), here) != family.end()) found.emplace_back(&piece, &family);
    }
  }
  if (found.empty()) return false;
  const auto& [piece, family] = found[random.below(found.size())];
  text.replace(piece->begin, piece->end - piece->begin, (*family)[random.below(family->size())]);
  return true;
}

bool other_figure(std::string& text, const std::vector<Piece>& pieces, Random& random) {
  const Piece* piece = any_of(pieces, Word::figure, random);
  if (piece == nullptr) return false;
  static constexpr const char* figures[] = {"0",   "1",     "2", "3", "7", "10", "30", "31", "60", "90", "365", "1_000", "100_000", "9_223_372_036_854_775_807",
                                            "0.5", "12.345"};
  const Piece* other = any_of(pieces, Word::figure, random);
  const std::string put = random.one_in(2) ? word(text, *other) : figures[random.below(std::size(figures))];
  text.replace(piece->begin, piece->end - piece->begin, put);
  return true;
}

bool same_kind_elsewhere(std::string& text, const std::vector<Piece>& pieces, Word kind, Random& random) {
  const Piece* piece = any_of(pieces, kind, random);
  const Piece* other = any_of(pieces, kind, random);
  if (piece == nullptr) return false;
  text.replace(piece->begin, piece->end - piece->begin, word(text, *other));
  return true;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines(1);
  for (const char c : text) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  return lines;
}

void change_lines(std::string& text, Random& random) {
  std::vector<std::string> lines = lines_of(text);
  const size_t at = random.below(lines.size());
  // A line that opens or closes a block takes the rest with it.
  const auto whole = [](const std::string& line) {
    return std::count(line.begin(), line.end(), '{') == std::count(line.begin(), line.end(), '}') && line.find_first_not_of(' ') != std::string::npos;
  };
  if (!whole(lines[at])) return;
  switch (random.below(3)) {
    case 0:
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(at));
      break;
    case 1:
      lines.insert(lines.begin() + static_cast<std::ptrdiff_t>(at), lines[at]);
      break;
    default:
      if (at + 1 < lines.size() && whole(lines[at + 1])) std::swap(lines[at], lines[at + 1]);
  }
  text.clear();
  for (size_t i = 0; i < lines.size(); ++i) text += (i == 0 ? "" : "\n") + lines[i];
}

}  // namespace

std::string altered(const std::string& original, Random& random) {
  std::string text = original;
  for (size_t i = 0, changes = 1 + random.below(3); i < changes; ++i) {
    const std::vector<Piece> pieces = pieces_of(text);
    switch (random.below(8)) {
      case 0:
      case 1:
      case 2:
        swap_in_family(text, pieces, random);
        break;
      case 3:
      case 4:
        other_figure(text, pieces, random);
        break;
      case 5:
        same_kind_elsewhere(text, pieces, random.one_in(3) ? Word::text : Word::name, random);
        break;
      default:
        change_lines(text, random);
    }
  }
  return text;
}

std::string loosened(const std::string& text, Random& random) {
  const std::vector<Piece> pieces = pieces_of(text);
  std::string made;
  size_t at = 0;
  for (const Piece& piece : pieces) {
    made += text.substr(at, piece.begin - at);
    const bool apart = piece.begin > at && piece.kind != Word::line_end;
    if (apart && random.one_in(12)) made += random.one_in(3) ? "\t" : "   ";
    if (piece.kind == Word::line_end && random.one_in(15) && text.compare(at, piece.begin - at, "//") != 0 &&
        text.substr(at, piece.begin - at).find("//") == std::string::npos)
      made += " // kept as it is";
    if (piece.kind == Word::line_end && random.one_in(25)) made += "\n\n";
    made += word(text, piece);
    at = piece.end;
  }
  return made + text.substr(at);
}

}  // namespace dunlin::fuzz

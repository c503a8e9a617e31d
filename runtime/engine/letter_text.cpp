// The text behind a stored letter.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "lang/diag/markup.h"
#include "lang/sema/checked_people.h"
#include "runtime/engine/letters.h"

namespace dunlin::engine {

namespace {

using nlohmann::json;

/// False: a segment that this letter cannot have.
bool join(const checked::Letter& letter, const json& segments, bool html, bool personal, std::string& out, bool& masked) {
  if (!segments.is_array()) return false;
  for (const json& segment : segments) {
    if (segment.is_number_integer()) {
      const auto number = segment.get<int64_t>();
      const int64_t piece = number < 0 ? -1 - number : number;
      if (piece < 0 || piece >= static_cast<int64_t>(letter.pieces.size())) return false;
      if (number < 0 && !personal) {
        masked = true;
        out += letter_mask;
      } else {
        out += letter.pieces[static_cast<size_t>(piece)];
      }
      continue;
    }
    const bool hidden = segment.is_object() && segment.contains("p");
    if (!hidden && !segment.is_string()) return false;
    const std::string value = hidden ? segment["p"].get<std::string>() : segment.get<std::string>();
    if (hidden && !personal) {
      masked = true;
      out += letter_mask;
    } else {
      out += html ? escape_markup(value) : value;
    }
  }
  return true;
}

}  // namespace

std::optional<LetterText> letter_text(const checked::Letter& letter, std::string_view stored, bool personal) {
  const json form = json::parse(stored, nullptr, false);
  if (!form.is_object() || form.value("key", "") != letter.key || !form.contains("body")) return std::nullopt;
  LetterText text{.name = letter.name, .key = letter.key, .subject = {}, .body = {}};
  text.html = letter.format == checked::Letter::Format::html;
  if (form.contains("subject") && !join(letter, form["subject"], false, personal, text.subject, text.masked)) return std::nullopt;
  if (!join(letter, form["body"], text.html, personal, text.body, text.masked)) return std::nullopt;
  return text;
}

}  // namespace dunlin::engine

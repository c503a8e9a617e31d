// The text behind a stored letter.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "lang/sema/checked_people.h"
#include "runtime/engine/letters.h"

namespace dunlin::engine {

namespace {

using nlohmann::json;

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
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
  return out;
}

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
      out += html ? escaped(value) : value;
    }
  }
  return true;
}

}  // namespace

const checked::Letter* letter_of(const checked::Program& program, std::string_view stored) {
  const json form = json::parse(stored, nullptr, false);
  const std::string key = form.is_object() ? form.value("key", "") : "";
  for (const checked::Queue& queue : program.queues) {
    const auto& letters = checked::letters_of(queue);
    const auto found = std::ranges::find(letters, key, &checked::Letter::key);
    if (found != letters.end()) return &*found;
  }
  return nullptr;
}

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

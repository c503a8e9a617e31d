#include "runtime/engine/letters.h"

#include <vector>

#include "runtime/engine/letter_words.h"

namespace dunlin::engine {

namespace {

using checked::LetterPart;

constexpr size_t bytes_max = 256u << 10;

std::string quoted(std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string json = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      json += '\\';
      json += c;
    } else if (c == '\n') {
      json += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      if (c == '\0') continue;  // no text of a database has it
      json += "\\u00";
      json += digits[c >> 4];
      json += digits[c & 15];
    } else {
      json += c;
    }
  }
  return json + "\"";
}

/// What may stand in a part of a link: everything else as %XX.
std::string in_url(std::string_view text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += '%';
      out += digits[static_cast<unsigned char>(c) >> 4];
      out += digits[c & 15];
    }
  }
  return out;
}

class Writer {
 public:
  Writer(const checked::Program& program, const checked::Letter& letter, const AskValue& ask, const abi::Instance& self, const abi::Calendar& calendar)
      : program_(program), letter_(letter), ask_(ask), self_(self), calendar_(calendar) {}

  std::optional<std::string> write(const abi::Instance* recipient) {
    if (letter_.recipient != checked::none) arguments_.push_back(reinterpret_cast<int64_t>(recipient));
    json_ = "{\"name\":" + quoted(letter_.name) + ",\"key\":" + quoted(letter_.key);
    if (letter_.has_subject) list("subject", letter_.subject);
    list("body", letter_.body);
    json_ += "}";
    if (too_long_) return std::nullopt;
    return std::move(json_);
  }

 private:
  void list(const char* name, const std::vector<LetterPart>& parts) {
    one_line_ = &parts == &letter_.subject;
    json_ += std::string(",\"") + name + "\":[";
    first_ = true;
    add(parts);
    json_ += "]";
  }

  void put(const std::string& segment) {
    if (json_.size() + segment.size() > bytes_max) too_long_ = true;
    if (too_long_) return;
    if (!first_) json_ += ",";
    first_ = false;
    json_ += segment;
  }

  void add(const std::vector<LetterPart>& parts) {
    for (const LetterPart& part : parts) {
      if (too_long_) return;
      add(part);
    }
  }

  void add(const LetterPart& part) {
    switch (part.kind) {
      case LetterPart::Kind::words:
        return put(std::to_string(part.personal ? -1 - part.piece : part.piece));
      case LetterPart::Kind::value:
        return put(part.personal ? "{\"p\":" + quoted(value(part)) + "}" : quoted(value(part)));
      case LetterPart::Kind::branch:
        return add(ask_(part.root, self_, arguments_)[0] != 0 ? part.then : part.otherwise);
      case LetterPart::Kind::loop:
        return loop(part);
    }
  }

  std::string value(const LetterPart& part) {
    std::string text =
        letter_words(program_, program_.roots[static_cast<size_t>(part.root)].type, ask_(part.root, self_, arguments_), letter_, part.style, calendar_);
    if (part.in_url) return in_url(text);
    // A line that goes on below would be another header of a mail.
    if (one_line_) {
      for (char& c : text) c = static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
    return text;
  }

  void loop(const LetterPart& part) {
    const abi::Instance* owner = &self_;
    while (owner != nullptr && owner->entity != part.list_owner) owner = owner->parent;
    if (owner == nullptr) return;
    const abi::InstanceList& list = owner->children[program_.entities[static_cast<size_t>(part.element)].child_position];
    for (int64_t i = 0; i < list.count && !too_long_; ++i) {
      arguments_.push_back(reinterpret_cast<int64_t>(list.items[i]));
      if (part.root == checked::none || ask_(part.root, self_, arguments_)[0] != 0) add(part.then);
      arguments_.pop_back();
    }
  }

  const checked::Program& program_;
  const checked::Letter& letter_;
  const AskValue& ask_;
  const abi::Instance& self_;
  const abi::Calendar& calendar_;
  std::vector<int64_t> arguments_;
  std::string json_;
  bool first_ = true, one_line_ = false, too_long_ = false;
};

}  // namespace

std::optional<std::string> write_letter(const checked::Program& program, const checked::Letter& letter, const AskValue& ask, const abi::Instance& about,
                                        const abi::Instance* recipient, const abi::Calendar& calendar) {
  const abi::Instance* self = &about;
  while (self != nullptr && self->entity != letter.entity) self = self->parent;
  if (self == nullptr || (letter.recipient != checked::none && (recipient == nullptr || recipient->entity != letter.recipient))) return std::nullopt;
  return Writer(program, letter, ask, *self, calendar).write(recipient);
}

}  // namespace dunlin::engine

#include "lang/sema/letter_place.h"

#include <algorithm>
#include <array>

namespace dunlin::sema {

namespace {

constexpr std::array<std::string_view, 16> url_attributes = {"href",     "src",  "action",   "formaction", "cite",   "background", "poster",     "data",
                                                             "longdesc", "ping", "manifest", "codebase",   "usemap", "srcset",     "xlink:href", "imagesrcset"};
constexpr std::array<std::string_view, 7> code_elements = {"script", "style", "xmp", "iframe", "noembed", "noframes", "plaintext"};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_letter(char c) { return lower(c) >= 'a' && lower(c) <= 'z'; }
bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f'; }

template <size_t N>
bool is_one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

bool HtmlPlace::is_url_attribute() const { return is_one_of(attribute_, url_attributes); }

void HtmlPlace::begin_attribute(char c) {
  attribute_.assign(1, lower(c));
  value_.clear();
  state_ = State::attribute;
}

void HtmlPlace::end_tag() {
  state_ = !closing_ && is_one_of(tag_, code_elements) ? State::code : State::text;
  tail_.clear();
}

void HtmlPlace::feed(char c) {
  switch (state_) {
    case State::text:
      if (c == '<') {
        state_ = State::tag_open;
        closing_ = false;
      }
      return;
    case State::tag_open:
      if (is_letter(c)) {
        tag_.assign(1, lower(c));
        state_ = State::tag_name;
      } else if (c == '/' && !closing_) {
        closing_ = true;
      } else if (c == '!' || c == '?') {
        tail_.clear();
        state_ = State::declaration;
      } else {
        state_ = c == '<' ? State::tag_open : State::text;
      }
      return;
    case State::tag_name:
      if (c == '>') return end_tag();
      if (is_blank(c) || c == '/') {
        state_ = State::in_tag;
      } else {
        tag_ += lower(c);
      }
      return;
    case State::in_tag:
      if (c == '>') return end_tag();
      if (!is_blank(c) && c != '/') begin_attribute(c);
      return;
    case State::attribute:
    case State::after_attribute:
      if (c == '>') return end_tag();
      if (c == '=') {
        state_ = State::before_value;
      } else if (is_blank(c)) {
        state_ = State::after_attribute;
      } else if (c == '/') {
        state_ = State::in_tag;
      } else if (state_ == State::after_attribute) {
        begin_attribute(c);
      } else {
        attribute_ += lower(c);
      }
      return;
    case State::before_value:
      if (is_blank(c)) return;
      if (c == '>') return end_tag();
      state_ = c == '"' ? State::double_quoted : c == '\'' ? State::single_quoted : State::unquoted;
      return;
    case State::double_quoted:
    case State::single_quoted:
      if (c == (state_ == State::double_quoted ? '"' : '\'')) {
        state_ = State::in_tag;
      } else {
        value_ += lower(c);
      }
      return;
    case State::unquoted:
      if (c == '>') return end_tag();
      if (is_blank(c)) state_ = State::in_tag;
      return;
    case State::declaration:
      tail_ += c;
      if (c == '>' && (!tail_.starts_with("--") || (tail_.size() >= 5 && tail_.ends_with("-->")))) state_ = State::text;
      return;
    case State::code:
      tail_ += lower(c);
      if (tail_.size() > 64) tail_.erase(0, tail_.size() - 64);
      if (tag_ != "plaintext" && tail_.ends_with("</" + tag_)) {
        closing_ = true;
        state_ = State::tag_name;
      }
      return;
  }
}

void HtmlPlace::feed_value() {
  if (in_value()) value_ += 'x';
}

/// A link whose kind and, for the web, whose address stand in the fixed words: a value cannot choose where it leads.
bool HtmlPlace::begins_safely() const {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (value_.starts_with(scheme)) return value_.find_first_of("/?#", scheme.size()) != std::string::npos && value_.size() > scheme.size() + 1;
  }
  if (value_.starts_with("mailto:") || value_.starts_with("tel:") || value_.starts_with("sms:") || value_.starts_with("cid:")) return true;
  if (value_.starts_with("#") || value_.starts_with("?")) return true;
  return value_.starts_with("/") && value_.size() > 1 && value_[1] != '/' && value_[1] != '\\';
}

std::optional<std::string> HtmlPlace::refusal() const {
  switch (state_) {
    case State::text:
      return std::nullopt;
    case State::double_quoted:
    case State::single_quoted:
      if (attribute_.starts_with("on")) return "inside `" + attribute_ + "` a value would be a part of a program";
      if (attribute_ == "style") return "inside `style` a value would be a part of the layout";
      if (attribute_ == "srcdoc" || attribute_ == "srcset" || attribute_ == "imagesrcset" || attribute_ == "ping")
        return "inside `" + attribute_ + "` a value would be more than words";
      if (tag_ == "meta" || tag_ == "base" || tag_ == "link") return "inside `<" + tag_ + ">` a value would steer the page";
      if (is_url_attribute() && !begins_safely()) return "a value could choose where this link leads";
      return std::nullopt;
    case State::declaration:
      return tail_.starts_with("--") ? "inside a comment nobody reads it" : "inside a declaration of the page a value has no meaning";
    case State::code:
      return "inside `<" + tag_ + ">` a value would be a part of a program";
    case State::unquoted:
    case State::before_value:
      return "an attribute whose value has no quotes ends at the first blank";
    default:
      return "inside a tag a value would become mark-up";
  }
}

bool HtmlPlace::same(const HtmlPlace& other) const {
  if (state_ != other.state_) return false;
  if (state_ == State::text) return true;
  if (closing_ != other.closing_ || tag_ != other.tag_) return false;
  if (state_ == State::in_tag) return true;  // the attribute before is over
  return attribute_ == other.attribute_ && (!is_url_attribute() || value_ == other.value_);
}

}  // namespace dunlin::sema

// Where in a page of HTML a place stands, so that a value put there can never become mark-up.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace dunlin::sema {

/// Follows the fixed words of a page, character by character, as a browser reads them.
class HtmlPlace {
 public:
  void feed(char c);
  void feed(std::string_view words) {
    for (const char c : words) feed(c);
  }
  /// A value was put here; only where `refusal` has nothing to say.
  void feed_value();

  /// Why no value may stand here; nothing: it may.
  std::optional<std::string> refusal() const;
  /// A value here is a part of a link.
  bool in_url() const { return in_value() && is_url_attribute(); }
  /// Inside <style> or <script>, where braces are signs like others.
  bool in_code() const { return state_ == State::code; }
  /// Between elements, where a whole part of the page may stand or not.
  bool same(const HtmlPlace& other) const;

 private:
  enum class State : unsigned char {
    text,
    tag_open,
    tag_name,
    in_tag,
    attribute,
    after_attribute,
    before_value,
    double_quoted,
    single_quoted,
    unquoted,
    declaration,  // <!doctype …>, <!-- … -->
    code,         // of <script>, <style>
  };
  bool in_value() const { return state_ == State::double_quoted || state_ == State::single_quoted; }
  bool is_url_attribute() const;
  bool begins_safely() const;
  void begin_attribute(char c);
  void end_tag();

  State state_ = State::text;
  bool closing_ = false;  // </…
  std::string tag_, attribute_, value_, tail_;
};

}  // namespace dunlin::sema

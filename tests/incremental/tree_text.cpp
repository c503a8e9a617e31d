#include "tests/incremental/tree_text.h"

#include "lang/syntax/shifted.h"

namespace dunlin::test {

namespace {

template <class T>
void write(const T& value, std::string& text) {
  namespace r = syntax::reflection;
  if constexpr (std::is_same_v<T, Span>) {
    text += span_text(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    text += '"' + value + '"';
  } else if constexpr (std::is_enum_v<T>) {
    text += std::to_string(static_cast<int>(value)) + ' ';
  } else if constexpr (std::is_arithmetic_v<T>) {
    text += std::to_string(value) + ' ';
  } else if constexpr (r::is_unique<T> || r::is_shared<T> || r::is_optional<T>) {
    text += value ? "*" : "-";
    if (value) write(*value, text);
  } else if constexpr (r::is_vector<T>) {
    text += '[';
    for (const auto& item : value) write(item, text);
    text += ']';
  } else if constexpr (r::is_variant<T>) {
    text += '|' + std::to_string(value.index());
    std::visit([&](const auto& held) { write(held, text); }, value);
  } else if constexpr (r::is_pair<T>) {
    write(value.first, text);
    write(value.second, text);
  } else {
    text += '(';
    r::for_each_member(value, [&](const auto& member) { write(member, text); });
    text += ')';
  }
}

}  // namespace

std::string span_text(Span span) {
  return span.known() ? '@' + std::to_string(span.file) + ':' + std::to_string(span.begin) + '-' + std::to_string(span.end) : "@";
}

std::string tree_text(const ast::File& file) {
  std::string text;
  write(file, text);
  return text;
}

}  // namespace dunlin::test

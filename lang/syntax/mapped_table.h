// What an entity is `from`: a table of the bank, and the column that grows with every change of a row. The tree and the program carry both as one text, in the
// words of the language, so that whoever compares or hashes declarations sees a change of either.
#pragma once

#include <string>
#include <string_view>

namespace dunlin {

struct MappedTable {
  std::string table;          // "crm.accounts"
  std::string change_column;  // empty: none, the table is always read whole
};

/// Behind a control character that no escape of the language writes and no name of a table bears.
constexpr std::string_view change_words = "\x1f change by ";

inline std::string mapped_table_text(const MappedTable& from) {
  return from.change_column.empty() ? from.table : from.table + std::string(change_words) + from.change_column;
}

inline MappedTable mapped_table(std::string_view text) {
  const size_t at = text.find(change_words);
  if (at == std::string_view::npos) return {std::string(text), ""};
  return {std::string(text.substr(0, at)), std::string(text.substr(at + change_words.size()))};
}

}  // namespace dunlin

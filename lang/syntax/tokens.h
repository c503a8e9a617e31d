// Text -> the list of tokens the parser reads. Private to lang/syntax.
#pragma once

#include <antlr4-runtime.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/syntax/parse.h"

namespace dunlin::syntax {

/// A token before the parser sees it. Places are bytes in the file.
struct RawToken {
  size_t type;
  uint32_t begin;
  uint32_t end;  // begin == end: added to mend the list, never quoted in a message
};

struct TokenList {
  std::vector<std::unique_ptr<antlr4::Token>> tokens;  // start index = first byte, stop index = last byte; ends with EOF
  std::map<size_t, std::string> docs;                  // `///` text by the index of the token it stands before
  bool usable = true;                                  // false: too broken or too deep to parse at all (reported)
};

/// The part of one file that is read: the whole file, a piece of it (pieces.h), or an expression inside a text.
struct Slice {
  const SourceMap& sources;
  uint32_t file;
  uint32_t begin;
  uint32_t end;
  bool goes_on = false;  // a piece of a file: another one follows
  std::string_view text() const { return sources.text(Span{file, begin, end}); }
  Span span(uint32_t from, uint32_t to) const { return {file, from, to}; }
};

/// Reports what is wrong with the brackets of `tokens` and mends the list: afterwards every bracket has its partner.
/// False if they are nested deeper than the limit.
bool mend_brackets(std::vector<RawToken>& tokens, const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits);

/// What the lexer makes of the slice, line ends and documentation included; comments and blanks are not.
std::vector<RawToken> read_raw_tokens(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits);

/// Places of the line ends of `raw` at which an item ends.
std::vector<uint32_t> item_ends(const Slice& slice, std::vector<RawToken> raw);

/// Lexes the slice, mends brackets, and keeps a SEP only where an item can end.
TokenList read_tokens(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits);
/// The same for a slice that is lexed already.
TokenList read_tokens(const Slice& slice, std::vector<RawToken> raw, Diagnostics& diagnostics, const ParseLimits& limits);

/// True if no item can be over after a token of this type: the next line belongs to it.
bool item_goes_on_after(size_t type);
/// The brackets of `tokens` without those that match: "" if all do, `{` if one is never closed.
std::string unmatched_brackets(const std::vector<RawToken>& tokens);
/// True if the brackets of texts read one after the other match, by what unmatched_brackets gave for each.
bool brackets_match(const std::vector<std::string_view>& unmatched);

/// Reports a name whose letters come from several scripts, or that cannot be told from another one.
void check_identifier(std::string_view name, Span span, Diagnostics& diagnostics);
/// The name in Unicode normal form C, so that one spelling means one name.
std::string normal_form(std::string_view name);

}  // namespace dunlin::syntax

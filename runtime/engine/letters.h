// Letters: a task that bears one has the values that were true when it was written; its words are those of the version that wrote it. Together they
// give the same text for as long as both are kept.
//
// Stored form, a JSON object in the field `letter` of the task:
//   {"name": "demand", "key": "0123456789abcdef", "subject": […], "body": […]}
// `key` names the fixed words (checked::Letter::key, dunlin.letter_words). In the lists, in the order of the text:
//   3          the fixed words number 3 (from 0)
//   -4         the same, -1 - n: whether they stand there tells of personal data
//   "17 May"   a value
//   {"p": "…"} a value that rests on personal data
// No value is ever read as words again, so nothing in it can become a placeholder; in a page it is escaped whenever the text is made.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "compiler/abi/case_view.h"
#include "lang/sema/checked_letters.h"

namespace dunlin::engine {

/// The slots of a root for an instance, good until the next call. Throws what the caller wants thrown when there is a fault.
using AskValue = std::function<const int64_t*(checked::RootId root, const abi::Instance& self, std::span<const int64_t> arguments)>;

/// The stored form of a letter about `about` (or what it hangs on), to `recipient` (null: nobody; only where the letter names none).
/// Nothing: it would be longer than a letter may be.
std::optional<std::string> write_letter(const checked::Program& program, const checked::Letter& letter, const AskValue& ask, const abi::Instance& about,
                                        const abi::Instance* recipient, const abi::Calendar& calendar);

/// Instead of what somebody may not see.
constexpr const char* letter_mask = "***";

struct LetterText {
  std::string name, key;
  std::string subject;  // one line; empty: none
  std::string body;     // a page of HTML, or plain text
  bool html = false;
  bool masked = false;  // something was left out
};
/// The text behind a stored form. `personal` false: what rests on personal data is masked. Nothing: the form is none, or the words are another version's.
std::optional<LetterText> letter_text(const checked::Letter& letter, std::string_view stored, bool personal);

}  // namespace dunlin::engine

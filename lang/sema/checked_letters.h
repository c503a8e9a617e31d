// Letters and messages: what a `template` declaration says, and its words with the places that a task fills in. Kept apart from checked.h:
// QueuePolicy (checked_people.h) holds the letters of its queue.
#pragma once

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// How a value is written; what it may be depends on its type. Languages and their forms stand in lang/sema/letter_languages.h.
enum class LetterStyle : uint8_t {
  plain,    // as the type is written where nothing is said: an amount with its currency, a date by the language's short form
  bare,     // `| plain`: an amount without its currency, a figure without groups
  long_,    // `| long`: 5 January 2026
  iso,      // `| iso`: 2026-01-05
  date,     // `| date`: the date of an instant
  time,     // `| time`: the time of an instant
  percent,  // `| percent`: 12.5 %
};

/// A stretch of a letter, in the order of its text. The roots see the letter's entity as self and have these parameters: the recipient, if the
/// letter names one, then the elements of the loops around the place, outermost first.
struct LetterPart {
  enum class Kind : uint8_t { words, value, branch, loop };
  Kind kind = Kind::words;
  Index piece = none;  // words: Letter::pieces
  RootId root = none;  // value; branch: bool; loop: bool (`where`) or none
  LetterStyle style = LetterStyle::plain;
  bool personal = false;                    // rests on personal data: masked for those who may not see it
  bool in_url = false;                      // inside a link: written with %XX
  std::vector<LetterPart> then, otherwise;  // branch; loop: `then` for each element
  Index list_owner = none, element = none;  // loop: entities, as for the binder of a Keep
  Span span;
};

/// One `template` in one of its queues.
struct Letter {
  enum class Format : uint8_t { text, html };
  std::string name;  // the treatment of its tasks
  Index queue = none;
  Index entity = none;     // self; a task of it or of what hangs on it
  Index recipient = none;  // entity of what the task goes to; none: it does not matter
  Format format = Format::text;
  std::string language;             // of the forms of dates and figures: "en"
  std::vector<std::string> pieces;  // fixed words
  std::vector<LetterPart> subject, body;
  bool has_subject = false;
  bool personal = false;  // any part is
  std::string file;
  /// Of all the fixed words and their format: what is stored with a task names its words by it. 16 hexadecimal digits.
  std::string key;
  std::string doc;
  Span span;
};

/// Name of the field of a queue's tasks that bears the letter (text?, stored form as in runtime/engine/letters.h); only queues with letters have it.
constexpr const char* letter_field = "letter";

/// The letters of a queue; empty where it has none.
const std::vector<Letter>& letters_of(const Queue& queue);
/// The letter that a task of this queue with this treatment bears when it is about `entity`; null: none.
const Letter* find_letter(const Program& program, const Queue& queue, std::string_view treatment, Index entity);

/// Most characters of a message in one part and in each of several, by the alphabet of SMS that all its characters belong to.
struct MessageSize {
  int64_t units = 0;  // septets of GSM 03.38, or UTF-16 units
  bool wide = false;  // UCS-2: a character is not in the alphabet of GSM
  int64_t parts() const;
};
MessageSize message_size(std::string_view utf8);

}  // namespace dunlin::checked

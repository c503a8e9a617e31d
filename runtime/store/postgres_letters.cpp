#include "runtime/store/postgres_letters.h"

#include <fmt/format.h>

#include "lang/sema/checked_letters.h"

namespace dunlin::store {

void remember_letters(SmallWork& work, const Layout& layout) {
  for (const checked::Queue& queue : layout.program.queues) {
    for (const checked::Letter& letter : checked::letters_of(queue)) {
      std::string pieces;
      for (const std::string& piece : letter.pieces) pieces += (pieces.empty() ? "" : ", ") + work.quote(piece);
      work.exec(
          fmt::format("insert into dunlin.letter_words (key, name, queue, html, pieces) values ({}, {}, {}, {}, array[{}]::text[]) on conflict do nothing",
                      work.quote(letter.key), work.quote(letter.name), work.quote(queue.name), letter.format == checked::Letter::Format::html, pieces));
    }
  }
}

}  // namespace dunlin::store

// `template`: letters and messages with the places that tasks fill in.
#pragma once

#include "lang/sema/checked_letters.h"
#include "lang/sema/context.h"

namespace dunlin::sema {

/// Reads and checks the letters of the bundle, gives their queues the field that bears them, and holds every task of such a queue to them.
/// Behind the strategies, the limits, the feeds and the tests: nobody but the engine fills the field.
void check_letters(Context& context);

// ---- parts of it ----

/// Whether an expression rests on personal data, through derived fields, functions and tables too.
class Privacy {
 public:
  explicit Privacy(const checked::Program& program) : program_(program) {}
  bool is_personal(RootId root);
  bool is_personal(const checked::Derived& derived);

 private:
  bool in_expression(const checked::Expr& expr);
  bool in_table(Index table);
  const checked::Program& program_;
  std::vector<signed char> roots_;  // by root: -1 being looked at, 0 no, 1 yes
  std::vector<bool> known_;
};

/// Every task that rules ask of a queue with letters names one that it can bear; warns of letters that no task names.
void check_letters_of_tasks(Context& context);

}  // namespace dunlin::sema

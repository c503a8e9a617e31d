// A table in a bundle of its own, asked by both backends.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/abi/arena.h"
#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/ir.h"
#include "lang/sema/check.h"

namespace dunlin::test {

/// A value of one of the table's inputs: missing, or one slot (texts: the text).
struct Given {
  bool missing = false;
  int64_t slot = 0;
  std::string text;
};

class Deciding {
 public:
  /// `declarations` (the table and its types), `fields` ("a : int, b : text?") and what is asked, by name.
  /// Throws with the diagnostics where the bundle is not good. No analysis: random tables may have rows that are never used.
  Deciding(const std::string& declarations, const std::string& fields, const std::vector<std::string>& asked, const std::vector<SourceFile>& data = {});

  const checked::Program& program() const { return *program_; }
  /// What is asked, as Dunlin text. Throws std::logic_error where the backends differ.
  std::vector<std::string> answers(const std::vector<Given>& inputs);

 private:
  SourceMap sources_;
  std::unique_ptr<checked::Program> program_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<Evaluator> native_;
  std::unique_ptr<abi::CalendarTables> calendar_;
  const checked::Entity* entity_ = nullptr;
  abi::Arena arena_;
};

}  // namespace dunlin::test

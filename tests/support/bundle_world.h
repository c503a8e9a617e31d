// A bundle from text to a running interpreter, with its calendar: for tests that speak Dunlin.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/ir.h"
#include "lang/diag/source.h"
#include "lang/sema/checked.h"
#include "tests/support/case_builder.h"

namespace dunlin::test {

struct Answer {
  abi::Fault fault = abi::Fault::none;
  std::string value;  // as Dunlin text
  int64_t wake = abi::never;
};

/// From how many rows on tables are data that is searched or walked; the defaults are those of the product.
struct WorldOptions {
  size_t looped_rows_min = 64, searched_rows_min = 64;
};

class BundleWorld {
 public:
  /// Checks and lowers; every derived field gets a wake of its own. Throws with the diagnostics if the text has errors.
  explicit BundleWorld(const std::string& text, const WorldOptions& options = {});

  const checked::Program& program() const { return *program_; }
  const ir::Program& ir() const { return *ir_; }
  const Interpreter& interpreter() const { return *interpreter_; }
  const abi::Calendar& calendar() const { return *tables_->view(); }
  const SourceMap& sources() const { return sources_; }

  /// The instant at which clocks show this in the bundle's zone: "2026-01-05 12:30".
  int64_t at(const std::string& local_time) const;
  static int64_t date(const std::string& text);
  /// The wake as a local time, or "never".
  std::string when(int64_t instant) const;

  /// A derived field of the instance at an instant.
  Answer ask(const std::string& field, CaseBuilder& builder, const abi::Instance* self, int64_t now, Trace* trace = nullptr);
  /// The same, by another evaluator of this program.
  Answer ask_of(const Evaluator& evaluator, const std::string& field, CaseBuilder& builder, const abi::Instance* self, int64_t now, Trace* trace = nullptr);

 private:
  SourceMap sources_;
  std::unique_ptr<checked::Program> program_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<abi::CalendarTables> tables_;
  std::vector<int64_t> settings_;
  abi::Arena arena_;
};

}  // namespace dunlin::test

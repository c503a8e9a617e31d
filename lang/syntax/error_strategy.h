// What the parser does at a mistake: say it once, leave out the item it stands in, go on with the next item.
//
// A file is parsed with the quick kind of prediction first, on trial: nearly always it is right and that is all. At the first
// mistake the trial is given up, and the thorough kind reads the file again and reports.
#pragma once

#include <antlr4-runtime.h>

#include <optional>
#include <string>

#include "lang/syntax/messages.h"
#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

class ErrorStrategy : public antlr4::DefaultErrorStrategy {
 public:
  ErrorStrategy(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits) : slice_(slice), diagnostics_(diagnostics), limits_(limits) {}

  void reportError(antlr4::Parser* parser, const antlr4::RecognitionException& mistake) override;
  void recover(antlr4::Parser* parser, std::exception_ptr mistake) override;
  antlr4::Token* recoverInline(antlr4::Parser* parser) override;
  void sync(antlr4::Parser* parser) override;

  bool failed() const { return errors_ > 0; }
  size_t errors() const { return errors_; }  // reported or not
  /// On trial a mistake is not reported: it throws antlr4::ParseCancellationException.
  void set_trial(bool on) { trial_ = on; }

 private:
  void refuse_unknown_item(antlr4::Parser* parser);
  void skip_item(antlr4::Parser* parser, size_t first_token);
  void publish(const Mistake& mistake);

  const Slice& slice_;
  Diagnostics& diagnostics_;
  const ParseLimits& limits_;
  std::optional<Mistake> pending_;  // seen, and on its way up to the item that it spoils
  size_t errors_ = 0;
  bool trial_ = false;
};

}  // namespace dunlin::syntax

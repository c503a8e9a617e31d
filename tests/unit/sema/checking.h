// Checks texts and looks at what came of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "lang/diag/diagnostic.h"
#include "lang/sema/check.h"

namespace dunlin::sema_test {

/// Head of a bundle in euros and UTC, with a debtor and accounts.
extern const std::string head;
extern const std::string entities;

struct Checked {
  std::unique_ptr<SourceMap> sources = std::make_unique<SourceMap>();
  Diagnostics diagnostics;
  std::unique_ptr<checked::Program> program;

  /// "E0201 E0401": codes in the order of the text, warnings too.
  std::string codes() const;
  /// What the first message underlines.
  std::string underlined() const;
  const Diagnostic& first() const;
  std::string text() const;
};

/// `analyse`: with what is found about the program as a whole.
Checked check_files(std::vector<SourceFile> files, bool analyse = false);
/// `head` and `text` as one file.
Checked check(const std::string& text);
/// `head`, `entities` and derived fields of the account.
Checked check_derived(const std::string& fields);
/// Body of the derived field `x` of the account, declared as `x = text`; the whole is kept in `holder`.
const checked::Expr& body_of(Checked& holder, const std::string& text);
std::string type_of(const std::string& text);

}  // namespace dunlin::sema_test

#include "checking.h"

#include <catch2/catch.hpp>

#include "lang/diag/render.h"

namespace dunlin::sema_test {

const std::string head = "bundle probe \"Probe\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n";

const std::string entities = R"(
entity debtor {
  key id : text
  name : text
  bankrupt : bool
  zone : timezone
}
entity account of debtor {
  key id : text
  product : enum { card, cash_loan, auto }
  balance : money
  rate : decimal
  weight : number
  overdue_since : date?
  opened : date
  score : int?
  region : text
  secured : bool
  age : int
}
entity party of account { key id : text, role : enum { heir, guarantor }, consent : bool, share : decimal? }
entity phone of debtor { key id : text, number_text : text }
event payment of account { amount : money, fee : money? }
event complaint of debtor { serious : bool }
event blocked of phone
)";

std::string Checked::codes() const {
  std::string codes;
  for (const Diagnostic& diagnostic : diagnostics.all()) codes += (codes.empty() ? "" : " ") + diagnostic.code;
  return codes;
}

const Diagnostic& Checked::first() const {
  REQUIRE_FALSE(diagnostics.all().empty());
  return diagnostics.all().front();
}

std::string Checked::underlined() const { return std::string(sources->text(first().span)); }

std::string Checked::text() const { return render_text(diagnostics, *sources); }

Checked check_files(std::vector<SourceFile> files, bool analyse) {
  Checked made;
  CheckOptions options;
  options.stdlib = std::string(DUNLIN_SOURCE_DIR) + "/tests/unit/sema/modules";
  options.analyse = analyse;
  made.program = check_bundle({std::move(files)}, *made.sources, made.diagnostics, options);
  made.diagnostics.sort();
  return made;
}

Checked check(const std::string& text) { return check_files({{"rules.dun", head + text}}); }

Checked check_derived(const std::string& fields) { return check(entities + "extend account {\n" + fields + "\n}\n"); }

const checked::Expr& body_of(Checked& holder, const std::string& text) {
  holder = check_derived("x = " + text);
  INFO(text << "\n" << holder.text());
  REQUIRE(holder.program != nullptr);
  const checked::Entity& account = holder.program->entities[checked::find_entity(*holder.program, "account")];
  return *holder.program->roots[account.derived.back().root].body;
}

std::string type_of(const std::string& text) {
  Checked holder;
  const checked::Expr& body = body_of(holder, text);
  return checked::type_name(*holder.program, body.type);
}

}  // namespace dunlin::sema_test

// The head of the bundle: zone, currency, calendar, start of the day.
#include <algorithm>
#include <filesystem>

#include "lang/sema/civil.h"
#include "lang/sema/currency.h"
#include "lang/sema/declare.h"

namespace dunlin::sema {

static void set_calendar(Context& context, const ast::Name& calendar, const std::string& folder) {
  context.program.bundle.calendar = calendar.text;
  if (calendar.text == "none" || folder.empty()) return;
  std::error_code error;
  if (std::filesystem::exists(folder + "/" + calendar.text + ".csv", error)) return;
  Diagnostic& diagnostic = context.error("E0806", calendar.span, "there is no calendar " + in_ticks(calendar.text));
  std::vector<std::string> known;
  for (const auto& file : std::filesystem::directory_iterator(folder, error)) {
    if (file.path().extension() == ".csv") known.push_back(file.path().stem().string());
  }
  std::sort(known.begin(), known.end());
  suggest(diagnostic, calendar.text, known);
  if (!diagnostic.help.empty()) return;
  diagnostic.help = "there are:";
  for (const std::string& name : known) diagnostic.help += " " + name;
}

void declare_bundle(Context& context, const std::string& calendars) {
  const ast::BundleDecl* head = nullptr;
  Span first;
  checked::Bundle& bundle = context.program.bundle;
  bundle.currency = "EUR";
  context.each<ast::BundleDecl>([&](const Placed&, const ast::BundleDecl& declaration) {
    if (head != nullptr) {
      Diagnostic& diagnostic = context.error("E0803", declaration.name.span, "a bundle is opened once");
      diagnostic.notes.push_back({first, "it is opened here"});
      return;
    }
    head = &declaration;
    first = declaration.name.span;
    bundle.name = declaration.name.text;
    bundle.title = declaration.title;
    if (declaration.timezone) {
      bundle.timezone = declaration.timezone->text;
      if (!zone_exists(bundle.timezone)) {
        context.error("E0804", declaration.timezone->span, "there is no time zone \"" + bundle.timezone + "\"").help =
            "write a name such as Europe/Berlin, or UTC";
        bundle.timezone = "UTC";
      }
    }
    if (declaration.currency) {
      bundle.currency = declaration.currency->text;
      const auto digits = minor_digits_of(bundle.currency);
      if (!digits)
        context.error("E0805", declaration.currency->span, in_ticks(bundle.currency) + " is not the code of a currency").help =
            "write three capital letters, such as EUR";
      bundle.minor_digits = digits.value_or(2);
    }
    if (declaration.calendar) set_calendar(context, *declaration.calendar, calendars);
    if (declaration.day_starts) {
      if (const auto* time = std::get_if<ast::TimeLit>(&declaration.day_starts->node))
        bundle.day_start_s = time->hour * 3600 + time->minute * 60 + time->second;
    }
  });
  if (head == nullptr) {
    const Span place = context.declarations.empty() ? Span{} : context.declarations.front().declaration->span;
    context.error("E0803", place, "no file opens the bundle").help = "write `bundle name \"Title\" { timezone … currency … }` in one of its files";
  }
}

}  // namespace dunlin::sema

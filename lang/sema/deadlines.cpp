// Deadlines: two rules each, the warning and what follows a miss, and what suspends them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Action;
using checked::Deadline;
using checked::Rule;

namespace {

ast::ExprPtr name_expr(const ast::Path& path) {
  auto made = std::make_unique<ast::Expr>();
  made->span = path.parts.front().span;
  made->node = ast::NameRef{path.parts.front()};
  for (size_t i = 1; i < path.parts.size(); ++i) {
    auto member = std::make_unique<ast::Expr>();
    member->span = path.span;
    member->node = ast::Member{std::move(made), path.parts[i]};
    made = std::move(member);
  }
  return made;
}

/// `from filed`: the last such event.
ast::ExprPtr last_instant_of(const ast::Path& event) {
  auto last = std::make_unique<ast::Expr>();
  last->span = event.span;
  ast::AggregateExpr aggregate;
  aggregate.function = {"last", event.span};
  aggregate.source = name_expr(event);
  last->node = std::move(aggregate);
  auto at = std::make_unique<ast::Expr>();
  at->span = event.span;
  at->node = ast::Member{std::move(last), {"at", event.span}};
  return at;
}

std::optional<std::string> file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

/// The calendar of this name among those the bundle brings along; none if there is no such file.
Index calendar_named(Context& context, const std::string& name) {
  auto& calendars = context.program.calendars;
  const auto known = std::find_if(calendars.begin(), calendars.end(), [&](const auto& one) { return one.name == name; });
  if (known != calendars.end()) return static_cast<Index>(known - calendars.begin());
  // Without a file: no holidays, and what the bundle has anyway.
  std::optional<std::string> text;
  if (name == "none" || name == context.program.bundle.calendar) {
    text.emplace();
  } else if (!name.empty() && name.find('/') == std::string::npos && name.find("..") == std::string::npos) {
    text = file_text(std::filesystem::path(context.calendars) / (name + ".csv"));
  }
  if (!text) return none;
  calendars.push_back({name, std::move(*text)});
  return static_cast<Index>(calendars.size() - 1);
}

/// Whichever calendar a case will ask for, it is there.
void take_all_calendars(Context& context) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(context.calendars, error), end; !error && at != end; at.increment(error)) {
    if (at->path().extension() == ".csv") names.push_back(at->path().stem().string());
  }
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) calendar_named(context, name);
}

}  // namespace

void RuleChecker::deadline_calendar(const ast::Expr& written, Deadline& made) {
  std::optional<std::string> name;
  if (const auto* word = std::get_if<ast::NameRef>(&written.node)) {
    if (calendar_named(context_, word->name.text) != none) name = word->name.text;
  } else if (const auto* text = std::get_if<ast::TextLit>(&written.node)) {
    if (text->parts.size() == 1 && !text->parts.front().expr) name = text->parts.front().text;
  }
  if (!name) {
    made.calendar = make_root(context_, around("calendar"), written, type_of(TypeKind::text));
    take_all_calendars(context_);
    return;
  }
  made.fixed_calendar = calendar_named(context_, *name);
  if (made.fixed_calendar == none) context_.error("E0806", written.span, "there is no calendar " + in_ticks(*name));
}

RootId RuleChecker::deadline_days(const ast::Expr& written, const char* what) {
  const RootId root = make_root(context_, around(what), written, type_of(TypeKind::duration));
  const auto& body = context_.program.roots[root].body;
  if (!body || body->type.is_error()) return root;
  if (duration_unit(*body) == 0) {
    context_.error("E0309", written.span, "a deadline is counted in days").help = "write `10 days`, `10 business days` or `3 months`";
  } else if (const auto plain = constant_key(*folded(clone(*body))); plain && *plain >> 3 <= 0) {
    context_.error("E0315", written.span, "a deadline is at least a day away");
  }
  return root;
}

void RuleChecker::deadline(const ast::DeadlineDecl& written, std::vector<Rule>& rules) {
  const auto declared = context_.deadlines.find(&written);
  if (declared == context_.deadlines.end() || !written.length || !written.from) return;  // reported
  const Index index = declared->second;
  Deadline made = context_.program.deadlines[index];
  made.length = deadline_days(*written.length, "length");
  const auto path = path_of(*written.from);
  const bool event = path && context_.names.events.contains(path->text());
  const ast::ExprPtr last = event ? last_instant_of(*path) : nullptr;
  const Surroundings surroundings = around("from");
  ExpressionChecker checker(context_, surroundings);
  ExprPtr from = checker.check_moment(last ? *last : *written.from);
  if (from->type.kind == TypeKind::duration) {
    context_.error("E0301", written.from->span, "a deadline counts from a date or an instant").help = "write `from filed`, with a date or an event";
    return;
  }
  if (from->type.is_error()) return;
  made.from = add_root(context_, surroundings, std::move(from), checker.locals(), written.from->span);
  if (written.calendar) deadline_calendar(*written.calendar, made);
  if (written.suspended_while) made.suspended = make_root(context_, around("suspended while"), *written.suspended_while, type_of(TypeKind::boolean));

  const auto rule_of = [&](Span span, Index told, const std::vector<ast::Action>& actions) {
    Rule rule;
    rule.kind = Rule::Kind::at;
    rule.anchor = Rule::Anchor::instant;
    rule.deadline = index;
    rule.span = span;
    Action tell;
    tell.kind = Action::Kind::raise;
    tell.span = span;
    tell.event_type = told;
    rule.actions.push_back(std::move(tell));
    Surroundings acting = around("action");
    acting.wants_wake = false;
    acting.free_now = true;
    for (const ast::Action& one : actions) {
      Action action_made;
      if (action(one, acting, action_made)) rule.actions.push_back(std::move(action_made));
    }
    return rule;
  };
  for (const ast::DeadlineDecl::Warning& warning : written.warnings) {
    Rule rule = rule_of(warning.span, made.warned, warning.actions);
    rule.before = deadline_days(*warning.before, "before");
    rules.push_back(std::move(rule));
  }
  rules.push_back(rule_of(written.span, made.missed, written.missed));
  context_.program.deadlines[index] = std::move(made);
}

}  // namespace dunlin::sema

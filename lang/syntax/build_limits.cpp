// Limits and holds: what must never happen, and what stops for a while.
#include "lang/syntax/ast_department.h"
#include "lang/syntax/builder.h"

namespace dunlin::syntax {

ast::Period Builder::period(P::PeriodContext& context) const {
  using Unit = ast::Period::Unit;
  ast::Period out;
  out.span = span(context);
  out.calendar = context.CALENDAR() != nullptr;
  out.unit = context.DAY() ? Unit::day : context.WEEK() ? Unit::week : context.MONTH() ? Unit::month : context.QUARTER() ? Unit::quarter : Unit::year;
  return out;
}

ast::Contacts Builder::contacts(P::ContactsContext& context) const {
  ast::Contacts out;
  out.span = span(context);
  if (context.ANY()) {
    out.any = name(*context.ident());
  } else {
    out.queues = paths(context.path());
  }
  return out;
}

ast::ContactKind Builder::contact_kind(P::ContactKindContext& context) {
  ast::ContactKind out;
  out.span = span(context);
  out.queue = path(*context.path());
  if (context.text()) out.treatment = plain_text(*context.text()->start);
  return out;
}

std::vector<ast::ContactKind> Builder::contact_kinds(const std::vector<P::ContactKindContext*>& contexts) {
  std::vector<ast::ContactKind> out;
  for (P::ContactKindContext* item : contexts) out.push_back(contact_kind(*item));
  return out;
}

ast::Hours Builder::hours(P::HoursContext& context) {
  ast::Hours out;
  out.span = span(context);
  const antlr4::Token& from = *context.TIME(0)->getSymbol();
  const antlr4::Token& to = *context.TIME(1)->getSymbol();
  out.from = make(span(from), time_literal(from));
  out.to = make(span(to), time_literal(to));
  if (context.dayGroup()) out.days = day_group(*context.dayGroup());
  return out;
}

std::vector<ast::Name> Builder::day_group(P::DayGroupContext& context) const {
  std::vector<ast::Name> out{name(*context.ident())};
  if (context.DAYS()) out.push_back(name_of(*context.DAYS()->getSymbol()));
  return out;
}

std::vector<ast::Name> Builder::limit_key(P::LimitKeyContext* context) const {
  std::vector<ast::Name> out;
  if (context == nullptr) return out;
  for (P::IdentContext* key : context->ident()) out.push_back(name(*key));
  return out;
}

ast::LimitCap Builder::limit_cap(P::LimitCapContext& context) {
  ast::LimitCap out;
  out.span = span(context);
  out.count = count(*context.attemptCount());
  if (context.period()) out.period = period(*context.period());
  out.rolling = optional_sum(context.sum());
  return out;
}

ast::LimitItem Builder::limit_item(P::LimitItemContext& context) {
  using Kind = ast::LimitItem::Kind;
  ast::LimitItem out;
  out.span = span(context);
  out.doc = doc(context);
  if (context.contacts()) out.contacts = contacts(*context.contacts());
  if (context.APPLIES()) {
    out.condition = expr(*context.expr());
  } else if (context.SLOTS()) {
    out.kind = Kind::slots;
    out.slots_to = name(*context.ident());
  } else if (context.RESERVE()) {
    out.kind = Kind::reserve;
    std::string digits(source(span(*context.INT()->getSymbol())));
    std::erase(digits, '_');
    out.reserved = make(span(*context.INT()->getSymbol()), ast::IntLit{digits});
    out.reserved_queue = path(*context.path(0));
    out.reserve_period = period(*context.period());
    out.reserved_for = plain_text(*context.text()->start);
    out.reserved_for_span = span(*context.text());
  } else if (context.NEVER()) {
    never(context, out);
  } else if (context.MOST()) {
    out.kind = Kind::at_most;
    for (P::LimitCapContext* cap : context.limitCap()) out.caps.push_back(limit_cap(*cap));
    out.keys = limit_key(context.limitKey());
    if (context.counted()) out.counting = counted(*context.counted());
  } else if (context.NONE()) {
    out.kind = Kind::none_after;
    out.pause = sum(*context.sum());
    out.after = paths(context.path());
    out.keys = limit_key(context.limitKey());
  } else {
    out.kind = Kind::between;
    for (P::HoursContext* item : context.hours()) out.hours.push_back(hours(*item));
    if (context.IN()) out.zone = sum(*context.sum());
  }
  return out;
}

void Builder::never(P::LimitItemContext& context, ast::LimitItem& out) {
  out.kind = ast::LimitItem::Kind::never;
  out.except = contact_kinds(context.contactKind());
  if (context.TO()) out.recipient = name(*context.ident());
  if (context.WHEN()) out.condition = expr(*context.expr());
  if (context.FROM()) {
    out.from = sum(*context.sum());
    for (P::LimitEndContext* end : context.limitEnd()) out.until.push_back(sum(*end->sum()));
  }
}

ast::Contacts Builder::counted(P::CountedContext& context) const {
  ast::Contacts out;
  out.span = span(context);
  if (context.ANY()) {
    out.any = name(*context.ident());
  } else {
    out.queues = paths(context.path());
  }
  return out;
}

ast::Part<ast::LimitsDecl> Builder::limits(P::LimitsDeclContext& context) {
  auto out = std::make_shared<ast::LimitsDecl>();
  out->name = context.TEXT() ? ast::Name{plain_text(*context.TEXT()->getSymbol()), span(*context.TEXT()->getSymbol())} : name(*context.ident());
  if (P::InForceContext* force = context.inForce()) {
    out->from_date = sum(*force->sum(0));
    out->to_date = optional_sum(force->sum(1));
  }
  each_item(context.limitsBlock()->limitItem(), [&](P::LimitItemContext& item) { out->items.push_back(limit_item(item)); });
  return out;
}

void Builder::hold_item(P::HoldItemContext& context, ast::HoldDecl& out) {
  const bool given = (context.STOPS() && out.stops_given) || (context.TIMERS() && out.timers) || (context.LASTS() && out.lasts) ||
                     (context.REVIEW() && out.review_by) || (context.UNTIL() && out.until);
  only_once(given, span(context), source(span(*context.start)));
  if (context.STOPS()) {
    out.stops_given = true;
    out.stops_everything = context.EVERYTHING() != nullptr;
    (out.stops_everything ? out.except : out.stops) = contact_kinds(context.contactKind());
  } else if (context.TIMERS()) {
    out.timers = name(*context.ident());
  } else if (context.LASTS()) {
    out.lasts = sum(*context.sum());
  } else if (context.REVIEW()) {
    out.review_by = name(*context.ident());
  } else {
    out.until = name(*context.ident());
  }
}

ast::Part<ast::HoldDecl> Builder::hold(P::HoldDeclContext& context) {
  auto out = std::make_shared<ast::HoldDecl>();
  out->name = name(*context.ident(0));
  out->title = optional_text(context.TEXT());
  if (context.FOR()) out->entity = name(*context.ident(1));
  each_item(context.holdBlock()->holdItem(), [&](P::HoldItemContext& item) { hold_item(item, *out); });
  return out;
}

ast::Action Builder::department_action(P::DepartmentActionContext& context) {
  using Kind = ast::DepartmentAction::Kind;
  auto made = std::make_shared<ast::DepartmentAction>();
  made->kind = context.HOLD()      ? Kind::hold
               : context.LIFT()    ? Kind::lift
               : context.ASK()     ? Kind::ask
               : context.REQUEST() ? Kind::request
               : context.PLACE()   ? Kind::place
               : context.EXTEND()  ? Kind::extend_placement
                                   : Kind::recall;
  if (context.ident()) made->target = ast::Path{{name(*context.ident())}, span(*context.ident())};
  if (context.path()) made->target = path(*context.path());
  made->duration = optional_sum(context.sum());
  made->payload = record(context.payload());
  if (context.text()) made->reason = text(*context.text()->start);
  ast::Action out;
  out.kind = ast::Action::Kind::department;
  out.span = span(context);
  out.department = std::move(made);
  return out;
}

}  // namespace dunlin::syntax

// Approvals, quotas and allocations: their expressions, what rules do with them, and what `asked(x)`, `requested(x)` and `placed(x)` ask.
#include <algorithm>

#include "lang/sema/declare.h"
#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Request;

namespace {

const char* kind_name(Request::Kind kind) {
  constexpr const char* names[] = {"approval", "quota", "allocation"};
  return names[static_cast<size_t>(kind)];
}

/// The request of this name and kind; reports one that there is not.
Index request_named(Context& context, const std::string& name, Span span, Request::Kind kind) {
  const Index found = checked::find_request(context.program, name);
  if (found != none && context.program.requests[static_cast<size_t>(found)].kind == kind) {
    context.note_use(span, SymbolKind::event, context.program.requests[static_cast<size_t>(found)].event);
    return found;
  }
  Diagnostic& diagnostic = context.error("E0750", span, std::string("there is no ") + kind_name(kind) + " " + in_ticks(name));
  if (found != none) {
    const Request& other = context.program.requests[static_cast<size_t>(found)];
    diagnostic.notes.push_back({other.span, std::string(other.kind == Request::Kind::quota ? "this is a " : "this is an ") + kind_name(other.kind)});
    const char* verbs[] = {"ask ", "request ", "place with "};
    diagnostic.help = "write `" + std::string(verbs[static_cast<size_t>(other.kind)]) + name + "`";
    return none;
  }
  std::vector<std::string> candidates;
  for (const Request& candidate : context.program.requests) {
    if (candidate.kind == kind) candidates.push_back(candidate.name);
  }
  suggest(diagnostic, name, candidates);
  if (diagnostic.help.empty()) {
    diagnostic.help = kind == Request::Kind::approval ? "declare it: `approval " + name + "(discount : decimal) { by supervisor }`"
                      : kind == Request::Kind::quota  ? "declare it: `quota " + name + " 100 per calendar month`"
                                                      : "declare it: `allocation " + name + " { shares { north 60%, south 40% } }`";
  }
  return none;
}

class RequestChecker {
 public:
  explicit RequestChecker(Context& context) : context_(context) {}

  void approval(const ast::ApprovalDecl& written) {
    Request* made = find(written.name.text);
    if (made == nullptr) return;
    Surroundings around = surroundings(*made);
    for (const checked::Field& column : made->columns) around.parameters.emplace_back(column.name, column.type);
    if (written.by) role(*written.by, around, *made);
    made->due = duration(written.due, around, "due");
    made->lapses = duration(written.lapses_after, around, "lapses after");
  }

  void quota(const ast::QuotaDecl& written) {
    Request* made = find(written.name.text);
    if (made == nullptr) return;
    Surroundings around = surroundings(*made);
    for (const auto& key : written.order) {
      around.label = made->name + ": by";
      const RootId root = make_root(context_, around, *key.key, {});
      const Type type = context_.program.roots[static_cast<size_t>(root)].type;
      const bool plain = type.kind == TypeKind::boolean || type.kind == TypeKind::enumeration;
      if (!type.is_error() && !is_ordered(type.kind) && !plain) {
        context_.error("E0301", key.key->span, "an order needs values that can be compared, found " + in_ticks(context_.type_text(type))).help =
            "requests that are alike otherwise are granted in the order in which they were asked";
      }
      made->order.push_back({root, key.descending});
    }
    Surroundings figure;
    figure.label = made->name + ": how many";
    made->count = make_root(context_, figure, *written.count, type_of(TypeKind::integer));
    require_room(made->count, written.count->span, "this quota grants nothing to anybody");
  }

  void allocation(const ast::AllocationDecl& written) {
    Request* made = find(written.name.text);
    if (made == nullptr) return;
    if (written.measure) {
      Surroundings around = surroundings(*made);
      around.label = made->name + ": by";
      made->measure = make_root(context_, around, *written.measure, type_of(TypeKind::money));
    }
    for (const auto& cap : written.caps) {
      Surroundings figure;
      figure.label = made->name + ": cap";
      made->caps.push_back(make_root(context_, figure, *cap.amount, type_of(written.measure ? TypeKind::money : TypeKind::integer)));
      require_room(made->caps.back(), cap.amount->span, "nothing can be placed under this cap");
    }
  }

 private:
  Request* find(const std::string& name) {
    const Index index = checked::find_request(context_.program, name);
    return index == none ? nullptr : &context_.program.requests[static_cast<size_t>(index)];
  }

  static Surroundings surroundings(const Request& made) {
    Surroundings around;
    around.label = made.name + ": by";
    around.self_entity = made.entity;
    around.free_now = true;
    return around;
  }

  /// A role by name, or what tells it from what is asked for.
  void role(const ast::Expr& written, const Surroundings& around, Request& made) {
    if (const auto* name = std::get_if<ast::NameRef>(&written.node); name != nullptr && !means_something(name->name.text, made)) {
      made.role = name->name.text;
      return;
    }
    made.by = make_root(context_, around, written, {});
    const Type type = context_.program.roots[static_cast<size_t>(made.by)].type;
    if (type.is_error() || (!type.optional && (type.kind == TypeKind::text || type.kind == TypeKind::enumeration))) return;
    context_.error("E0301", written.span, "a role is needed here: a name, a text, or a value of an enumeration; found " + in_ticks(context_.type_text(type)))
        .help = "write `by supervisor`, or `by approver(amount)` with a table or function that yields a role";
  }

  bool means_something(const std::string& name, const Request& made) const {
    const auto& entity = context_.names.entities[static_cast<size_t>(made.entity)];
    return checked::find_field(made.columns, name) != none || entity.contains(name) || context_.names.values.contains(name);
  }

  RootId duration(const ast::ExprPtr& written, Surroundings around, const char* what) {
    if (!written) return none;
    around.label = what;
    const RootId root = make_root(context_, around, *written, type_of(TypeKind::duration));
    const auto& body = context_.program.roots[static_cast<size_t>(root)].body;
    const auto plain = body ? constant_key(*folded(clone(*body))) : std::nullopt;
    if (plain && *plain >> 3 <= 0) context_.error("E0315", written->span, "nobody can decide in no time at all");
    return root;
  }

  void require_room(RootId root, Span span, const char* message) {
    const auto& body = context_.program.roots[static_cast<size_t>(root)].body;
    const auto plain = body ? constant_key(*folded(clone(*body))) : std::nullopt;
    if (plain && *plain <= 0) context_.error("E0755", span, message).help = "write a figure above zero, or remove the declaration and what asks for it";
  }

  Context& context_;
};

}  // namespace

void check_requests(Context& context) {
  RequestChecker checker(context);
  context.each<ast::Part<ast::ApprovalDecl>>([&](const Placed&, const ast::Part<ast::ApprovalDecl>& written) { checker.approval(*written); });
  context.each<ast::Part<ast::QuotaDecl>>([&](const Placed&, const ast::Part<ast::QuotaDecl>& written) { checker.quota(*written); });
  context.each<ast::Part<ast::AllocationDecl>>([&](const Placed&, const ast::Part<ast::AllocationDecl>& written) { checker.allocation(*written); });
}

// ---- what rules do ---------------------------------------------------------------------------------------------------

bool RuleChecker::request(const ast::Action& written, const Surroundings& around, checked::Action& made) {
  using Kind = ast::DepartmentAction::Kind;
  const ast::DepartmentAction& action = *written.department;
  const Request::Kind kind = action.kind == Kind::ask       ? Request::Kind::approval
                             : action.kind == Kind::request ? Request::Kind::quota
                                                            : Request::Kind::allocation;
  const Index index = request_named(context_, action.target.text(), action.target.span, kind);
  if (index == none) return false;
  const Request& request = context_.program.requests[static_cast<size_t>(index)];
  if (place_.entity != request.entity) {
    Diagnostic& diagnostic = context_.error(
        "E0751", action.target.span,
        in_ticks(request.name) + " is for " + in_ticks(context_.program.entities[static_cast<size_t>(request.entity)].name) + "; here it would be asked for " +
            (place_.entity == none ? std::string("whatever an `always` without an entity meets")
                                   : in_ticks(context_.program.entities[static_cast<size_t>(place_.entity)].name)));
    diagnostic.notes.push_back({request.span, "declared here"});
    diagnostic.help = place_.entity == none ? "write `always for " + context_.program.entities[static_cast<size_t>(request.entity)].name + "`"
                                            : "an instance asks for itself: raise an event, and let a strategy for the other ask upon it";
    return false;
  }
  made.kind = checked::Action::Kind::raise;
  made.event_type = request.asked;
  if (action.duration) made.duration = make_root(context_, around, *action.duration, type_of(TypeKind::duration));
  if (kind != Request::Kind::approval) return true;
  // Besides the columns the rule may say who asks.
  std::vector<checked::Field> fields = request.columns;
  const auto& asked = context_.program.events[static_cast<size_t>(request.asked)].fields;
  const Index requester = checked::find_field(asked, "requester");
  if (requester != none) fields.push_back(asked[static_cast<size_t>(requester)]);
  made.fields = check_payload(context_, action.payload.get(), fields, around, true, "the approval " + in_ticks(request.name), written.span);
  for (checked::FieldValue& value : made.fields) {
    const checked::Field& column = fields[static_cast<size_t>(value.field)];
    const checked::Root& root = context_.program.roots[static_cast<size_t>(value.value)];
    const auto constant = root.body ? constant_key(*folded(clone(*root.body))) : std::nullopt;
    if (constant && ((column.minimum && *constant < *column.minimum) || (column.maximum && *constant > *column.maximum))) {
      context_.error("E0315", root.body->span, in_ticks(column.name) + " of " + in_ticks(request.name) + " lies outside of its range")
          .notes.push_back({column.span, "the range stands here"});
    }
    value.field = checked::find_field(context_.program.events[static_cast<size_t>(request.asked)].fields, fields[static_cast<size_t>(value.field)].name);
  }
  return true;
}

/// A placement is extended or recalled whoever made it: one action for each allocation, and of these those act that have placed.
void RuleChecker::change_placement(const ast::Action& written, const Surroundings& around, std::vector<checked::Action>& out) {
  const ast::DepartmentAction& action = *written.department;
  const bool extends = action.kind == ast::DepartmentAction::Kind::extend_placement;
  RootId duration = none, reason = none;
  if (extends && action.duration) duration = make_root(context_, around, *action.duration, type_of(TypeKind::duration));
  if (!extends && action.reason) reason = make_root(context_, around, *action.reason, type_of(TypeKind::text));
  bool any = false;
  for (const Request& request : context_.program.requests) {
    if (request.kind != Request::Kind::allocation || request.entity != place_.entity) continue;
    any = true;
    checked::Action made;
    made.span = written.span;
    made.kind = checked::Action::Kind::raise;
    made.event_type = extends ? request.extended : request.recalled;
    made.duration = duration;
    if (reason != none) {
      const auto& fields = context_.program.events[static_cast<size_t>(request.recalled)].fields;
      made.fields.push_back({checked::find_field(fields, "reason"), reason});
    }
    out.push_back(std::move(made));
  }
  if (any) return;
  context_
      .error("E0750", written.span,
             "there is no allocation" +
                 (place_.entity == none ? std::string() : " for " + in_ticks(context_.program.entities[static_cast<size_t>(place_.entity)].name)) +
                 ": nothing is placed that could be " + (extends ? "extended" : "recalled"))
      .help = "declare one: `allocation first_round { shares { north 60%, south 40% } }`, and `place with first_round`";
}

// ---- what conditions ask ---------------------------------------------------------------------------------------------

/// `asked(settlement)`, `requested(filings)`: a request stands that nothing has answered. `placed(first_round)`: a placement that is not over.
ExprPtr ExpressionChecker::check_requested(const std::string& word, const ast::CallExpr& call, Span span) {
  const auto* name = call.arguments.size() == 1 ? std::get_if<ast::NameRef>(&call.arguments[0].value->node) : nullptr;
  if (name == nullptr) {
    context_.error("E0304", span,
                   in_ticks(word) + " takes the name of " +
                       (word == "asked"    ? "an approval"
                        : word == "placed" ? "an allocation"
                                           : "a quota or allocation"));
    return make_wrong(span);
  }
  Request::Kind kind = word == "asked" ? Request::Kind::approval : word == "placed" ? Request::Kind::allocation : Request::Kind::quota;
  const Index known = checked::find_request(context_.program, name->name.text);
  if (word == "requested" && known != none && context_.program.requests[static_cast<size_t>(known)].kind == Request::Kind::allocation) {
    kind = Request::Kind::allocation;
  }
  const Index index = request_named(context_, name->name.text, name->name.span, kind);
  if (index == none) return make_wrong(span);
  const Request& request = context_.program.requests[static_cast<size_t>(index)];
  const Index self = around_.self_entity;
  const Index event_type = word == "placed" ? request.granted : request.asked;
  ExprPtr node = make_node(Op::aggregate, type_of(TypeKind::boolean), span);
  node->aggregate = std::make_unique<checked::Aggregate>();
  checked::Aggregate& made = *node->aggregate;
  made.function = checked::AggregateFunction::exists;
  made.event_types = {event_type};
  if (context_.is_ancestor_or_self(request.entity, self)) {
    made.owner = request.entity == self ? self_expr(span) : ancestor_of(self_expr(span), request.entity, span);
  } else if (context_.is_ancestor_or_self(self, request.entity)) {
    made.owner = self_expr(span);
    made.scope =
        context_.program.entities[static_cast<size_t>(self)].parent == none ? checked::Aggregate::Scope::case_file : checked::Aggregate::Scope::subtree;
  } else {
    context_.error("E0751", name->name.span,
                   in_ticks(request.name) + " is for " + in_ticks(context_.program.entities[static_cast<size_t>(request.entity)].name) +
                       ", which does not hang on " + in_ticks(context_.program.entities[static_cast<size_t>(self)].name));
    return make_wrong(span);
  }
  const Type event = type_of(TypeKind::event, event_type);
  made.local = add_local(event);
  const auto& fields = context_.program.events[static_cast<size_t>(event_type)].fields;
  const Index over = checked::find_field(fields, word == "placed" ? "over_at" : "answered_at");
  ExprPtr value = make_node(Op::event_field, fields[static_cast<size_t>(over)].type, span, make_local(made.local, event, span));
  value->index = over;
  made.where = make_node(Op::logical_not, type_of(TypeKind::boolean), span, make_node(Op::known, type_of(TypeKind::boolean), span, std::move(value)));
  return node;
}

}  // namespace dunlin::sema

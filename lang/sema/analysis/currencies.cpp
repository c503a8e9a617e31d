// Where accounts carry currencies of their own, an amount belongs to the currency of the instance it was read from. Every expression is
// followed from its fields upwards: amounts that meet (in a sum, a comparison, a choice, a variable) must be of one currency that is known
// to be one. Literals, parameters and what tables say are counted in whatever they meet. What costs is in the bundle's currency.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <tuple>
#include <utility>

#include "lang/sema/analysis/scope.h"
#include "lang/sema/analysis/strategies.h"

namespace dunlin::analysis {

using checked::Expr;
using checked::Index;
using checked::none;
using checked::Op;
using checked::RootId;
using checked::TypeKind;

namespace {

/// An instance as far as it can be told apart: two places with one base and entity are the same instance.
struct Place {
  std::string base;
  Index entity = none;
  std::shared_ptr<const Place> above;  // what is known of where it hangs: nothing unless the base says less than this
};

/// In which currency an amount is counted.
struct Label {
  enum class Kind { any, bundle, code, of };
  Kind kind = Kind::any;
  int64_t code = 0;      // of the type `currency`
  std::string base;      // of: the instance that carries it
  Index carrier = none;  // of: its entity
  bool operator==(const Label&) const = default;
};

struct Bound {
  Label label;
  Place place;
};

/// Everything a body is read in.
struct Frame {
  Place self;
  Index event_type = none;
  std::vector<Bound> parameters;
  std::map<Index, Bound> locals;
  std::vector<std::pair<Label, Label>> narrowed;  // proved here: the currency of the first is the second
};

class Currencies {
 public:
  Currencies(const checked::Program& program, Diagnostics& diagnostics) : program_(program), diagnostics_(diagnostics) {}

  void run() {
    if (program_.bundle.currency_enum == none || !find_carriers()) return;
    bodies_of_definitions();
    for (size_t i = 0; i < program_.roots.size(); ++i) {
      const auto root = static_cast<RootId>(i);
      if (!definitions_.contains(root) && !program_.roots[i].label.starts_with("test ")) label_of_root(root);
    }
    for (const checked::Strategy& strategy : program_.strategies) check_strategy(strategy);
    for (const checked::Always& always : program_.always) check_rules(always.rules, always.entity);
  }

 private:
  // ---- who carries a currency --------------------------------------------------------------------------

  bool find_carriers() {
    for (const checked::Entity& entity : program_.entities) {
      Index field = none;
      for (size_t i = 0; i < entity.fields.size(); ++i) {
        if (!is_currency(entity.fields[i].type)) continue;
        if (field != none) {
          auto& diagnostic = diagnostics_.error("E0328", entity.fields[i].span, fmt::format("`{}` has a currency already", entity.name));
          diagnostic.notes.push_back({entity.fields[static_cast<size_t>(field)].span, "amounts are counted in this one"});
          diagnostic.help = "what is owed in two currencies is two accounts, or two entities that hang on one";
          return false;
        }
        field = static_cast<Index>(i);
      }
      own_field_.push_back(field);
      const auto self = static_cast<Index>(carrier_.size());
      carrier_.push_back(field != none ? self : entity.parent == none ? none : carrier_[static_cast<size_t>(entity.parent)]);
    }
    return std::any_of(own_field_.begin(), own_field_.end(), [](Index field) { return field != none; });
  }
  bool is_currency(const checked::Type& type) const { return type.kind == TypeKind::enumeration && type.id == program_.bundle.currency_enum; }
  bool reaches(Index ancestor, Index entity) const {
    while (entity != none && entity != ancestor) entity = program_.entities[static_cast<size_t>(entity)].parent;
    return entity != none;
  }

  /// In what the amounts of an instance are counted.
  Label amounts_of(const Place& place) const {
    if (place.entity == none || carrier_[static_cast<size_t>(place.entity)] == none) return {Label::Kind::bundle};
    const Index carrier = carrier_[static_cast<size_t>(place.entity)];
    const Place* at = &place;
    while (at->above && reaches(carrier, at->above->entity)) at = at->above.get();
    return {Label::Kind::of, 0, carrier == 0 ? "root" : at->base, carrier};
  }
  Label of_code(int64_t code) const {
    const auto& codes = program_.enums[static_cast<size_t>(program_.bundle.currency_enum)].literals;
    if (codes[static_cast<size_t>(code)] == program_.bundle.currency) return {Label::Kind::bundle};
    return {Label::Kind::code, code};
  }

  // ---- bodies --------------------------------------------------------------------------------------------

  /// Functions and tables are read where they are called.
  void bodies_of_definitions() {
    for (const checked::Function& function : program_.functions) definitions_.insert(function.root);
    for (const checked::Table& table : program_.tables) {
      for_each_root(table, [&](RootId root) { definitions_.insert(root); });
    }
    for (const checked::Entity& entity : program_.entities) {
      for (const checked::Derived& derived : entity.derived) definitions_.insert(derived.root);
    }
    for (size_t e = 0; e < program_.entities.size(); ++e) {
      for (size_t d = 0; d < program_.entities[e].derived.size(); ++d) derived(static_cast<Index>(e), static_cast<Index>(d));
    }
  }
  template <class Visit>
  static void for_each_root(const checked::Table& table, Visit&& visit) {
    const auto in_row = [&](const checked::TableRow& row) {
      for (const checked::Cell& cell : row.cells) {
        if (cell.predicate != none) visit(cell.predicate);
      }
      for (const checked::TableOutput& output : row.outputs) {
        if (output.root != none) visit(output.root);
      }
    };
    for (const checked::TableRow& row : table.rows) in_row(row);
    if (table.otherwise) in_row(*table.otherwise);
  }

  Frame frame_of(const checked::Root& root) const {
    Frame frame;
    frame.self = {"self", root.self_entity, nullptr};
    frame.event_type = root.event_type;
    for (size_t i = 0; i < root.parameters.size(); ++i) {
      Bound bound;
      if (root.parameters[i].kind == TypeKind::instance) {  // the binder of a `keep … for g in …`: hangs on the instance or above it
        bound.place = {fmt::format("p{}", i), root.parameters[i].id, nullptr};
        const Index parent = program_.entities[static_cast<size_t>(root.parameters[i].id)].parent;
        if (parent != none && reaches(parent, root.self_entity)) bound.place.above = std::make_shared<Place>(Place{"self", parent, nullptr});
      }
      frame.parameters.push_back(std::move(bound));
    }
    return frame;
  }
  Label label_of_root(RootId id) {
    if (id == none) return {};
    const checked::Root& root = program_.roots[static_cast<size_t>(id)];
    if (!root.body) return {};
    Frame frame = frame_of(root);
    return label(*root.body, frame);
  }

  /// A derived field in terms of `self`; read once.
  const Bound& derived(Index entity, Index index) {
    const auto [at, fresh] = derived_.try_emplace({entity, index});
    if (!fresh) return at->second;
    const checked::Derived& field = program_.entities[static_cast<size_t>(entity)].derived[static_cast<size_t>(index)];
    if (field.root == none || !program_.roots[static_cast<size_t>(field.root)].body) return at->second;
    Frame frame = frame_of(program_.roots[static_cast<size_t>(field.root)]);
    const Expr& body = *program_.roots[static_cast<size_t>(field.root)].body;
    Bound bound = bind(body, frame);
    Bound& kept = derived_[{entity, index}];
    kept = std::move(bound);
    return kept;
  }

  // ---- amounts -------------------------------------------------------------------------------------------

  static bool counts(const checked::Type& type) { return type.kind == TypeKind::money; }

  Label resolved(const Label& found, const Frame& frame) const {
    for (auto at = frame.narrowed.rbegin(); at != frame.narrowed.rend(); ++at) {
      if (at->first == found) return at->second;
    }
    return found;
  }

  /// The currency in which `expr` is counted (money), or which it is (of the type `currency`); everything below it is looked at too.
  Label label(const Expr& expr, Frame& frame) {
    const Label found = raw_label(expr, frame);
    return counts(expr.type) || is_currency(expr.type) ? resolved(found, frame) : Label{};
  }

  Label raw_label(const Expr& expr, Frame& frame) {
    switch (expr.op) {
      case Op::literal:
        return is_currency(expr.type) ? of_code(expr.value) : Label{};
      case Op::field: {
        label(*expr.args[0], frame);
        return amounts_of(place(*expr.args[0], frame));
      }
      case Op::event_field:
        return event_field(expr, frame);
      case Op::derived:
        return derived_field(expr, frame);
      case Op::variable:
        return amounts_of(frame.self);
      case Op::parameter:
        return static_cast<size_t>(expr.index) < frame.parameters.size() ? frame.parameters[static_cast<size_t>(expr.index)].label : Label{};
      case Op::local:
        return frame.locals[expr.index].label;
      case Op::logical_and:
        return narrowing(expr, frame);
      case Op::condition:
        return choice(expr, frame);
      case Op::let:
      case Op::map:
        return binding(expr, frame);
      case Op::function:
      case Op::table:
        return call(expr, frame);
      case Op::aggregate:
        return aggregate(expr, frame);
      case Op::multiply:
        for (size_t i = 1; i < expr.args.size(); ++i) label(*expr.args[i], frame);
        return label(*expr.args[0], frame);
      default:
        return one_of_all(expr, frame);
    }
  }

  /// Amounts that meet in one operation.
  Label one_of_all(const Expr& expr, Frame& frame) {
    Label so_far;
    for (const auto& argument : expr.args) {
      const Label next = label(*argument, frame);
      if (counts(argument->type)) so_far = meet(so_far, next, expr.span);
    }
    if (is_currency(expr.type) && !expr.args.empty()) return label(*expr.args[0], frame);
    return so_far;
  }

  Label choice(const Expr& expr, Frame& frame) {
    label(*expr.args[0], frame);
    const size_t before = frame.narrowed.size();
    learn(*expr.args[0], frame);
    const Label then = label(*expr.args[1], frame);
    frame.narrowed.resize(before);
    const Label otherwise = label(*expr.args[2], frame);
    return counts(expr.type) ? meet(then, otherwise, expr.span) : then == otherwise ? then : Label{};
  }

  Label narrowing(const Expr& expr, Frame& frame) {
    const size_t before = frame.narrowed.size();
    for (const auto& part : expr.args) {
      label(*part, frame);
      learn(*part, frame);
    }
    frame.narrowed.resize(before);
    return {};
  }

  /// `a.currency = PLN`, `a.currency = currency`, and what is joined to it by `and`.
  void learn(const Expr& condition, Frame& frame) {
    if (condition.op == Op::logical_and) {
      for (const auto& part : condition.args) learn(*part, frame);
      return;
    }
    if (condition.op != Op::equal || !is_currency(condition.args[0]->type)) return;
    const Label left = label(*condition.args[0], frame), right = label(*condition.args[1], frame);
    if (left == right) return;
    if (left.kind == Label::Kind::of && (right.kind != Label::Kind::of || left.base != "self"))
      frame.narrowed.emplace_back(left, right);
    else if (right.kind == Label::Kind::of)
      frame.narrowed.emplace_back(right, left);
  }

  Label binding(const Expr& expr, Frame& frame) {
    frame.locals[expr.index] = bind(*expr.args[0], frame);
    const Label body = label(*expr.args[1], frame);
    return expr.text == "converted" ? frame.locals[expr.index].label : body;
  }
  Bound bind(const Expr& expr, Frame& frame) {
    Bound bound;
    bound.label = label(expr, frame);
    if (expr.type.kind == TypeKind::instance || expr.type.kind == TypeKind::event) bound.place = place(expr, frame);
    return bound;
  }

  Label call(const Expr& expr, Frame& frame) {
    Frame inner;
    for (const auto& argument : expr.args) inner.parameters.push_back(bind(*argument, frame));
    if (++depth_ > 64) return --depth_, Label{};
    Label result;
    if (expr.op == Op::function) {
      const checked::Root& root = program_.roots[static_cast<size_t>(program_.functions[static_cast<size_t>(expr.index)].root)];
      if (root.body) result = label(*root.body, inner);
    } else {
      for_each_root(program_.tables[static_cast<size_t>(expr.index)], [&](RootId id) {
        const checked::Root& root = program_.roots[static_cast<size_t>(id)];
        if (!root.body) return;
        const Label one = label(*root.body, inner);
        if (counts(root.type)) result = meet(result, one, expr.span);
      });
    }
    --depth_;
    return result;
  }

  Label event_field(const Expr& expr, Frame& frame) {
    label(*expr.args[0], frame);
    const checked::EventType& type = program_.events[static_cast<size_t>(expr.args[0]->type.id)];
    const bool cost = type.queue != none && type.fields[static_cast<size_t>(expr.index)].name == "cost";
    if (cost) return {Label::Kind::bundle};
    return amounts_of(place(*expr.args[0], frame));
  }

  Label derived_field(const Expr& expr, Frame& frame) {
    label(*expr.args[0], frame);
    const Place on = place(*expr.args[0], frame);
    Label found = derived(expr.args[0]->type.id, expr.index).label;
    if (found.kind != Label::Kind::of || found.base == "root") return found;
    if (found.base == "self") return carried(on, found.carrier);
    found.base = on.base + found.base.substr(std::string("self").size());
    return found;
  }
  /// The currency that an ancestor of `place`, or itself, carries.
  Label carried(const Place& place, Index carrier) const {
    const Place* at = &place;
    while (at->above && reaches(carrier, at->above->entity)) at = at->above.get();
    return {Label::Kind::of, 0, carrier == 0 ? "root" : at->base, carrier};
  }

  Label aggregate(const Expr& expr, Frame& frame) {
    const checked::Aggregate& over = *expr.aggregate;
    if (over.source == checked::Aggregate::Source::rows) {
      frame.locals[over.local].label = over.owner ? label(*over.owner, frame) : Label{};
    } else {
      if (over.owner) label(*over.owner, frame);
      frame.locals[over.local].place = element(expr, frame);
    }
    if (over.window_value) label(*over.window_value, frame);
    const size_t before = frame.narrowed.size();
    if (over.where) {
      label(*over.where, frame);
      learn(*over.where, frame);
    }
    for (const auto& order : over.order) many(label(*order.key, frame), over.local, order.key->span, counts(order.key->type));
    Label found;
    if (over.value) found = many(label(*over.value, frame), over.local, over.value->span, counts(over.value->type));
    frame.narrowed.resize(before);
    return found;
  }
  /// Amounts of every element, put together.
  Label many(const Label& one, Index local, Span span, bool amounts) {
    const std::string own = element_base(local);
    if (!amounts || one.kind != Label::Kind::of || (one.base != own && !one.base.starts_with(own + "."))) return one;
    const std::string& carrier = program_.entities[static_cast<size_t>(one.carrier)].name;
    report(span, fmt::format("these may be amounts of several currencies: each `{}` carries its own", carrier),
           fmt::format("say which with `where {0}.currency = {1}`, or convert each: `converted(amount, rate, {1})`", carrier, program_.bundle.currency));
    return {};
  }

  // ---- instances -----------------------------------------------------------------------------------------

  static std::string element_base(Index local) { return fmt::format("l{}", local); }

  Place element(const Expr& expr, Frame& frame) {
    const checked::Aggregate& over = *expr.aggregate;
    const bool list = over.source == checked::Aggregate::Source::list;
    const Index entity = list ? over.element_entity : program_.events[static_cast<size_t>(over.event_types.front())].owner;
    Place made{element_base(over.local), entity, nullptr};
    if (!over.owner) return made;
    const Place owner = place(*over.owner, frame);
    if (!list && over.scope == checked::Aggregate::Scope::case_file) {
      made.above = std::make_shared<Place>(Place{"root", 0, nullptr});
    } else if (owner.entity != none) {
      made.above = std::make_shared<Place>(owner);
    }
    return made;
  }

  Place place(const Expr& expr, Frame& frame) {
    switch (expr.op) {
      case Op::self:
        return frame.self;
      case Op::event: {
        const Index owner = frame.event_type == none ? none : program_.events[static_cast<size_t>(frame.event_type)].owner;
        if (owner == none) return {"event", frame.self.entity, nullptr};
        if (reaches(owner, frame.self.entity)) return {frame.self.base, owner, frame.self.above};
        return {"event", owner, std::make_shared<Place>(frame.self)};
      }
      case Op::ancestor: {
        Place below = place(*expr.args[0], frame);
        while (below.above && reaches(expr.index, below.above->entity)) below = Place(*below.above);
        below.entity = expr.index;
        return below;
      }
      case Op::parameter:
        return static_cast<size_t>(expr.index) < frame.parameters.size() ? frame.parameters[static_cast<size_t>(expr.index)].place : Place{};
      case Op::local:
        return frame.locals[expr.index].place;
      case Op::derived: {
        const Place on = place(*expr.args[0], frame);
        return {fmt::format("{}.{}", on.base, expr.index), expr.type.kind == TypeKind::instance ? expr.type.id : on.entity, nullptr};
      }
      case Op::aggregate: {  // the first or the last of several
        Place found = element(expr, frame);
        found.base = fmt::format("{}.{}", found.above ? found.above->base : "", key_of(expr, Scope{}));
        return found;
      }
      case Op::let:
      case Op::map:
        frame.locals[expr.index] = bind(*expr.args[0], frame);
        return place(*expr.args[1], frame);
      default:
        return expr.args.empty() ? Place{} : place(*expr.args[0], frame);
    }
  }

  // ---- where amounts are kept ----------------------------------------------------------------------------

  void check_strategy(const checked::Strategy& strategy) {
    for (const checked::Variable& variable : strategy.variables) {
      if (counts(variable.type)) keep(variable.initial, amounts_of({"self", strategy.entity, nullptr}));
    }
    check_rules(strategy.rules, strategy.entity);
    for (const Index stage : strategy.stages) check_rules(program_.stages[static_cast<size_t>(stage)].rules, strategy.entity);
  }

  void check_rules(const std::vector<checked::Rule>& rules, Index entity) {
    for (const checked::Rule& rule : rules) {
      if (rule.keep) put_into_task(rule.keep->queue, rule.keep->fields);
      for (const checked::Action& action : rule.actions) check_action(action, entity);
    }
  }
  void check_action(const checked::Action& action, Index entity) {
    using Kind = checked::Action::Kind;
    const Place self{"self", entity, nullptr};
    if (action.kind == Kind::set && action.value != none && counts(program_.roots[static_cast<size_t>(action.value)].type))
      keep(action.value, amounts_of(self));
    if (action.kind == Kind::task) put_into_task(action.queue, action.fields);
    const Index made = action.kind == Kind::open    ? action.entity
                       : action.kind == Kind::raise ? program_.events[static_cast<size_t>(action.event_type)].owner
                                                    : none;
    if (made == none || entity == none) return;
    const Index carrier = carrier_[static_cast<size_t>(made)];
    if (carrier == made && action.kind == Kind::open) return;  // it brings its own
    const Label wanted = carrier == none ? Label{Label::Kind::bundle} : reaches(carrier, entity) ? carried(self, carrier) : Label{};
    const auto& fields =
        action.kind == Kind::open ? program_.entities[static_cast<size_t>(made)].fields : program_.events[static_cast<size_t>(action.event_type)].fields;
    for (const checked::FieldValue& value : action.fields) {
      if (counts(fields[static_cast<size_t>(value.field)].type)) keep(value.value, wanted);
    }
  }
  void keep(RootId root, const Label& wanted) {
    if (root != none) meet(wanted, quiet(root), program_.roots[static_cast<size_t>(root)].span);
  }
  /// The label of a root that was looked at before: what is wrong inside it has been said.
  Label quiet(RootId root) {
    const bool before = std::exchange(silent_, true);
    const Label found = label_of_root(root);
    silent_ = before;
    return found;
  }

  /// A letter that names an amount names its currency too, if there are several.
  void put_into_task(Index queue, const std::vector<checked::FieldValue>& fields) {
    const checked::Queue& to = program_.queues[static_cast<size_t>(queue)];
    const bool says = std::any_of(to.fields.begin(), to.fields.end(),
                                  [&](const checked::Field& field) { return is_currency(field.type) || field.type.kind == TypeKind::text; });
    if (says) return;
    for (const checked::FieldValue& value : fields) {
      if (!counts(to.fields[static_cast<size_t>(value.field)].type) || quiet(value.value).kind != Label::Kind::of) continue;
      auto& diagnostic = diagnostics_.warning("E0329", program_.roots[static_cast<size_t>(value.value)].span,
                                              fmt::format("the task says how much, but queue `{}` has no field that says of which currency", to.name));
      diagnostic.help = "give the queue a field `currency : currency` and fill it here";
    }
  }

  // ---- mistakes ------------------------------------------------------------------------------------------

  Label meet(const Label& left, const Label& right, Span span) {
    if (left.kind == Label::Kind::any) return right;
    if (right.kind == Label::Kind::any || left == right) return left;
    report(span, fmt::format("{} meets {}", name_of(left), name_of(right)), "amounts of two currencies meet by a rate: `converted(amount, rate, currency)`");
    return {};
  }
  std::string name_of(const Label& label) const {
    switch (label.kind) {
      case Label::Kind::code:
        return fmt::format("an amount in {}", program_.enums[static_cast<size_t>(program_.bundle.currency_enum)].literals[static_cast<size_t>(label.code)]);
      case Label::Kind::of: {
        const std::string& entity = program_.entities[static_cast<size_t>(label.carrier)].name;
        return label.base == "self" ? fmt::format("an amount in the currency of this `{}`", entity)
                                    : fmt::format("an amount in the currency of another `{}`", entity);
      }
      default:
        return fmt::format("an amount in {}", program_.bundle.currency);
    }
  }
  void report(Span span, const std::string& message, const std::string& help) {
    if (silent_ || !told_.insert({span.file, span.begin, span.end}).second) return;
    diagnostics_.error("E0327", span, message).help = help;
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  std::vector<Index> own_field_;  // by entity: its field of the type `currency`
  std::vector<Index> carrier_;    // by entity: whose currency its amounts are in
  std::set<RootId> definitions_;
  std::map<std::pair<Index, Index>, Bound> derived_;
  std::set<std::tuple<uint32_t, uint32_t, uint32_t>> told_;
  int depth_ = 0;
  bool silent_ = false;
};

}  // namespace

void check_currencies(const checked::Program& program, Diagnostics& diagnostics) { Currencies(program, diagnostics).run(); }

}  // namespace dunlin::analysis

#include "tests/support/debt_program.h"

#include <limits>

#include "tests/support/tree.h"

namespace dunlin::test {

using namespace tree;
using checked::Cell;
using checked::HitPolicy;
using checked::RootId;
using checked::TableRow;

namespace {

constexpr int64_t lowest = std::numeric_limits<int64_t>::min(), highest = std::numeric_limits<int64_t>::max();

class Maker {
 public:
  std::unique_ptr<checked::Program> make() {
    p_.bundle.name = "debts";
    p_.bundle.currency = "EUR";
    p_.enums = {{"product", {"card", "cash_loan", "auto"}}, {"risk", {"high", "medium", "low"}}, {"source", {"branch", "court"}}};
    entities();
    events();
    p_.settings.push_back({"limit_days", integer, checked::none, {}, {}, 0, "", {}});
    p_.setting_slots = 1;
    derived_fields();
    functions();
    tables();
    return std::move(owned_);
  }

 private:
  Type optional(Type type) { return type.maybe(); }

  template <class Owner>
  void add_field(Owner& owner, const std::string& name, Type type) {
    checked::Field field;
    field.name = name;
    field.type = type;
    field.slot = owner.slot_count;
    owner.slot_count += checked::slot_count(p_, type);
    owner.fields.push_back(std::move(field));
  }

  void entities() {
    p_.entities.resize(2);
    auto& debtor = p_.entities[0];
    debtor.name = "debtor";
    debtor.children = {1};
    add_field(debtor, "id", text);
    add_field(debtor, "born", optional(date));
    add_field(debtor, "bankrupt", boolean);
    auto& account = p_.entities[1];
    account.name = "account";
    account.parent = 0;
    account.depth = 1;
    account.child_position = 0;
    add_field(account, "id", text);
    add_field(account, "balance", money);
    add_field(account, "overdue", money);
    add_field(account, "overdue_since", optional(date));
    add_field(account, "next_due", optional(date));
    add_field(account, "score", optional(integer));
    add_field(account, "secured", boolean);
    add_field(account, "rate", number);
    add_field(account, "share", decimal);
    add_field(account, "product", type(TypeKind::enumeration, false, 0));
    add_field(account, "opened", datetime);
    add_field(account, "region", text);
    add_field(account, "agreed", date);
  }

  void add_event(const std::string& name, checked::Index parent, checked::Index last, bool leaf, checked::Index owner) {
    checked::EventType event;
    event.name = name;
    event.parent = parent;
    event.last_descendant = last;
    event.leaf = leaf;
    event.owner = owner;
    p_.events.push_back(std::move(event));
  }

  void events() {
    add_event("payment", checked::none, 0, true, 1);
    add_field(p_.events[0], "amount", money);
    add_field(p_.events[0], "source", type(TypeKind::enumeration, false, 2));
    add_event("call", checked::none, 4, false, 1);
    add_event("call.reached", 1, 3, false, 1);
    add_event("call.reached.debtor", 2, 3, true, 1);
    add_field(p_.events[3], "due", optional(date));
    add_event("call.no_answer", 1, 4, true, 1);
    p_.events[3].leaf_ordinal = 0;
    p_.events[4].leaf_ordinal = 1;
    add_event("complaint", checked::none, 5, true, 0);
    add_field(p_.events[5], "weight", integer);
  }

  RootId root(ExprPtr body, checked::Index self, std::string label, std::vector<Type> parameters = {}) {
    const RootId id = add_root(p_, std::move(body), self, false, std::move(label));
    p_.roots.back().parameters = std::move(parameters);
    return id;
  }

  ExprPtr account() { return self(1); }

  void derived_fields() {
    // dpd = days(overdue_since, today) default 0
    auto since = builtin(Builtin::days, integer, local(date, 0), today());
    auto days = checked_map(field(p_, account(), "overdue_since"), 0, std::move(since), optional(integer));
    auto dpd = tree::make(Op::default_value, integer, checked::none, std::move(days), whole(0));
    p_.entities[1].derived.push_back({"dpd", integer, root(std::move(dpd), 1, "account.dpd"), checked::none, "", {}});

    auto calls = tree::make(Op::aggregate, integer, checked::none);
    calls->aggregate = std::make_unique<Aggregate>();
    calls->aggregate->owner = account();
    calls->aggregate->event_types = {1};
    calls->aggregate->window = Aggregate::Window::days;
    calls->aggregate->window_value = whole(7);
    p_.entities[1].derived.push_back({"calls_this_week", integer, root(std::move(calls), 1, "account.calls_this_week"), checked::none, "", {}});

    // risk: high when score known and score < 500 or dpd > 60, medium when dpd > 30, otherwise low
    const Type risk = type(TypeKind::enumeration, false, 1);
    auto score = [&] { return field(p_, account(), "score"); };
    auto low_score =
        both(tree::make(Op::known, boolean, checked::none, score()), compare(Op::less, tree::make(Op::unwrap, integer, checked::none, score()), whole(500)));
    auto late = [&](int64_t days_late) { return compare(Op::greater, derived(p_, account(), 0), whole(days_late)); };
    checked::Segmentation segmentation;
    segmentation.name = "risk";
    segmentation.entity = 1;
    segmentation.derived = 2;
    segmentation.enumeration = 1;
    segmentation.cases.push_back({"high", root(either(std::move(low_score), late(60)), 1, "risk: high"), {}});
    segmentation.cases.push_back({"medium", root(late(30), 1, "risk: medium"), {}});
    segmentation.cases.push_back({"low", checked::none, {}});
    p_.segmentations.push_back(std::move(segmentation));
    p_.entities[1].derived.push_back({"risk", risk, checked::none, 0, "", {}});

    auto oldest = tree::make(Op::aggregate, optional(integer), checked::none);
    oldest->aggregate = std::make_unique<Aggregate>();
    oldest->aggregate->function = checked::AggregateFunction::maximum;
    oldest->aggregate->source = Aggregate::Source::list;
    oldest->aggregate->owner = self(0);
    oldest->aggregate->element_entity = 1;
    oldest->aggregate->local = 1;
    oldest->aggregate->value = derived(p_, local(instance(1), 1), 0);
    auto oldest_or_0 = tree::make(Op::default_value, integer, checked::none, std::move(oldest), whole(0));
    p_.entities[0].derived.push_back({"oldest_debt", integer, root(std::move(oldest_or_0), 0, "debtor.oldest_debt"), checked::none, "", {}});
  }

  ExprPtr checked_map(ExprPtr source, checked::Index local_index, ExprPtr body, Type result) {
    return tree::make(Op::map, result, local_index, std::move(source), std::move(body));
  }

  void functions() {
    auto d = [] { return parameter(integer, 0); };
    auto is_late = both(compare(Op::greater, d(), whole(30)), compare(Op::less, d(), whole(90)));
    p_.functions.push_back({"is_late", {"d"}, root(std::move(is_late), checked::none, "is_late", {integer}), "", {}});
    auto amount = parameter(money, 0);
    auto share = tree::make(Op::multiply, money, checked::none, parameter(money, 0), literal(decimal, 100'000));
    auto fee = tree::make(Op::condition, money, checked::none, compare(Op::greater, parameter(integer, 1), whole(60)), std::move(share), std::move(amount));
    p_.functions.push_back({"fee", {"m", "d"}, root(std::move(fee), checked::none, "fee", {money, integer}), "", {}});
    // Large enough not to be written in place: min(d, 90) + min(d, 80) + … - d
    ExprPtr sum = whole(0);
    for (int64_t limit = 90; limit > 20; limit -= 10)
      sum = tree::make(Op::add, integer, checked::none, std::move(sum), builtin(Builtin::minimum, integer, d(), whole(limit)));
    sum = tree::make(Op::subtract, integer, checked::none, std::move(sum), d());
    p_.functions.push_back({"big_function", {"d"}, root(std::move(sum), checked::none, "big_function", {integer}), "", {}});
  }

  static Cell any() {
    Cell cell;
    cell.intervals = {{lowest, highest}};
    cell.accepts_missing = true;
    return cell;
  }
  static Cell range(int64_t low, int64_t high) {
    Cell cell;
    cell.intervals = {{low, high}};
    return cell;
  }
  static Cell only_missing() {
    Cell cell;
    cell.accepts_missing = true;
    return cell;
  }
  static checked::TableOutput constant(int64_t value) {
    checked::TableOutput output;
    output.slots = {value};
    return output;
  }
  checked::TableOutput computed(ExprPtr body, const std::vector<Type>& inputs) {
    checked::TableOutput output;
    output.constant = false;
    output.root = root(std::move(body), checked::none, "output", inputs);
    return output;
  }

  checked::Table& table(const std::string& name, std::vector<Type> inputs, Type output, HitPolicy policy, Type result) {
    auto& made = p_.tables.emplace_back();
    made.name = name;
    for (const Type& input : inputs) made.inputs.push_back({"in", input, {}});
    made.outputs.push_back({"out", output, {}});
    made.policy = policy;
    made.result = result;
    return made;
  }
  static void row(checked::Table& table, std::vector<Cell> cells, checked::TableOutput output) {
    TableRow row;
    row.cells = std::move(cells);
    row.outputs = {std::move(output)};
    table.rows.push_back(std::move(row));
  }

  void tables() {
    p_.tables.reserve(16);
    const Type risk = type(TypeKind::enumeration, false, 1);
    auto& months = table("months_offered", {money, integer}, integer, HitPolicy::unique, integer);
    row(months, {range(lowest, 9'999), any()}, constant(3));
    row(months, {range(10'000, highest), range(lowest, 30)}, constant(6));
    row(months, {range(10'000, highest), range(31, 60)}, constant(9));
    TableRow otherwise;
    otherwise.outputs = {constant(12)};
    months.otherwise = std::move(otherwise);

    auto& by_order = table("by_order", {optional(integer), integer}, risk, HitPolicy::first, risk);
    row(by_order, {range(300, 499), any()}, constant(0));
    row(by_order, {only_missing(), range(46, highest)}, constant(0));
    row(by_order, {any(), range(15, 89)}, constant(1));
    row(by_order, {any(), any()}, constant(2));

    auto& by_worth = table("by_worth", {integer, boolean}, risk, HitPolicy::priority, risk);
    row(by_worth, {any(), any()}, constant(2));
    row(by_worth, {range(20, highest), range(0, 0)}, constant(1));
    row(by_worth, {range(50, 70), any()}, constant(0));

    const std::vector<Type> inputs = {integer, optional(date)};
    auto& predicate = table("with_predicate", inputs, integer, HitPolicy::first, integer);
    Cell due_soon;
    due_soon.predicate =
        root(tree::make(Op::default_value, boolean, checked::none,
                        checked_map(parameter(optional(date), 1), 2,
                                    compare(Op::less, local(date, 2), tree::make(Op::add, date, checked::none, today(), days_long(5))), optional(boolean)),
                        flag(false)),
             checked::none, "cell", inputs);
    row(predicate, {range(10, 40), due_soon}, computed(builtin(Builtin::maximum, integer, parameter(integer, 0), whole(20)), inputs));
    row(predicate, {range(41, highest), any()}, constant(41));
    row(predicate, {any(), any()}, constant(0));

    for (const auto policy : {HitPolicy::sum, HitPolicy::count, HitPolicy::maximum}) {
      const Type output = policy == HitPolicy::maximum ? money : integer;
      auto& made = table("rows", {integer, money}, output, policy, policy == HitPolicy::maximum ? optional(money) : integer);
      row(made, {range(5, highest), any()}, constant(10));
      row(made, {range(25, 75), range(5'000, highest)}, constant(7));
      row(made, {range(lowest, 50), range(lowest, 20'000)}, constant(1));
    }

    auto& by_date = table("by_date", {date}, integer, HitPolicy::unique, integer);
    row(by_date, {range(lowest, 20'000)}, constant(1));
    row(by_date, {range(20'001, 20'100)}, constant(2));
    row(by_date, {range(20'101, highest)}, constant(3));
  }

  std::unique_ptr<checked::Program> owned_ = std::make_unique<checked::Program>();
  checked::Program& p_ = *owned_;
};

}  // namespace

std::unique_ptr<checked::Program> make_debt_program() { return Maker().make(); }

}  // namespace dunlin::test

#include "tests/support/random_expressions.h"

namespace dunlin::test {

using checked::AggregateFunction;
using checked::Type;
using checked::TypeKind;
using tree::ExprPtr;
using Window = checked::Aggregate::Window;

ExprPtr RandomExpressions::account() {
  if (!elements_.empty() && one_in(2)) return tree::local(tree::instance(1), elements_.back());
  return tree::self(1);
}

ExprPtr RandomExpressions::field(const std::string& name) { return tree::field(p_, account(), name); }

ExprPtr RandomExpressions::defaulted(ExprPtr optional, ExprPtr fallback) {
  const Type type = fallback->type;
  return tree::make(Op::default_value, type, checked::none, std::move(optional), std::move(fallback));
}

ExprPtr RandomExpressions::let(Type result, ExprPtr value, const std::function<ExprPtr(checked::Index)>& body) {
  const auto index = fresh();
  return tree::make(Op::let, result, index, std::move(value), body(index));
}

ExprPtr RandomExpressions::table(checked::Index index, Type result, std::vector<ExprPtr> arguments) {
  auto made = tree::make(Op::table, result, index);
  made->args = std::move(arguments);
  return made;
}

void RandomExpressions::window(checked::Aggregate& query, int depth) {
  switch (up_to(6)) {
    case 0:
      return;
    case 1:
    case 2:
      query.window = Window::days;
      query.window_value =
          one_in(8) ? tree::builtin(checked::Builtin::clamp, tree::integer, integer(depth - 1), tree::whole(1), tree::whole(40)) : tree::whole(between(1, 30));
      return;
    case 3:
      query.window = Window::exact;
      query.window_value = tree::hours_long(between(1, 24 * 20));
      return;
    case 4:
      query.window = Window::since;
      if (one_in(2)) {
        query.window_value = datetime(depth - 1);
      } else {  // since last(call).at
        auto last = aggregate(AggregateFunction::last, tree::type(TypeKind::event, true, DebtProgram::call), 0);
        const auto index = fresh();
        query.window_value = tree::make(Op::map, tree::datetime.maybe(), index, std::move(last),
                                        tree::make(Op::event_at, tree::datetime, checked::none, tree::local(tree::event(DebtProgram::call), index)));
      }
      return;
    default:
      query.window = Window::calendar;
      query.calendar = static_cast<checked::Aggregate::Calendar>(up_to(4));
  }
}

void RandomExpressions::where(checked::Aggregate& query, int depth) {
  if (depth <= 0 || one_in(2)) return;
  const auto element = [&] { return tree::local(tree::event(query.event_types[0]), query.local); };
  if (one_in(3)) {
    query.where = condition(depth - 1);
  } else if (query.event_types[0] == DebtProgram::payment) {
    query.where = tree::compare(Op::greater, tree::event_field(p_, element(), "amount"), money(depth - 1));
  } else if (query.event_types[0] == DebtProgram::call_debtor) {
    query.where = tree::compare(Op::less, defaulted(tree::event_field(p_, element(), "due"), date(depth - 1)), date(depth - 1));
  } else {
    auto at = tree::make(Op::event_at, tree::datetime, checked::none, element());
    query.where = tree::compare(Op::less_equal, tree::builtin(checked::Builtin::date_of, tree::date, std::move(at)), date(depth - 1));
  }
}

ExprPtr RandomExpressions::aggregate(AggregateFunction function, Type result, int depth) {
  auto made = tree::make(Op::aggregate, result, checked::none);
  made->aggregate = std::make_unique<checked::Aggregate>();
  auto& query = *made->aggregate;
  query.function = function;
  query.local = fresh();
  query.scope = static_cast<checked::Aggregate::Scope>(up_to(3));
  query.owner = query.scope == checked::Aggregate::Scope::subtree && one_in(2) ? tree::make(Op::ancestor, tree::instance(0), 0, account()) : account();
  if (result.kind == TypeKind::event) {
    query.event_types = {result.id};
  } else if (result.kind == TypeKind::money) {
    query.event_types = {DebtProgram::payment};
  } else {
    query.event_types = {static_cast<checked::Index>(up_to(5))};
  }
  if (result.kind == TypeKind::money) query.value = tree::event_field(p_, tree::local(tree::event(DebtProgram::payment), query.local), "amount");
  window(query, depth);
  where(query, depth);
  return made;
}

ExprPtr RandomExpressions::list_aggregate(AggregateFunction function, Type result, int depth) {
  auto made = tree::make(Op::aggregate, result, checked::none);
  made->aggregate = std::make_unique<checked::Aggregate>();
  auto& query = *made->aggregate;
  query.function = function;
  query.source = checked::Aggregate::Source::list;
  query.local = fresh();
  query.element_entity = 1;
  query.owner = tree::make(Op::ancestor, tree::instance(0), 0, tree::self(1));
  elements_.push_back(query.local);
  const bool judges = function == AggregateFunction::exists || function == AggregateFunction::all;
  if (judges || one_in(2)) query.where = condition(depth - 1);
  if (result.kind == TypeKind::integer && function != AggregateFunction::count) query.value = integer(depth - 1);
  if (result.kind == TypeKind::instance) {
    for (int64_t keys = up_to(3); keys > 0; --keys) {
      checked::Aggregate::OrderKey key;
      const int64_t which = up_to(4);
      key.key = which == 0 ? integer(depth - 1) : which == 1 ? field("overdue_since") : which == 2 ? field("id") : number(depth - 1);
      key.descending = one_in(2);
      query.order.push_back(std::move(key));
    }
  }
  elements_.pop_back();
  return made;
}

ExprPtr RandomExpressions::condition(int depth) {
  if (depth <= 0) return one_in(2) ? field("secured") : comparison(0);
  switch (up_to(13)) {
    case 0:
    case 1:
      return tree::both(condition(depth - 1), condition(depth - 1));
    case 2:
    case 3:
      return tree::either(condition(depth - 1), condition(depth - 1));
    case 4:
      return tree::negated(condition(depth - 1));
    case 5:
      return tree::make(Op::condition, tree::boolean, checked::none, condition(depth - 1), condition(depth - 1), condition(depth - 1));
    case 6:
      return aggregate(AggregateFunction::exists, tree::boolean, depth);
    case 7:
      return list_aggregate(one_in(2) ? AggregateFunction::exists : AggregateFunction::all, tree::boolean, depth);
    case 8: {
      const auto args = [&] { return integer(depth - 1); };
      return tree::make(Op::function, tree::boolean, DebtProgram::is_late, args());
    }
    case 9:
      return tree::make(Op::known, tree::boolean, checked::none,
                        aggregate(AggregateFunction::last, tree::type(TypeKind::event, true, DebtProgram::call_debtor), depth));
    default:
      return comparison(depth);
  }
}

ExprPtr RandomExpressions::comparison(int depth) {
  static const Op orders[] = {Op::less, Op::less_equal, Op::greater, Op::greater_equal, Op::equal, Op::not_equal};
  const Op op = orders[up_to(6)];
  switch (up_to(12)) {
    case 0:
    case 1:
    case 2:
      return tree::compare(op, integer(depth - 1), one_in(2) ? tree::whole(between(-5, 100)) : integer(depth - 1));
    case 3:
    case 4: {
      auto count = aggregate(AggregateFunction::count, tree::integer, depth);
      auto limit = one_in(3) ? integer(depth - 1) : tree::whole(between(-1, 5));
      return one_in(2) ? tree::compare(op, std::move(count), std::move(limit)) : tree::compare(op, std::move(limit), std::move(count));
    }
    case 5:
      return tree::compare(op, money(depth - 1), money(depth - 1));
    case 6:
    case 7:
      return tree::compare(op, date(depth - 1), date(depth - 1));
    case 8:
      return tree::compare(op, tree::now(), datetime(depth - 1));
    case 9:
      return tree::compare(op, decimal(depth - 1), decimal(depth - 1));
    case 10:
      return tree::compare(op, number(depth - 1), number(depth - 1));
    default:
      return tree::compare(one_in(2) ? Op::equal : Op::not_equal, enumeration(depth - 1), enumeration(depth - 1));
  }
}

ExprPtr RandomExpressions::integer(int depth) {
  if (depth <= 0) {
    switch (up_to(4)) {
      case 0:
        return tree::whole(between(-10, 120));
      case 1:
        return defaulted(field("score"), tree::whole(600));
      case 2:
        return tree::make(Op::setting, tree::integer, 0);
      default:
        return tree::derived(p_, account(), DebtProgram::dpd);
    }
  }
  switch (up_to(18)) {
    case 0:
    case 1:
      return tree::make(one_in(2) ? Op::add : Op::subtract, tree::integer, checked::none, integer(depth - 1), integer(depth - 1));
    case 2:
      return tree::make(Op::multiply, tree::integer, checked::none, integer(depth - 1), tree::whole(between(-3, 3)));
    case 3:
      return tree::make(one_in(2) ? Op::floor_divide : Op::modulo, tree::integer, checked::none, integer(depth - 1), tree::whole(between(1, 9)));
    case 4:
      return tree::builtin(one_in(2) ? checked::Builtin::minimum : checked::Builtin::maximum, tree::integer, integer(depth - 1), integer(depth - 1));
    case 5:
      return tree::make(Op::condition, tree::integer, checked::none, condition(depth - 1), integer(depth - 1), integer(depth - 1));
    case 6:
      return tree::builtin(checked::Builtin::days, tree::integer, date(depth - 1), date(depth - 1));
    case 7:
      return tree::builtin(checked::Builtin::business_days, tree::integer, date(depth - 1), date(depth - 1));
    case 8:
      return aggregate(one_in(3) ? AggregateFunction::count_days : AggregateFunction::count, tree::integer, depth);
    case 9:
      return tree::derived(p_, account(), DebtProgram::calls_this_week);
    case 10:
      return tree::make(Op::function, tree::integer, DebtProgram::big_function, integer(depth - 1));
    case 11: {
      std::vector<ExprPtr> args;
      args.push_back(money(depth - 1));
      args.push_back(integer(depth - 1));
      return table(DebtProgram::months_offered, tree::integer, std::move(args));
    }
    case 12: {
      std::vector<ExprPtr> args;
      args.push_back(integer(depth - 1));
      const bool points = one_in(2);
      const bool predicate = one_in(3);
      args.push_back(predicate ? field("next_due") : money(depth - 1));
      return table(predicate ? DebtProgram::with_predicate : points ? DebtProgram::points : DebtProgram::rows_hit, tree::integer, std::move(args));
    }
    case 13: {
      const bool sum = one_in(2);
      auto value = list_aggregate(sum ? AggregateFunction::sum : AggregateFunction::maximum, sum ? tree::integer : tree::integer.maybe(), depth);
      return sum ? std::move(value) : defaulted(std::move(value), integer(depth - 1));
    }
    case 14:
      return let(tree::integer, integer(depth - 1), [&](checked::Index index) {
        return tree::make(Op::condition, tree::integer, checked::none, tree::compare(Op::greater, tree::local(tree::integer, index), integer(depth - 1)),
                          tree::local(tree::integer, index), integer(depth - 1));
      });
    case 15: {
      std::vector<ExprPtr> args;
      args.push_back(date(depth - 1));
      return table(DebtProgram::by_date, tree::integer, std::move(args));
    }
    case 16:
      return tree::builtin(checked::Builtin::absolute, tree::integer, integer(depth - 1));
    default:
      return integer(0);
  }
}

ExprPtr RandomExpressions::money(int depth) {
  switch (depth <= 0 ? up_to(2) : up_to(7)) {
    case 0:
      return tree::literal(tree::money, between(0, 40'000));
    case 1:
      return field(one_in(2) ? "balance" : "overdue");
    case 2:
      return aggregate(AggregateFunction::sum, tree::money, depth);
    case 3:
      return tree::make(Op::multiply, tree::money, checked::none, money(depth - 1), one_in(2) ? integer(depth - 1) : decimal(depth - 1));
    case 4:
      return tree::make(Op::function, tree::money, DebtProgram::fee, money(depth - 1), integer(depth - 1));
    case 5: {
      std::vector<ExprPtr> args;
      args.push_back(integer(depth - 1));
      args.push_back(money(depth - 1));
      return defaulted(table(DebtProgram::largest, tree::money.maybe(), std::move(args)), money(depth - 1));
    }
    default:
      return tree::make(Op::add, tree::money, checked::none, money(depth - 1), money(depth - 1));
  }
}

ExprPtr RandomExpressions::decimal(int depth) {
  switch (depth <= 0 ? up_to(2) : up_to(5)) {
    case 0:
      return tree::literal(tree::decimal, between(-3'000'000, 90'000'000));
    case 1:
      return field("share");
    case 2:
      return tree::make(Op::int_to_decimal, tree::decimal, checked::none, integer(depth - 1));
    case 3:
      return tree::make(Op::divide, tree::decimal, checked::none, money(depth - 1), money(depth - 1));
    default:
      return tree::make(Op::add, tree::decimal, checked::none, decimal(depth - 1), decimal(depth - 1));
  }
}

ExprPtr RandomExpressions::number(int depth) {
  switch (depth <= 0 ? up_to(2) : up_to(4)) {
    case 0:
      return tree::number_literal(static_cast<double>(between(-100, 1000)) / 8);
    case 1:
      return field("rate");
    case 2:
      return tree::make(Op::int_to_number, tree::number, checked::none, integer(depth - 1));
    default:
      return tree::make(Op::multiply, tree::number, checked::none, number(depth - 1), number(depth - 1));
  }
}

ExprPtr RandomExpressions::date(int depth) {
  switch (depth <= 0 ? up_to(4) : up_to(8)) {
    case 0:
      return tree::today();
    case 1:
      return field("agreed");
    case 2:
      return defaulted(field(one_in(2) ? "overdue_since" : "next_due"), tree::today());
    case 3:
      return tree::literal(tree::date, between(19'900, 20'200));
    case 4: {
      static const abi::DurationUnit units[] = {abi::DurationUnit::day, abi::DurationUnit::business_day, abi::DurationUnit::month};
      auto length = tree::literal(tree::duration, abi::pack_duration(between(0, 20), units[up_to(3)]));
      return tree::make(one_in(2) ? Op::add : Op::subtract, tree::date, checked::none, date(depth - 1), std::move(length));
    }
    case 5:
      return tree::builtin(checked::Builtin::date_of, tree::date, datetime(depth - 1));
    case 6: {
      auto last = aggregate(AggregateFunction::last, tree::type(TypeKind::event, true, DebtProgram::call_debtor), depth);
      const auto index = fresh();
      auto due = tree::make(Op::map, tree::date.maybe(), index, std::move(last),
                            tree::event_field(p_, tree::local(tree::event(DebtProgram::call_debtor), index), "due"));
      return defaulted(std::move(due), date(depth - 1));
    }
    default:
      return tree::make(Op::condition, tree::date, checked::none, condition(depth - 1), date(depth - 1), date(depth - 1));
  }
}

ExprPtr RandomExpressions::datetime(int depth) {
  switch (depth <= 0 ? 0 : up_to(5)) {
    case 1: {
      auto last = aggregate(one_in(2) ? AggregateFunction::last : AggregateFunction::first, tree::type(TypeKind::event, true, DebtProgram::call), depth);
      const auto index = fresh();
      auto at = tree::make(Op::map, tree::datetime.maybe(), index, std::move(last),
                           tree::make(Op::event_at, tree::datetime, checked::none, tree::local(tree::event(DebtProgram::call), index)));
      return defaulted(std::move(at), field("opened"));
    }
    case 2:
      return tree::make(Op::add, tree::datetime, checked::none, datetime(depth - 1), duration(depth - 1));
    case 3:
      return tree::builtin(checked::Builtin::start_of, tree::datetime, date(depth - 1));
    default:
      return field("opened");
  }
}

ExprPtr RandomExpressions::duration(int depth) {
  if (depth > 1 && one_in(4)) return tree::make(Op::multiply, tree::duration, checked::none, duration(depth - 1), integer(0));
  switch (up_to(4)) {
    case 0:
      return tree::hours_long(between(-50, 300));
    case 1:
      return tree::literal(tree::duration, abi::pack_duration(between(-2, 3), abi::DurationUnit::month));
    case 2:
      return tree::literal(tree::duration, abi::pack_duration(between(-5, 9), abi::DurationUnit::business_day));
    default:
      return tree::days_long(between(-10, 30));
  }
}

ExprPtr RandomExpressions::enumeration(int depth) {
  const Type risk = tree::type(TypeKind::enumeration, false, 1);
  switch (depth <= 0 ? up_to(2) : up_to(5)) {
    case 0:
      return tree::literal(risk, up_to(3));
    case 1:
      return tree::derived(p_, account(), DebtProgram::risk);
    case 2: {
      std::vector<ExprPtr> args;
      args.push_back(field("score"));
      args.push_back(integer(depth - 1));
      return table(DebtProgram::by_order, risk, std::move(args));
    }
    case 3: {
      std::vector<ExprPtr> args;
      args.push_back(integer(depth - 1));
      args.push_back(condition(depth - 1));
      return table(DebtProgram::by_worth, risk, std::move(args));
    }
    default: {
      auto lead = list_aggregate(one_in(2) ? AggregateFunction::first : AggregateFunction::last, tree::type(TypeKind::instance, true, 1), depth);
      const auto index = fresh();
      auto its = tree::make(Op::map, risk.maybe(), index, std::move(lead), tree::derived(p_, tree::local(tree::instance(1), index), DebtProgram::risk));
      return defaulted(std::move(its), tree::literal(risk, up_to(3)));
    }
  }
}

}  // namespace dunlin::test

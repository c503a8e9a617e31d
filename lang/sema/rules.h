// Strategies, stages, `always`: what is done when.
#pragma once

#include <functional>

#include "lang/sema/context.h"
#include "lang/sema/expression.h"

namespace dunlin::sema {

void check_strategies(Context& context);
/// How long holds last.
void check_holds(Context& context);
/// Who decides on approvals, how many places a quota has and in which order, what shares and caps count.
void check_requests(Context& context);
/// What holds stop, as blocks behind the limits.
void make_stops_of_holds(Context& context);
/// Whom experiments and holdouts are among, what they measure. After the strategies.
void check_experiments(Context& context);
/// `migrate`, `on change`. After key_rules().
void check_transfers(Context& context);
/// What queues count as, the limits, and what holds stop. After the strategies.
void check_limits(Context& context);
/// The queues that a name of a queue or channel stands for, in order; reports one that none has (E0730).
std::vector<Index> queues_of_channel(Context& context, const ast::Path& path);
void check_tests(Context& context);

/// Gives every rule its name and its key, and reports rules that cannot be told apart (E065x).
void key_rules(Context& context);
/// The keys that these rules had in a stage of another name, each with the one it has: for what running cases remember.
void keys_under(Context& context, const std::vector<checked::Rule>& rules, const std::string& owner, const std::string& stage,
                std::vector<std::pair<uint64_t, uint64_t>>& keys);
/// Events that raise each other in a circle (E0703).
void check_raises(Context& context);

/// Where a rule stands.
struct RulePlace {
  Index entity = none;    // self of its expressions
  Index strategy = none;  // none in `always`
  Index stage = none;
  std::string label;  // "soft.calling"
};

/// Checks the rules of one place, one after the other.
class RuleChecker {
 public:
  RuleChecker(Context& context, const RulePlace& place) : context_(context), place_(place) {}
  checked::Rule check(const ast::Rule& written);
  /// The rules of a deadline: its warnings, and what follows when it is missed.
  void deadline(const ast::DeadlineDecl& written, std::vector<checked::Rule>& rules);

 private:
  // deadlines.cpp
  void deadline_calendar(const ast::Expr& written, checked::Deadline& made);
  RootId deadline_days(const ast::Expr& written, const char* what);

  // rules.cpp
  Surroundings around(const std::string& what) const;
  void event_rule(const ast::Rule& written, checked::Rule& made);
  void timer(const ast::Rule& written, checked::Rule& made);
  void guard(const ast::Rule& written, checked::Rule& made, Surroundings& actions);
  Index resolve_event(const ast::Path& path);
  Index common_event(const std::vector<Index>& events) const;
  void require_reachable(Index event, Span span);

  // actions.cpp
  void actions(const ast::Rule& written, checked::Rule& made, const Surroundings& around);
  bool action(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool go(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool task(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool set(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool raise(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool open(const ast::Action& written, const Surroundings& around, checked::Action& made);
  bool hold(const ast::Action& written, const Surroundings& around, checked::Action& made);
  // requests.cpp
  bool request(const ast::Action& written, const Surroundings& around, checked::Action& made);
  void change_placement(const ast::Action& written, const Surroundings& around, std::vector<checked::Action>& out);
  RootId text(const ast::ExprPtr& written, const Surroundings& around, Span span);
  Index resolve_queue(const ast::Path& path);

  // keeps.cpp
  void keep(const ast::Rule& written, checked::Rule& made);
  bool bind_list(const ast::KeepSpec& written, checked::Keep& made, Surroundings& around);
  void attempt_limits(const ast::KeepSpec& written, checked::Keep& made, const Surroundings& around);
  void again(const ast::KeepSpec& written, checked::Keep& made, const Surroundings& around);

  Context& context_;
  const RulePlace& place_;
};

/// `{ name: value, … }` against the fields of a queue, an event or an entity. `complete`: what is never missing must be given.
/// `take` is asked about names that are no fields; true: it was one of its own.
std::vector<checked::FieldValue> check_payload(Context& context, const ast::Expr* payload, const std::vector<checked::Field>& fields,
                                               const Surroundings& around, bool complete, const std::string& what, Span span,
                                               const std::function<bool(const ast::Name&, const ast::Expr&)>& take = {});

}  // namespace dunlin::sema

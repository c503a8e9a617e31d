#include "tests/meaning/witness.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/abi/clock.h"
#include "compiler/abi/wake.h"
#include "tests/support/tree_evaluator.h"

namespace dunlin::meaning {

using checked::Type;
using checked::TypeKind;

namespace {

constexpr int64_t us_per_day = 86'400 * abi::us_per_second;

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

}  // namespace

bool Witness::same(const Type& type, const int64_t* a, const int64_t* b) const {
  if (type.optional) {
    if (*a != *b) return false;
    if (*a++ == 0) return true;
    ++b;
  }
  if (type.kind == TypeKind::record) {
    for (const auto& field : program_.records[static_cast<size_t>(type.id)].fields) {
      if (!same(field.type, a, b)) return false;
      const auto count = checked::slot_count(program_, field.type);
      a += count;
      b += count;
    }
    return true;
  }
  if (!is_text(type.kind)) return type.kind == TypeKind::list || *a == *b;
  return reinterpret_cast<const abi::Text*>(*a)->view() == reinterpret_cast<const abi::Text*>(*b)->view();
}

void Witness::complain(checked::RootId root, const abi::EvalContext& context, const std::string& what) const {
  complaints_.push_back(fmt::format("{} (root {}, bytes {} to {}) at {}: {}", program_.roots[static_cast<size_t>(root)].label, root,
                                    program_.roots[static_cast<size_t>(root)].span.begin, program_.roots[static_cast<size_t>(root)].span.end, context.now,
                                    what));
}

void Witness::hold_meaning(checked::RootId root, const abi::EvalContext& context, const Evaluation& outcome, const int64_t* out) const {
  const auto meant = test::evaluate_tree(program_, root, context);
  if (meant.fault != outcome.fault) {
    complain(root, context, fmt::format("fault `{}`, meant `{}`", abi::fault_text(outcome.fault), abi::fault_text(meant.fault)));
  } else if (outcome.ok() && !same(program_.roots[static_cast<size_t>(root)].type, out, meant.slots.data())) {
    const Type& type = program_.roots[static_cast<size_t>(root)].type;
    complain(root, context,
             fmt::format("gives {}, meant {}", checked::format_value(program_, type, out), checked::format_value(program_, type, meant.slots.data())));
  }
}

void Witness::hold_law(checked::RootId root, const abi::EvalContext& context, const int64_t* out) const {
  const Type& type = program_.roots[static_cast<size_t>(root)].type;
  const int64_t wake = out[checked::slot_count(program_, type)];
  ++counts_.wakes;
  if (wake <= context.now) return complain(root, context, fmt::format("wakes at {}, which is not ahead", wake));
  const int64_t end = std::min(wake, context.now + 150 * us_per_day);
  const auto within = [&](int64_t span) { return context.now + static_cast<int64_t>(random_() % static_cast<uint64_t>(std::max<int64_t>(span, 1))); };
  std::vector<int64_t> instants = {end - 1, within(end - context.now), within(std::min(end - context.now, us_per_day))};
  const int64_t start = abi::day_start_clamped(*context.calendar, abi::date_of_clamped(*context.calendar, within(end - context.now)));
  instants.push_back(start);
  int64_t later[64];
  for (const int64_t instant : instants) {
    if (instant <= context.now || instant >= end) continue;
    ++counts_.instants;
    abi::EvalContext moved = context;
    moved.now = instant;
    if (abi::date_of(*context.calendar, instant, &moved.today) != abi::Fault::none) continue;
    const auto outcome = evaluator_.evaluate(root, moved, later);
    if (!outcome.ok()) {
      complain(root, context, fmt::format("faults at {}, before its wake at {}", instant, wake));
    } else if (!same(type, out, later)) {
      complain(root, context,
               fmt::format("changes by {}, before its wake at {}: {} to {}", instant, wake, checked::format_value(program_, type, out),
                           checked::format_value(program_, type, later)));
    }
  }
}

Evaluation Witness::evaluate(checked::RootId root, const abi::EvalContext& context, int64_t* out) const {
  const auto outcome = evaluator_.evaluate(root, context, out);
  ++counts_.evaluations;
  if (!outcome.ok()) ++counts_.faults;
  hold_meaning(root, context, outcome, out);
  if (outcome.ok() && program_.roots[static_cast<size_t>(root)].wants_wake) hold_law(root, context, out);
  return outcome;
}

}  // namespace dunlin::meaning

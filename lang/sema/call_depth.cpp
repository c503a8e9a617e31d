// How deep calls nest at run time: both backends call a function for each derived field, function and table that another rests on.
#include <algorithm>
#include <map>
#include <tuple>

#include "lang/sema/definitions.h"

namespace dunlin::sema {

namespace {

/// Far below what the interpreter allows (compiler/interp/machine.h) and what the stack of a thread holds of compiled calls.
constexpr int nesting_max = 1000;

class CallDepth {
 public:
  explicit CallDepth(Context& context) : context_(context) {}

  void run() {
    const checked::Program& program = context_.program;
    for (size_t entity = 0; entity < program.entities.size(); ++entity) {
      for (size_t i = 0; i < program.entities[entity].derived.size(); ++i)
        judge(of_derived(static_cast<Index>(entity), static_cast<Index>(i)), program.entities[entity].derived[i].span);
    }
    for (size_t i = 0; i < program.functions.size(); ++i) judge(of_function(static_cast<Index>(i)), program.functions[i].span);
    for (size_t i = 0; i < program.tables.size(); ++i) judge(of_table(static_cast<Index>(i)), program.tables[i].span);
  }

 private:
  enum class What : uint8_t { derived, function, table };

  void judge(int depth, Span span) {
    if (depth <= nesting_max || told_) return;
    told_ = true;
    context_.error("E0103", span, "more than " + std::to_string(nesting_max) + " definitions rest on one another here").help =
        "a value that many steps lead to is a table, or the work of a native function";
  }

  /// Definitions were checked in this order, so what one rests on is known already or lies at most as deep as the checker went (definitions.cpp).
  template <class Bodies>
  int once(What what, Index owner, Index index, const Bodies& bodies) {
    const auto [place, fresh] = known_.try_emplace({what, owner, index}, 0);
    if (!fresh) return place->second;
    int deepest = 0;
    bodies([&](RootId root) { deepest = std::max(deepest, of_root(root)); });
    return known_[{what, owner, index}] = deepest + 1;
  }

  int of_root(RootId root) {
    if (root == none) return 0;
    const auto& body = context_.program.roots[root].body;
    return body ? of(*body) : 0;
  }

  int of_derived(Index entity, Index index) {
    return once(What::derived, entity, index, [&](const auto& take) {
      const checked::Derived& derived = context_.program.entities[entity].derived[index];
      take(derived.root);
      if (derived.segmentation == none) return;
      for (const auto& one : context_.program.segmentations[derived.segmentation].cases) take(one.when);
    });
  }
  int of_function(Index index) {
    return once(What::function, none, index, [&](const auto& take) { take(context_.program.functions[index].root); });
  }
  int of_table(Index index) {
    return once(What::table, none, index, [&](const auto& take) {
      const checked::Table& table = context_.program.tables[index];
      const auto row = [&](const checked::TableRow& written) {
        for (const auto& cell : written.cells) take(cell.predicate);
        for (const auto& output : written.outputs) take(output.root);
      };
      for (const auto& written : table.rows) row(written);
      if (table.otherwise) row(*table.otherwise);
    });
  }

  int of(const checked::Expr& expr) {
    int deepest = 0;
    const auto look = [&](const checked::ExprPtr& part) {
      if (part) deepest = std::max(deepest, of(*part));
    };
    for (const auto& part : expr.args) look(part);
    if (expr.aggregate) {
      for (const checked::ExprPtr* part : {&expr.aggregate->owner, &expr.aggregate->value, &expr.aggregate->where, &expr.aggregate->window_value}) look(*part);
      for (const auto& key : expr.aggregate->order) look(key.key);
      ++deepest;  // the body of a loop is a call, too
    }
    if (expr.op == checked::Op::derived) return std::max(deepest, of_derived(expr.args[0]->type.id, expr.index));
    if (expr.op == checked::Op::function) return std::max(deepest, of_function(expr.index));
    if (expr.op == checked::Op::table) return std::max(deepest, of_table(expr.index));
    return deepest;
  }

  Context& context_;
  std::map<std::tuple<What, Index, Index>, int> known_;
  bool told_ = false;
};

}  // namespace

void check_call_depth(Context& context) {
  if (!context.diagnostics.has_errors()) CallDepth(context).run();  // what is wrong may lack parts
}

}  // namespace dunlin::sema

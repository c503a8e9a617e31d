#include "runtime/simulate/boundaries.h"

#include <vector>

namespace dunlin::simulate {

namespace {

using checked::Expr;
using checked::Index;
using checked::Op;
using checked::TypeKind;

constexpr int depth_max = 5;             // functions and derived fields behind one another
constexpr size_t steps_max = 2'000'000;  // nodes looked at; what is left out costs nothing but sharpness

using FieldKey = Boundaries::FieldKey;
using Fields = std::vector<FieldKey>;

bool is_text(TypeKind kind) { return kind == TypeKind::text || kind == TypeKind::timezone || kind == TypeKind::file || kind == TypeKind::location; }

/// What locals and parameters stand for: the fields their values are made of.
struct Names {
  std::map<Index, Fields> locals;
  std::vector<Fields> parameters;
};

class Search {
 public:
  Search(const checked::Program& program, Boundaries& found) : program_(program), found_(found) {}

  void run() {
    for (const checked::Root& root : program_.roots) {
      if (root.body != nullptr) walk(*root.body, {}, 0);
    }
  }

 private:
  static bool compares(Op op) {
    return op == Op::equal || op == Op::not_equal || op == Op::less || op == Op::less_equal || op == Op::greater || op == Op::greater_equal;
  }

  void walk(const Expr& expr, const Names& names, int depth) {
    if (++steps_ > steps_max) return;
    if (expr.op == Op::literal && expr.type.kind == TypeKind::date) found_.dates.insert(expr.value);
    if (compares(expr.op)) {
      compare(*expr.args[0], *expr.args[1], names);
      compare(*expr.args[1], *expr.args[0], names);
    }
    if (expr.op == Op::table) edges(expr, names);
    if (expr.op == Op::function && depth < depth_max) {
      Names inside;
      for (const auto& argument : expr.args) inside.parameters.push_back(fields_in(*argument, names, 0));
      const checked::Root& body = program_.roots[program_.functions[expr.index].root];
      if (body.body != nullptr) walk(*body.body, inside, depth + 1);
    }
    if ((expr.op == Op::let || expr.op == Op::map) && expr.args.size() == 2) {
      walk(*expr.args[0], names, depth);
      Names inside = names;
      inside.locals[expr.index] = fields_in(*expr.args[0], names, 0);
      return walk(*expr.args[1], inside, depth);
    }
    for (const auto& argument : expr.args) {
      if (argument != nullptr) walk(*argument, names, depth);
    }
    if (expr.aggregate == nullptr) return;
    for (const auto* part : {&expr.aggregate->value, &expr.aggregate->where, &expr.aggregate->window_value}) {
      if (*part != nullptr) walk(**part, names, depth);
    }
  }

  /// Literals on one side, fields on the other.
  void compare(const Expr& asked, const Expr& with, const Names& names) {
    const Fields fields = fields_in(asked, names, 0);
    if (!fields.empty()) literals(with, fields);
  }
  void literals(const Expr& expr, const Fields& fields) {
    if (expr.op == Op::literal) {
      for (const FieldKey& field : fields) add(field, expr);
    }
    for (const auto& argument : expr.args) {
      if (argument != nullptr) literals(*argument, fields);
    }
  }

  void add(const FieldKey& key, const Expr& literal) {
    const TypeKind field = field_of(program_, key).type.kind, kind = literal.type.kind;
    if (is_text(field) && kind == TypeKind::text) found_.texts[key].insert(literal.text);
    if (kind == TypeKind::number && field == kind) {
      found_.values[key].insert(checked::order_key_of_double(literal.number));
    } else {
      add(key, kind, literal.value);
    }
  }
  void add(const FieldKey& key, TypeKind kind, int64_t value) {
    const TypeKind field = field_of(program_, key).type.kind;
    if (field == kind && !is_text(kind)) found_.values[key].insert(value);
    if (field != TypeKind::date && field != TypeKind::datetime) return;
    if (kind == TypeKind::integer && value > -40'000 && value < 40'000) found_.days[key].insert(value);
    if (kind == TypeKind::duration && (value & 7) == 1) found_.days[key].insert(value >> 3);
  }

  /// What the cells of a table distinguish, for the fields its arguments are made of.
  void edges(const Expr& call, const Names& names) {
    const checked::Table& table = program_.tables[call.index];
    for (size_t column = 0; column < table.inputs.size() && column < call.args.size(); ++column) {
      const TypeKind kind = table.inputs[column].type.kind;
      for (const FieldKey& key : fields_in(*call.args[column], names, 0)) {
        for (const checked::TableRow& row : table.rows) {
          if (column >= row.cells.size()) continue;
          for (const auto& interval : row.cells[column].intervals) {
            if (interval.low != INT64_MIN) add(key, kind, interval.low);
            if (interval.high != INT64_MAX) add(key, kind, interval.high);
          }
          if (is_text(kind)) found_.texts[key].insert(row.cells[column].texts.begin(), row.cells[column].texts.end());
        }
      }
    }
  }

  /// Stored fields that a value is computed of.
  Fields fields_in(const Expr& expr, const Names& names, int depth) {
    Fields found;
    collect(expr, names, depth, found);
    return found;
  }
  void collect(const Expr& expr, const Names& names, int depth, Fields& found) {
    if (++steps_ > steps_max) return;
    if (expr.op == Op::field && expr.args[0]->type.kind == TypeKind::instance) found.push_back({expr.args[0]->type.id, expr.index});
    if (expr.op == Op::event_field && expr.args[0]->type.kind == TypeKind::event && expr.args[0]->type.id >= 0)
      found.push_back({event_key(expr.args[0]->type.id), expr.index});
    if (expr.op == Op::derived && depth < depth_max && expr.args[0]->type.kind == TypeKind::instance) {
      const checked::RootId root = program_.entities[expr.args[0]->type.id].derived[expr.index].root;
      if (root != checked::none && program_.roots[root].body != nullptr) collect(*program_.roots[root].body, {}, depth + 1, found);
    }
    if (expr.op == Op::local) {
      if (const auto known = names.locals.find(expr.index); known != names.locals.end()) found.insert(found.end(), known->second.begin(), known->second.end());
    }
    if (expr.op == Op::parameter && static_cast<size_t>(expr.index) < names.parameters.size()) {
      const Fields& known = names.parameters[expr.index];
      found.insert(found.end(), known.begin(), known.end());
    }
    for (const auto& argument : expr.args) {
      if (argument != nullptr) collect(*argument, names, depth, found);
    }
    if (expr.aggregate != nullptr && expr.aggregate->value != nullptr) collect(*expr.aggregate->value, names, depth, found);
  }

  const checked::Program& program_;
  Boundaries& found_;
  size_t steps_ = 0;
};

}  // namespace

const checked::Field& field_of(const checked::Program& program, const FieldKey& key) {
  return key.first >= 0 ? program.entities[key.first].fields[key.second] : program.events[-2 - key.first].fields[key.second];
}

Boundaries find_boundaries(const checked::Program& program) {
  Boundaries found;
  Search(program, found).run();
  return found;
}

}  // namespace dunlin::simulate

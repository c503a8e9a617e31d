// Calls: functions of the language, functions and tables of the bundle, and the words that ask about an instance's strategy.
#include "lang/sema/definitions.h"
#include "lang/sema/expression.h"
#include "lang/sema/signatures.h"

namespace dunlin::sema {

using checked::Builtin;

/// Puts the arguments into the order of the parameters; named ones may stand anywhere.
bool ExpressionChecker::argument_order(const ast::CallExpr& call, const std::vector<std::string>& names, const std::string& function, Span span,
                                       std::vector<const ast::Expr*>& out) {
  out.assign(names.size(), nullptr);
  size_t next = 0;
  bool good = true;
  for (const ast::Argument& argument : call.arguments) {
    size_t at = next;
    if (argument.name) {
      at = 0;
      while (at < names.size() && names[at] != argument.name->text) ++at;
      if (at == names.size()) {
        Diagnostic& diagnostic = context_.error("E0323", argument.name->span, in_ticks(function) + " has no parameter " + in_ticks(argument.name->text));
        suggest(diagnostic, argument.name->text, names);
        good = false;
        continue;
      }
    } else {
      ++next;
    }
    if (at >= names.size()) break;
    if (out[at] != nullptr) {
      context_.error("E0323", argument.value->span, "the parameter " + in_ticks(names[at]) + " is given twice");
      good = false;
    }
    out[at] = argument.value.get();
  }
  if (!good) return false;
  size_t given = 0;
  for (const ast::Expr* argument : out) given += argument != nullptr;
  if (given == names.size() && call.arguments.size() == names.size()) return true;
  Diagnostic& diagnostic = context_.error("E0304", span,
                                          in_ticks(function) + " takes " + std::to_string(names.size()) + (names.size() == 1 ? " argument" : " arguments") +
                                              ", found " + std::to_string(call.arguments.size()));
  if (!names.empty()) {
    diagnostic.help = function + "(";
    for (size_t i = 0; i < names.size(); ++i) diagnostic.help += (i == 0 ? "" : ", ") + names[i];
    diagnostic.help += ")";
  }
  return false;
}

static void note_callee(Context& context, const Symbol& symbol, Span span) {
  const SymbolKind kind = symbol.kind == Symbol::Kind::function ? SymbolKind::function
                          : symbol.kind == Symbol::Kind::native ? SymbolKind::native
                                                                : SymbolKind::table;
  context.note_use(span, kind, symbol.index);
}

ExprPtr ExpressionChecker::check_call(const ast::CallExpr& call, Span span, Type hint) {
  const auto* callee = std::get_if<ast::NameRef>(&call.callee->node);
  if (callee == nullptr) {
    context_.error("E0207", call.callee->span, "only a function or a table can be called").help = "write its name, then its arguments in brackets";
    return make_wrong(span);
  }
  const std::string& name = callee->name.text;
  bool found = false;
  ExprPtr special = call_word(name, call, span, found);
  if (found) return special;
  if (const auto symbol = context_.names.values.find(name); symbol != context_.names.values.end() && symbol->second.kind != Symbol::Kind::setting) {
    note_callee(context_, symbol->second, callee->name.span);
    return call_symbol(symbol->second, call, span);
  }
  if (const auto builtin = find_builtin(name)) {
    context_.note_use(callee->name.span, SymbolKind::builtin, static_cast<Index>(*builtin));
    return call_builtin(*builtin, call, span, hint);
  }
  Diagnostic& diagnostic = context_.error("E0207", callee->name.span, "there is no function or table " + in_ticks(name));
  if (find(name).kind != Meaning::Kind::none_such) {
    diagnostic.help = in_ticks(name) + " is a value: write it without brackets";
  } else if (near_matches_left()) {
    std::vector<std::string> candidates = {"visits", "in_stage", "in_strategy", "held", "converted", "arm", "asked", "requested", "placed"};
    for (const Signature& signature : builtin_signatures()) candidates.push_back(signature.name);
    for (const auto& value : context_.names.values) candidates.push_back(value.first);
    suggest(diagnostic, name, candidates);
  }
  return make_wrong(span);
}

// ---- words about the strategy ------------------------------------------------------------------------

/// `converted(amount, rate, currency)` is amount * rate, and from there on an amount of that currency. The `let` keeps what it was converted
/// into where the analysis of currencies finds it; it costs nothing when the step runs.
ExprPtr ExpressionChecker::check_converted(const ast::CallExpr& call, Span span) {
  std::vector<const ast::Expr*> given;
  if (!argument_order(call, {"amount", "rate", "currency"}, "converted", span, given)) return make_wrong(span);
  if (context_.program.bundle.currency_enum == none) {
    context_.error("E0327", span, "there is one currency here: nothing to convert").help = "an account that carries its own has a field `currency : currency`";
    return make_wrong(span);
  }
  ExprPtr amount = check_as(*given[0], type_of(TypeKind::money));
  ExprPtr rate = check_as(*given[1], type_of(TypeKind::decimal));
  ExprPtr into = check_as(*given[2], type_of(TypeKind::enumeration, context_.program.bundle.currency_enum));
  if (amount->type.is_error() || rate->type.is_error() || into->type.is_error()) return make_wrong(span);
  const Index local = add_local(into->type);
  ExprPtr product = make_node(Op::multiply, type_of(TypeKind::money), span, std::move(amount), std::move(rate));
  ExprPtr made = make_node(Op::let, type_of(TypeKind::money), span, std::move(into), std::move(product));
  made->index = local;
  made->text = "converted";
  return made;
}

ExprPtr ExpressionChecker::call_word(const std::string& name, const ast::CallExpr& call, Span span, bool& found) {
  if (name == "converted" && !context_.names.values.contains(name)) {
    found = true;
    return check_converted(call, span);
  }
  const bool hold = name == "held" && !context_.names.values.contains(name);
  if (name == "arm" && !context_.names.values.contains(name)) {
    found = true;
    return check_arm(call, span);
  }
  const bool asks = (name == "asked" || name == "requested" || name == "placed") && !context_.names.values.contains(name);
  found = hold || asks || name == "visits" || name == "in_stage" || name == "in_strategy";
  if (!found) return nullptr;
  if (around_.self_entity == none || around_.constant) {
    context_.error("E0215", span, in_ticks(name) + " means nothing here").help =
        hold || asks ? "a function sees only its arguments: ask in a derived field and hand the result over"
                     : "only an instance that a strategy is for has stages";
    return make_wrong(span);
  }
  if (hold) return check_held(call, span);
  if (asks) return check_requested(name, call, span);
  const auto path = call.arguments.size() == 1 ? path_of(*call.arguments[0].value) : std::nullopt;
  if (!path) {
    context_.error("E0304", span, in_ticks(name) + " takes the name of a " + (name == "in_strategy" ? "strategy" : "stage"));
    return make_wrong(span);
  }
  if (name == "in_strategy") {
    const auto strategy = context_.names.strategies.find(path->text());
    if (strategy == context_.names.strategies.end()) {
      Diagnostic& diagnostic = context_.error("E0205", path->span, "there is no strategy " + in_ticks(path->text()));
      std::vector<std::string> candidates;
      for (const auto& candidate : context_.names.strategies) candidates.push_back(candidate.first);
      suggest(diagnostic, path->text(), candidates);
      return make_wrong(span);
    }
    ExprPtr made = make_node(Op::in_strategy, type_of(TypeKind::boolean), span);
    made->index = strategy->second;
    return made;
  }
  const ExprPtr stage = check(*call.arguments[0].value, type_of(TypeKind::stage));
  if (stage->type.kind != TypeKind::stage || stage->op != Op::literal) {
    if (!stage->type.is_error()) context_.error("E0205", path->span, "there is no stage " + in_ticks(path->text()));
    return make_wrong(span);
  }
  ExprPtr made = make_node(name == "visits" ? Op::visits : Op::in_stage, type_of(name == "visits" ? TypeKind::integer : TypeKind::boolean), span);
  made->index = static_cast<Index>(stage->value);
  return made;
}

// ---- functions of the language -------------------------------------------------------------------------

static bool generic_accepts(Builtin builtin, TypeKind kind) {
  if (builtin == Builtin::absolute) return is_numeric(kind);
  return is_ordered(kind) && kind != TypeKind::duration;
}

/// The type that `T` of a signature stands for. Arguments that speak for themselves are checked here, once.
Type ExpressionChecker::generic_type(const Signature& signature, const ast::CallExpr& call, Type hint, std::vector<ExprPtr>& arguments) {
  if (!signature.parameters[0].generic) return {};
  Type generic;
  std::vector<const ast::Expr*> branches;
  for (size_t i = 0; i < arguments.size(); ++i) {
    const ast::Expr& argument = *call.arguments[i].value;
    branches.push_back(&argument);
    if (is_flexible(argument)) continue;
    arguments[i] = check(argument, hint);
    const Type found = arguments[i]->type.known();
    if (generic.is_error() || found.kind == TypeKind::number) generic = found;
  }
  return generic.is_error() ? hint_of_branches(branches, is_numeric(hint.kind) ? hint.known() : Type{}) : generic;
}

ExprPtr ExpressionChecker::call_builtin(size_t builtin, const ast::CallExpr& call, Span span, Type hint) {
  const Signature& signature = builtin_signatures()[builtin];
  for (const ast::Argument& argument : call.arguments) {
    if (argument.name) {
      context_.error("E0323", argument.name->span, "the parameters of " + in_ticks(signature.name) + " have no names");
      return make_wrong(span);
    }
  }
  if (call.arguments.size() != signature.parameters.size()) {
    Diagnostic& diagnostic =
        context_.error("E0304", span,
                       in_ticks(signature.name) + " takes " + std::to_string(signature.parameters.size()) +
                           (signature.parameters.size() == 1 ? " argument" : " arguments") + ", found " + std::to_string(call.arguments.size()));
    diagnostic.help = signature.documentation + " For example: " + signature.example;
    return make_wrong(span);
  }
  const size_t count = call.arguments.size();
  std::vector<ExprPtr> arguments(count);
  const Type generic = generic_type(signature, call, hint, arguments);
  std::vector<bool> takes_missing;
  for (size_t i = 0; i < count; ++i) {
    const Signature::Slot& slot = signature.parameters[i];
    const Type wanted = slot.generic ? generic : slot.type;
    const Span place = call.arguments[i].value->span;
    if (!arguments[i]) arguments[i] = check(*call.arguments[i].value, wanted);
    const bool missing = arguments[i]->type.optional && !wanted.optional;
    arguments[i] = coerce(std::move(arguments[i]), missing ? wanted.maybe() : wanted, place);
    takes_missing.push_back(wanted.optional);
    if (slot.generic && !generic.is_error() && !generic_accepts(static_cast<Builtin>(builtin), generic.kind)) {
      context_.error("E0302", place, in_ticks(signature.name) + " cannot take a value of type " + in_ticks(context_.type_text(generic)));
      return make_wrong(span);
    }
  }
  const Type result = signature.result.generic ? generic : signature.result.type;
  return through_all(std::move(arguments), span, takes_missing, [&](std::vector<ExprPtr> known) {
    ExprPtr made = make_node(Op::builtin, result, span);
    made->index = static_cast<Index>(builtin);
    made->args = std::move(known);
    return made;
  });
}

// ---- functions and tables of the bundle ------------------------------------------------------------------

ExprPtr ExpressionChecker::call_symbol(const Symbol& symbol, const ast::CallExpr& call, Span span) {
  checked::Program& program = context_.program;
  std::vector<std::string> names;
  std::vector<Type> types;
  std::string function;
  Type result;
  Op op = Op::function;
  if (symbol.kind == Symbol::Kind::function) {
    if (!ensure_function(context_, symbol.index, span)) return make_wrong(span);
    const ast::FunctionDecl& declaration = *context_.functions[symbol.index].declaration;
    const checked::Function& made = program.functions[symbol.index];
    function = made.name;
    names = made.parameter_names;
    (void)declaration;
    types = program.roots[made.root].parameters;
    result = program.roots[made.root].type;
  } else if (symbol.kind == Symbol::Kind::native) {
    const checked::Native& native = program.natives[symbol.index];
    op = Op::native;
    function = native.name;
    names = native.parameter_names;
    types = native.parameters;
    result = native.result;
  } else {
    for (Index version : context_.tables[symbol.index].versions) {
      if (!ensure_table(context_, version, span)) return make_wrong(span);
    }
    const checked::Table& table = program.tables[symbol.index];
    op = Op::table;
    function = table.name;
    for (const checked::TableColumn& column : table.inputs) {
      names.push_back(column.name);
      types.push_back(column.type);
    }
    result = table.result;
  }
  std::vector<const ast::Expr*> given;
  if (!argument_order(call, names, function, span, given)) return make_wrong(span);
  std::vector<ExprPtr> arguments;
  std::vector<bool> takes_missing;
  for (size_t i = 0; i < given.size(); ++i) {
    if (types[i].is_error() && is_literal_name(*given[i])) return make_wrong(span);  // the parameter's type was reported
    ExprPtr argument = check(*given[i], types[i]);
    const bool missing = argument->type.optional && !types[i].optional;
    arguments.push_back(coerce(std::move(argument), missing ? types[i].maybe() : types[i], given[i]->span));
    takes_missing.push_back(types[i].optional);
  }
  if (result.is_error()) return make_wrong(span);
  return through_all(std::move(arguments), span, takes_missing, [&](std::vector<ExprPtr> known) {
    if (op == Op::table) return call_table(symbol.index, std::move(known), span);
    ExprPtr made = make_node(op, result, span);
    made->index = symbol.index;
    made->args = std::move(known);
    return made;
  });
}

/// The version of the table that is in force today. Where none is, the result is missing; a version without a date is the one below all others.
ExprPtr ExpressionChecker::call_table(Index first, std::vector<ExprPtr> arguments, Span span) {
  const auto& versions = context_.tables[first].versions;
  const auto call = [&](Index table) {
    ExprPtr made = make_node(Op::table, context_.program.tables[first].result, span);
    made->index = table;
    for (const ExprPtr& argument : arguments) made->args.push_back(clone(*argument));
    return made;
  };
  const TableSource& oldest = context_.tables[versions.front()];
  const bool always = !oldest.from && !oldest.to;
  if (versions.size() == 1 && always) return call(first);
  Type type = context_.program.tables[first].result;
  if (type.kind == TypeKind::list) return call(first);  // whoever walks the rows chooses the version: check_rows
  if (around_.constant) {
    context_.error("E0321", span, "which table is in force depends on the date: this must be constant");
    return make_wrong(span);
  }
  if (!always) type = type.maybe();
  const auto wrapped = [&](ExprPtr value) {
    return type.optional && !value->type.optional ? make_node(Op::to_optional, type, span, std::move(value)) : std::move(value);
  };
  ExprPtr chain = always ? wrapped(call(versions.front())) : make_node(Op::missing, type, span);
  for (size_t i = always ? 1 : 0; i < versions.size(); ++i) {
    ExprPtr in_force = table_in_force(versions[i], span);
    if (in_force) chain = make_node(Op::condition, type, span, std::move(in_force), wrapped(call(versions[i])), std::move(chain));
  }
  return chain;
}

/// Whether today lies within the dates of a version; null: it has none.
ExprPtr ExpressionChecker::table_in_force(Index table, Span span) {
  const TableSource& version = context_.tables[table];
  const auto compared = [&](Op op, int64_t date) {
    return make_node(op, type_of(TypeKind::boolean), span, make_node(Op::today, type_of(TypeKind::date), span),
                     make_literal(type_of(TypeKind::date), date, span));
  };
  std::vector<ExprPtr> parts;
  if (version.from) parts.push_back(compared(Op::greater_equal, *version.from));
  if (version.to) parts.push_back(compared(Op::less_equal, *version.to));
  return parts.empty() ? nullptr : join(Op::logical_and, std::move(parts), span);
}

}  // namespace dunlin::sema

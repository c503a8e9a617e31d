#include "lang/syntax/ast_department.h"
#include "lang/syntax/builder.h"
#include "lang/syntax/mapped_table.h"

namespace dunlin::syntax {

ast::Decl Builder::declaration(P::DeclarationContext& context) {
  ast::Decl out;
  out.span = span(context);
  out.doc = doc(context);
  if (auto* d = context.bundleDecl()) {
    out.node = bundle(*d);
  } else if (auto* d = context.useDecl()) {
    out.node = ast::UseDecl{path(*d->path())};
  } else if (auto* d = context.moduleDecl()) {
    out.node = ast::ModuleDecl{path(*d->path())};
  } else if (auto* d = context.parameterDecl()) {
    out.node = parameter(*d);
  } else if (auto* d = context.enumDecl()) {
    ast::TypeDecl made{name(*d->ident()), {}};
    made.type.kind = ast::TypeExpr::Kind::enumeration;
    made.type.span = span(*d->enumBlock());
    made.type.literals = enum_literals(*d->enumBlock());
    out.node = std::move(made);
  } else if (auto* d = context.recordDecl()) {
    ast::TypeDecl made{name(*d->ident()), {}};
    made.type.kind = ast::TypeExpr::Kind::record;
    made.type.span = span(*d->fieldBlock());
    made.type.fields = fields(d->fieldBlock());
    out.node = std::move(made);
  } else if (auto* d = context.entityDecl()) {
    out.node = entity(*d);
  } else if (auto* d = context.extendDecl()) {
    out.node = ast::ExtendDecl{name(*d->ident()), fields(d->fieldBlock())};
  } else if (auto* d = context.eventDecl()) {
    out.node = event(*d);
  } else if (auto* d = context.segmentationDecl()) {
    out.node = segmentation(*d);
  } else if (auto* d = context.tableDecl()) {
    out.node = table(*d);
  } else if (auto* d = context.functionDecl()) {
    out.node = function(*d);
  } else if (auto* d = context.outcomesDecl()) {
    out.node = outcomes(*d);
  } else if (auto* d = context.queueDecl()) {
    out.node = queue(*d);
  } else if (auto* d = context.strategyDecl()) {
    out.node = strategy(*d);
  } else if (auto* d = context.alwaysDecl()) {
    out.node = always(*d);
  } else if (auto* d = context.testDecl()) {
    out.node = test(*d);
  } else {
    department(context, out);
  }
  return out;
}

ast::BundleDecl Builder::bundle(P::BundleDeclContext& context) {
  ast::BundleDecl out;
  out.name = name(*context.ident());
  out.title = optional_text(context.TEXT());
  each_item(context.bundleBlock()->bundleItem(), [&](P::BundleItemContext& item) { bundle_item(item, out); });
  return out;
}

void Builder::bundle_item(P::BundleItemContext& context, ast::BundleDecl& out) {
  if (P::ZoneContext* zone = context.zone()) {
    only_once(out.timezone.has_value(), span(context), "timezone");
    out.timezone = this->zone(*zone);
  } else if (context.CURRENCY()) {
    only_once(out.currency.has_value(), span(context), "currency");
    out.currency = name(*context.ident());
  } else if (context.CALENDAR()) {
    only_once(out.calendar.has_value(), span(context), "calendar");
    out.calendar = name(*context.ident());
  } else {
    const antlr4::Token& time = *context.TIME()->getSymbol();
    only_once(out.day_starts != nullptr, span(context), "day starts");
    out.day_starts = make(span(time), time_literal(time));
  }
}

ast::Name Builder::zone(P::ZoneContext& context) {
  const Span place = span(context);
  if (context.TEXT()) return {plain_text(*context.TEXT()->getSymbol()), place};
  // Blanks between its words are layout.
  std::string written(source(place));
  std::erase_if(written, [](char c) { return c == ' ' || c == '\t'; });
  return {std::move(written), place};
}

ast::ParameterDecl Builder::parameter(P::ParameterDeclContext& context) {
  ast::ParameterDecl out;
  out.name = name(*context.ident());
  out.type = type(*context.typeExpr());
  out.value = optional_expr(context.expr());
  return out;
}

ast::TypeExpr Builder::type(P::TypeExprContext& context) {
  using Kind = ast::TypeExpr::Kind;
  ast::TypeExpr out;
  out.span = span(context);
  P::TypeCoreContext& core = *context.typeCore();
  if (core.ENUM()) {
    out.kind = Kind::enumeration;
    out.literals = enum_literals(*core.enumBlock());
  } else if (core.RECORD()) {
    out.kind = Kind::record;
    out.fields = fields(core.fieldBlock());
  } else if (core.LIST()) {
    out.kind = Kind::list;
    out.element = std::make_unique<ast::TypeExpr>(type(*core.typeExpr()));
  } else if (core.path()) {
    out.name = path(*core.path());
  } else {
    out.name = ast::Path{{name_of(core)}, span(core)};  // `stage` is reserved, and a type
  }
  out.optional = context.QUESTION() != nullptr;
  out.in_range = optional_sum(context.sum());
  return out;
}

std::vector<ast::Name> Builder::enum_literals(P::EnumBlockContext& context) const {
  std::vector<ast::Name> out;
  for (P::IdentContext* literal : context.ident()) out.push_back(name(*literal));
  return out;
}

std::vector<ast::FieldDecl> Builder::fields(P::FieldBlockContext* context, bool initial_values) {
  std::vector<ast::FieldDecl> out;
  if (context == nullptr) return out;
  each_item(context->field(), [&](P::FieldContext& item) { out.push_back(field(item, initial_values)); });
  return out;
}

ast::FieldDecl Builder::field(P::FieldContext& context, bool initial_values) {
  ast::FieldDecl out;
  out.span = span(context);
  out.doc = doc(context);
  out.name = name(*context.ident());
  out.key = context.KEY() != nullptr;
  out.personal = context.PERSONAL() != nullptr;
  if (context.typeExpr()) out.type = type(*context.typeExpr());
  if (context.body()) (initial_values ? out.initial : out.derived) = body(*context.body());
  return out;
}

ast::EntityDecl Builder::entity(P::EntityDeclContext& context) {
  ast::EntityDecl out;
  out.name = name(*context.ident(0));
  if (context.OF()) out.parent = name(*context.ident(1));
  if (context.TEXT()) {
    MappedTable from{.table = plain_text(*context.TEXT()->getSymbol()), .change_column = {}};
    if (context.changeColumn()) from.change_column = name(*context.changeColumn()->ident()).text;
    out.table = mapped_table_text(from);
  }
  out.fields = fields(context.fieldBlock());
  return out;
}

ast::EventDecl Builder::event(P::EventDeclContext& context) {
  ast::EventDecl out;
  out.name = path(*context.path(0));
  if (context.OF()) out.owner = name(*context.ident());
  if (context.CANCELS()) out.cancels = path(*context.path(1));
  out.fields = fields(context.fieldBlock());
  if (context.OF() == nullptr) {
    Diagnostic& d = mistake("E0106", out.name.span, "the event `" + out.name.text() + "` belongs to no entity");
    d.help = "it is written event NAME of ENTITY { … }";
    throw DropItem{};
  }
  return out;
}

ast::SegmentationDecl Builder::segmentation(P::SegmentationDeclContext& context) {
  ast::SegmentationDecl out;
  out.name = name(*context.ident(0));
  out.entity = name(*context.ident(1));
  each_item(context.segmentationBlock()->segmentationCase(), [&](P::SegmentationCaseContext& item) {
    ast::SegmentationDecl::Case made;
    made.name = name(*item.ident());
    made.span = span(item);
    made.when = optional_expr(item.expr());
    out.cases.push_back(std::move(made));
  });
  return out;
}

ast::TableDecl Builder::table(P::TableDeclContext& context) {
  ast::TableDecl out;
  out.name = name(*context.ident());
  out.inputs = columns(*context.columns(0));
  out.outputs = columns(*context.columns(1));
  if (context.hitPolicy()) out.hit_policy = name_of(*context.hitPolicy());
  if (P::InForceContext* force = context.inForce()) {
    out.from_date = sum(*force->sum(0));
    out.to_date = optional_sum(force->sum(1));
  }
  if (P::FromFileContext* from = context.fromFile()) {
    out.from_file = plain_text(*from->TEXT()->getSymbol());
    out.from_file_span = span(*from->TEXT()->getSymbol());
  }
  if (context.tableBlock()) table_rows(*context.tableBlock(), out);
  return out;
}

std::vector<ast::TableDecl::Column> Builder::columns(P::ColumnsContext& context) {
  std::vector<ast::TableDecl::Column> out;
  for (P::ColumnContext* column : context.column()) out.push_back({name_of(*column->word()), type(*column->typeExpr())});
  return out;
}

void Builder::table_rows(P::TableBlockContext& context, ast::TableDecl& out) {
  std::vector<P::RowContext*> rows = context.row();
  if (rows.empty()) return;
  if (rows.front()->exception) throw DropItem{};  // without a header no row can be read
  table_header(*rows.front(), out);
  rows.erase(rows.begin());
  each_item(rows, [&](P::RowContext& item) {
    ast::TableDecl::Row made = row(item);
    if (item.OTHERWISE()) {
      only_once(!out.otherwise.empty(), span(item), "otherwise");
      out.otherwise = std::move(made.outputs);
    } else {
      out.rows.push_back(std::move(made));
    }
  });
}

ast::Name Builder::header_name(const ast::Expr& cell) {
  if (const auto* column = std::get_if<ast::NameRef>(&cell.node)) return column->name;
  Diagnostic& d = mistake("E0120", cell.span, "the first row of a table names its columns");
  d.help = "write a header row: | INPUT | INPUT || OUTPUT |";
  throw DropItem{};
}

void Builder::table_header(P::RowContext& context, ast::TableDecl& out) {
  if (context.OTHERWISE()) {
    mistake("E0120", span(context), "the first row of a table names its columns").help = "write a header row: | INPUT | INPUT || OUTPUT |";
    throw DropItem{};
  }
  const ast::TableDecl::Row cells = row(context);
  for (const ast::ExprPtr& cell : cells.cells) out.header.push_back(header_name(*cell));
  out.header_inputs = out.header.size();
  for (const ast::ExprPtr& cell : cells.outputs) out.header.push_back(header_name(*cell));
}

ast::TableDecl::Row Builder::row(P::RowContext& context) {
  ast::TableDecl::Row out;
  out.span = span(context);
  for (P::CellContext* item : context.cell()) out.cells.push_back(one_cell(cell(*item), span(*item)));
  for (P::OutCellContext* item : context.outCell()) {
    std::vector<ast::ExprPtr> values;
    for (P::ExprContext* value : item->expr()) values.push_back(expr(*value));
    out.outputs.push_back(one_cell(std::move(values), span(*item)));
  }
  return out;
}

ast::FunctionDecl Builder::function(P::FunctionDeclContext& context) {
  ast::FunctionDecl out;
  out.name = name(*context.ident());
  for (ast::TableDecl::Column& column : columns(*context.columns())) out.parameters.push_back({std::move(column.name), std::move(column.type)});
  out.result = type(*context.typeExpr());
  out.native = context.NATIVE() != nullptr;
  P::FunctionBodyContext* written = context.functionBody();
  if (out.native != (written == nullptr)) {
    Diagnostic& d = mistake("E0106", out.name.span, out.native ? "a native function has no body here" : "the function `" + out.name.text + "` has no body");
    d.help = out.native ? "its body is written in C++; remove it here, or the word `native`"
                        : "it is written function NAME(PARAMETER : TYPE, …) -> TYPE = EXPRESSION";
    throw DropItem{};
  }
  if (written != nullptr) out.body = written->body() ? body(*written->body()) : let_body(*written->letBody());
  return out;
}

ast::OutcomesDecl Builder::outcomes(P::OutcomesDeclContext& context) {
  ast::OutcomesDecl out;
  out.name = name(*context.ident(0));
  if (context.OF()) out.owner = name(*context.ident(1));
  out.roots = outcome_nodes(context.outcomeBlock());
  return out;
}

std::vector<ast::OutcomeNode> Builder::outcome_nodes(P::OutcomeBlockContext* context) {
  std::vector<ast::OutcomeNode> out;
  if (context == nullptr) return out;
  each_item(context->outcome(), [&](P::OutcomeContext& item) { out.push_back(outcome(item)); });
  return out;
}

ast::OutcomeNode Builder::outcome(P::OutcomeContext& context) {
  ast::OutcomeNode out;
  out.span = span(context);
  out.doc = doc(context);
  out.name = name(*context.ident());
  if (context.path()) out.alias = path(*context.path());
  if (P::OutcomeFieldsContext* list = context.outcomeFields()) {
    for (P::OutcomeFieldContext* item : list->outcomeField()) {
      ast::FieldDecl made;
      made.span = span(*item);
      made.name = name(*item->ident());
      made.type = type(*item->typeExpr());
      made.personal = item->PERSONAL() != nullptr;
      out.fields.push_back(std::move(made));
    }
  }
  out.when = optional_expr(context.expr());
  out.children = outcome_nodes(context.outcomeBlock());
  return out;
}

ast::QueueDecl Builder::queue(P::QueueDeclContext& context) {
  ast::QueueDecl out;
  out.name = name(*context.ident());
  auto settings = std::make_shared<ast::QueueSettings>();
  each_item(context.queueBlock()->queueItem(), [&](P::QueueItemContext& item) {
    if (item.MERGE() || item.ASSIGN() || item.NEEDS() || item.LATE() || item.NUMBERS() || item.BATCH() || item.STATUS()) {
      queue_setting(item, *settings);
      out.settings = settings;
    } else {
      queue_item(item, out);
    }
  });
  return out;
}

void Builder::queue_item(P::QueueItemContext& context, ast::QueueDecl& out) {
  const bool given = (context.OUTCOMES() && out.outcomes) || (context.COUNTS() && out.counts_as) || (context.COST() && out.cost) ||
                     (context.LEASE() && out.lease) || (context.DUE() && out.due) || (context.FIELDS() && !out.fields.empty());
  only_once(given, span(context), source(span(*context.start)));
  if (context.OUTCOMES()) {
    out.outcomes = path(*context.path());
  } else if (context.COUNTS()) {
    out.counts_as = path(*context.path());
  } else if (context.COST()) {
    out.cost = sum(*context.sum());
  } else if (context.LEASE()) {
    out.lease = sum(*context.sum());
  } else if (context.DUE()) {
    out.due = sum(*context.sum());
  } else if (context.FIELDS()) {
    out.fields = fields(context.fieldBlock());
  } else {
    ast::QueueDecl::Setting made;
    made.span = span(context);
    made.name = name_of(*context.start);
    for (P::SettingWordContext* word : context.settingWord()) made.words.push_back({std::string(source(span(*word))), span(*word)});
    out.other.push_back(std::move(made));
  }
}

}  // namespace dunlin::syntax

#include "lang/syntax/ast_dump.h"

#include "lang/syntax/ast_dump_parts.h"
#include "lang/syntax/mapped_table.h"

namespace dunlin {

namespace {

using namespace ast;
using syntax::dump_action;
using syntax::dump_field;
using syntax::dump_part;
using syntax::dump_type;

template <class T, class Text>
std::string joined(const std::vector<T>& items, Text text, const char* between = ", ") {
  std::string out;
  for (const T& item : items) out += (out.empty() ? "" : between) + text(item);
  return out;
}

class FileDumper {
 public:
  std::string run(const File& file) {
    for (const Decl& decl : file.declarations) {
      if (!decl.doc.empty()) line("doc " + decl.doc);
      std::visit(*this, decl.node);
    }
    return std::move(out_);
  }

  void operator()(const BundleDecl& d) {
    std::string text = "bundle " + d.name.text + quoted(d.title);
    if (d.timezone) text += " timezone " + d.timezone->text;
    if (d.currency) text += " currency " + d.currency->text;
    if (d.calendar) text += " calendar " + d.calendar->text;
    if (d.day_starts) text += " day " + dump(*d.day_starts);
    line(text);
  }
  void operator()(const UseDecl& d) { line("use " + d.module.text()); }
  void operator()(const ModuleDecl& d) { line("module " + d.name.text()); }
  void operator()(const ParameterDecl& d) { line("parameter " + d.name.text + " : " + dump_type(d.type) + with(" = ", d.value)); }
  void operator()(const TypeDecl& d) { line("type " + d.name.text + " " + dump_type(d.type)); }
  void operator()(const EntityDecl& d) {
    const MappedTable from = mapped_table(d.table.value_or(""));
    line("entity " + d.name.text + (d.parent ? " of " + d.parent->text : "") + (d.table ? " from" + quoted(from.table) : "") +
         (from.change_column.empty() ? "" : " change by " + from.change_column));
    fields(d.fields);
  }
  void operator()(const ExtendDecl& d) {
    line("extend " + d.entity.text);
    fields(d.fields);
  }
  void operator()(const EventDecl& d) {
    line("event " + d.name.text() + " of " + d.owner.text + (d.cancels ? " cancels " + d.cancels->text() : ""));
    fields(d.fields);
  }
  void operator()(const SegmentationDecl& d) {
    line("segmentation " + d.name.text + " for " + d.entity.text);
    for (const auto& c : d.cases) nested(c.name.text + (c.when ? " when " + dump(*c.when) : " otherwise"));
  }
  void operator()(const TableDecl& d) {
    const auto column = [](const TableDecl::Column& c) { return c.name.text + " : " + dump_type(c.type); };
    const auto cells = [](const std::vector<ExprPtr>& items) {
      return joined(
          items, [](const ExprPtr& e) { return dump(*e); }, " | ");
    };
    line("table " + d.name.text + "(" + joined(d.inputs, column) + ") -> (" + joined(d.outputs, column) + ")" + (d.hit_policy ? " " + d.hit_policy->text : "") +
         with(" in force from ", d.from_date) + with(" to ", d.to_date) + (d.from_file ? " from" + quoted(*d.from_file) : ""));
    if (!d.header.empty()) nested("header " + std::to_string(d.header_inputs) + " " + joined(d.header, [](const Name& n) { return n.text; }));
    for (const TableDecl::Row& row : d.rows) nested(cells(row.cells) + " || " + cells(row.outputs));
    if (!d.otherwise.empty()) nested("otherwise || " + cells(d.otherwise));
  }
  void operator()(const FunctionDecl& d) {
    const auto parameter = [](const FunctionDecl::Parameter& p) { return p.name.text + " : " + dump_type(p.type); };
    line((d.native ? "native " : "") + std::string("function ") + d.name.text + "(" + joined(d.parameters, parameter) + ") -> " + dump_type(d.result) +
         with(" = ", d.body));
  }
  void operator()(const OutcomesDecl& d) {
    line("outcomes " + d.name.text + (d.owner ? " of " + d.owner->text : ""));
    outcome_nodes(d.roots);
  }
  void operator()(const QueueDecl& d) {
    line("queue " + d.name.text + (d.outcomes ? " outcomes " + d.outcomes->text() : "") + (d.counts_as ? " counts as " + d.counts_as->text() : "") +
         with(" cost ", d.cost) + with(" lease ", d.lease) + with(" due ", d.due));
    fields(d.fields);
    if (d.settings) {
      for (const std::string& setting : dump_part(*d.settings)) nested(setting);
    }
    for (const auto& s : d.other)
      nested("setting " + s.name.text + ": " +
             joined(
                 s.words, [](const Name& w) { return w.text; }, " "));
  }
  void operator()(const StrategyDecl& d) {
    line("strategy " + d.name.text + quoted(d.title) + " for " + d.entity.text + (d.before.empty() ? "" : " before ") +
         joined(d.before, [](const Path& p) { return p.text(); }));
    if (d.enrol) nested("enrol when " + dump(*d.enrol));
    if (d.enrol_again) nested("enrol again when " + dump(*d.enrol_again));
    for (const FieldDecl& v : d.variables) nested("var " + dump_field(v));
    around_rules(d.deadlines, d.on_change);
    rules(d.rules);
    for (const StageDecl& s : d.stages) stage(s);
  }
  void operator()(const AlwaysDecl& d) {
    line("always" + (d.entity ? " for " + d.entity->text : ""));
    rules(d.rules);
  }
  void operator()(const TestDecl& d) {
    line("test" + quoted(d.title));
    for (const TestGiven& g : d.given) {
      nested((g.any ? "for any " : "given ") + g.entity.text + (g.name ? " named " + g.name->text : "") + (g.parent ? " of " + g.parent->text : "") +
             with(" ", g.fields) + with(" where ", g.where));
    }
    for (const TestStep& s : d.steps) step(s);
  }
  template <class Node>
  void operator()(const Part<Node>& d) {
    part(dump_part(*d));
  }

 private:
  static std::string quoted(const std::string& text) { return " \"" + text + "\""; }
  static std::string with(const char* word, const ExprPtr& e) { return e ? word + dump(*e) : ""; }

  void line(const std::string& text) { out_ += std::string(depth_ * 2, ' ') + text + "\n"; }
  void nested(const std::string& text) {
    ++depth_;
    line(text);
    --depth_;
  }
  void fields(const std::vector<FieldDecl>& list) {
    for (const FieldDecl& field : list) nested(dump_field(field));
  }

  void outcome_nodes(const std::vector<OutcomeNode>& nodes) {
    ++depth_;
    for (const OutcomeNode& n : nodes) {
      line(n.name.text + (n.alias ? " as " + n.alias->text() : "") + (n.fields.empty() ? "" : " (" + joined(n.fields, dump_field) + ")") +
           with(" when ", n.when));
      outcome_nodes(n.children);
    }
    --depth_;
  }

  void part(const syntax::Lines& lines) {
    line(lines.front());
    for (size_t i = 1; i < lines.size(); ++i) nested(lines[i]);
  }

  void around_rules(const std::vector<Part<DeadlineDecl>>& deadlines, const Part<OnChange>& on_change) {
    ++depth_;
    if (on_change) line(dump_part(*on_change));
    for (const Part<DeadlineDecl>& deadline : deadlines) part(dump_part(*deadline));
    --depth_;
  }

  void rules(const std::vector<Rule>& list) {
    ++depth_;
    for (const Rule& r : list) rule(r);
    --depth_;
  }

  void rule(const Rule& r) {
    constexpr const char* kinds[] = {"on", "on entry", "when", "after", "at", "every", "keep"};
    if (!r.doc.empty()) line("doc " + r.doc);
    std::string text = (r.label ? "[" + *r.label + "] " : "") + std::string(kinds[static_cast<size_t>(r.kind)]);
    if (!r.events.empty()) text += " " + joined(r.events, [](const Path& p) { return p.text(); });
    text += with(" ", r.moment) + (r.in_strategy ? " in " + r.in_strategy->text : "") + with(" at most ", r.at_most);
    if (r.if_late != Rule::IfLate::standard) text += r.if_late == Rule::IfLate::skip ? " else skip" : " else at once";
    text += with(" guard ", r.guard);
    if (r.keep) text += " " + keep(*r.keep);
    if (!r.actions.empty()) text += " : " + joined(r.actions, dump_action);
    line(text);
  }

  static std::string keep(const KeepSpec& k) {
    std::string text = k.queue.text() + with(" ", k.treatment) + (k.recipient ? with(" to ", *k.recipient) : "");
    if (k.binder) text += " for " + k.binder->text + " in " + dump(*k.source);
    text += with(" where ", k.where) + with(" while ", k.while_condition) + with(" | to ", k.to) + with(" | again ", k.again);
    if (!k.attempts.empty()) {
      text += " | attempts " +
              joined(k.attempts, [](const AttemptLimit& a) { return dump(*a.count) + (a.per ? " per " + a.per->text : "") + (a.in_stage ? " in stage" : ""); });
    }
    text += with(" | window ", k.window);
    if (!k.priority.empty())
      text += " | priority " + joined(k.priority, [](const PriorityTerm& t) { return (t.name ? t.name->text + ": " : "") + dump(*t.value); });
    return text + with(" | due ", k.due) + with(" | fields ", k.fields);
  }

  void stage(const StageDecl& s) {
    ++depth_;
    if (!s.doc.empty()) line("doc " + s.doc);
    line((s.is_final ? "final stage " : "stage ") + s.name.text + (s.title.empty() ? "" : quoted(s.title)));
    if (s.enrol_again) nested("enrol again when " + dump(*s.enrol_again));
    around_rules(s.deadlines, s.on_change);
    rules(s.rules);
    --depth_;
  }

  void step(const TestStep& s) {
    const std::string moment = s.moment ? dump(*s.moment) : "any day";
    std::string text = s.event ? "on " + moment + " " + s.event->text() : "at " + moment;
    if (s.subject) text += " of " + s.subject->text;
    nested(text + with(" ", s.payload));
    depth_ += 2;
    for (const auto& [target, value] : s.sets) line("set " + target.text() + " = " + dump(*value));
    for (const TestExpect& e : s.expects) expect(e);
    depth_ -= 2;
  }

  void expect(const TestExpect& e) {
    constexpr const char* kinds[] = {"stage", "task", "no task", "expression", "not enrolled", "withheld"};
    std::string text = std::string("expect ") + kinds[static_cast<size_t>(e.kind)];
    if (!e.target.parts.empty()) text += " " + e.target.text();
    if (e.treatment) text += quoted(*e.treatment);
    text += with(" to ", e.recipient) + with(" ", e.fields) + with(" ", e.expression);
    line(text + (e.subject ? " of " + e.subject->text : ""));
  }

  std::string out_;
  size_t depth_ = 0;
};

}  // namespace

std::string syntax::dump_action(const ast::Action& a) {
  const auto with = [](const char* word, const ExprPtr& e) { return e ? word + dump(*e) : std::string(); };
  constexpr const char* kinds[] = {"go", "restart", "task", "set", "raise", "open", "cancel", "note", "notify"};
  if (a.kind == Action::Kind::department) return dump_part(*a.department);
  std::string text = kinds[static_cast<size_t>(a.kind)];
  if (a.kind == Action::Kind::go) {
    if (a.go.kind == GoTarget::Kind::back) return text + " back";
    return a.go.kind == GoTarget::Kind::by ? text + " by " + dump(*a.go.by) : text + " " + a.go.stage.text();
  }
  if (!a.target.parts.empty()) text += " " + a.target.text();
  return text + with(a.kind == Action::Kind::set ? " = " : " ", a.value) + with(" to ", a.recipient) + with(" ", a.payload) + (a.stays ? " stays" : "");
}

std::string dump(const ast::File& file) { return FileDumper().run(file); }

}  // namespace dunlin

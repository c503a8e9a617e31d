#include "lang/service/handbook.h"

#include <algorithm>
#include <functional>

#include "lang/diag/markup.h"
#include "lang/sema/checked_letters.h"
#include "lang/sema/civil.h"
#include "lang/service/graph.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::service {

namespace {

constexpr const char* style = R"css(
body { font: 15px/1.5 Georgia, 'Times New Roman', serif; color: #1c2733; max-width: 62rem; margin: 2rem auto; padding: 0 1.5rem; }
h1 { font-size: 2rem; margin-bottom: .2rem; } h2 { border-bottom: 2px solid #c9d2da; margin-top: 2.6rem; } h3 { margin-top: 1.8rem; }
code, pre, td.code, th.code { font-family: ui-monospace, Consolas, monospace; font-size: 13px; }
pre { background: #f6f7f8; border: 1px solid #e1e5e9; border-radius: 6px; padding: .7rem .9rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; } td, th { border: 1px solid #c9d2da; padding: .25rem .6rem; text-align: left; vertical-align: top; }
th { background: #eef2f5; font-weight: 600; } th.out, td.out { background: #f3f8f0; }
.kind { color: #5a6772; font-weight: normal; font-size: .8em; } .where { color: #7a8792; font-size: 12px; } nav ul { columns: 2; } a { color: #2a5d92; }
svg { max-width: 100%; height: auto; }
@media print { body { margin: 0; max-width: none; } h2 { break-before: page; } h3, table, pre, svg { break-inside: avoid; } nav { break-after: page; } a { color: inherit; text-decoration: none; } }
)css";

/// Documentation: paragraphs, and `code` in backquotes.
std::string prose(const std::string& doc) {
  std::string out;
  std::string paragraph;
  const auto flush = [&] {
    if (!paragraph.empty()) out += "<p>" + paragraph + "</p>\n";
    paragraph.clear();
  };
  bool code = false;
  std::string text = escape_xml(doc);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '`') {
      paragraph += code ? "</code>" : "<code>";
      code = !code;
    } else if (text[i] == '\n' && i + 1 < text.size() && text[i + 1] == '\n') {
      if (code) paragraph += "</code>";
      code = false;
      flush();
    } else {
      paragraph += text[i];
    }
  }
  if (code) paragraph += "</code>";
  flush();
  return out;
}

class Writer {
 public:
  explicit Writer(const Snapshot& snapshot) : snapshot_(snapshot), program_(*snapshot.program) {}

  std::string write() {
    head();
    section("data", "What is known about a debt", [this] { data(); });
    section("judging", "How it is judged", [this] { judging(); });
    section("queues", "Where work lies", [this] { queues(); });
    section("strategies", "What is done when", [this] { strategies(); });
    section("letters", "What goes out in writing", [this] { letters(); });
    section("department", "What may never be done, and what is scarce", [this] { department(); });
    section("tests", "What is promised", [this] { tests(); });
    std::string contents = "<nav><h2>Contents</h2><ul>";
    for (const auto& [id, title] : contents_) contents += "<li><a href=\"#" + id + "\">" + escape_xml(title) + "</a></li>";
    return top_ + contents + "</ul></nav>\n" + body_ + "</body></html>\n";
  }

 private:
  void head() {
    const checked::Bundle& bundle = program_.bundle;
    const std::string title = bundle.title.empty() ? bundle.name : bundle.title;
    top_ = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>" +
           escape_xml(title) + "</title><style>" + style + "</style></head><body>\n<h1>" + escape_xml(title) + "</h1>\n<p class=\"where\">bundle <code>" +
           escape_xml(bundle.name) + "</code>, zone " + escape_xml(bundle.timezone) + ", amounts in " + escape_xml(bundle.currency) +
           (bundle.calendar.empty() ? "" : ", working days of the calendar " + escape_xml(bundle.calendar)) + ", the day begins at " +
           sema::clock_text(bundle.day_start_s) + "</p>\n";
    each<ast::BundleDecl>([&](const ast::Decl& declaration, const ast::BundleDecl&) { top_ += prose(declaration.doc); });
  }

  void section(const std::string& id, const std::string& title, const std::function<void()>& content) {
    const size_t before = body_.size();
    content();
    if (body_.size() == before) return;
    body_.insert(before, "<h2 id=\"" + id + "\">" + escape_xml(title) + "</h2>\n");
    contents_.emplace_back(id, title);
  }

  /// Declarations of the bundle's own files, in the order of files and lines.
  template <class Node, class Visit>
  void each(Visit visit) {
    for (const auto& tree : snapshot_.trees) {
      if (snapshot_.is_library(tree->source)) continue;
      for (const ast::Decl& declaration : tree->declarations) {
        if (const auto* node = std::get_if<Node>(&declaration.node)) visit(declaration, *node);
      }
    }
  }

  std::string text(Span span) const { return span.known() ? std::string(snapshot_.sources.text(span)) : std::string(); }
  std::string code(Span span) const { return "<code>" + escape_xml(one_line(text(span))) + "</code>"; }
  static std::string one_line(const std::string& written) {
    std::string out;
    for (const char c : written) {
      const bool blank = c == '\n' || c == '\r' || c == '\t' || c == ' ';
      if (!blank)
        out += c;
      else if (!out.empty() && out.back() != ' ')
        out += ' ';
    }
    return out;
  }

  void title(const std::string& kind, const std::string& name, const std::string& more, const std::string& doc, Span where) {
    body_ += "<h3>" + escape_xml(name) + " <span class=\"kind\">" + escape_xml(kind) + (more.empty() ? "" : ", " + escape_xml(more)) +
             "</span></h3>\n<p class=\"where\">" + escape_xml(snapshot_.sources.locate(where)) + "</p>\n" + prose(doc);
  }

  void pre(Span span) { body_ += "<pre>" + escape_xml(text(span)) + "</pre>\n"; }

  // ---- sections ----

  void fields(const std::vector<ast::FieldDecl>& list) {
    if (list.empty()) return;
    body_ += "<table><tr><th>field</th><th>type or rule</th><th>meaning</th></tr>\n";
    for (const ast::FieldDecl& field : list) {
      std::string type = field.type ? code(field.type->span) : std::string();
      if (field.key) type += " key";
      if (field.personal) type += " personal data";
      if (field.derived) type += (type.empty() ? "= " : " = ") + code(field.derived->span);
      body_ += "<tr><td class=\"code\">" + escape_xml(field.name.text) + "</td><td>" + type + "</td><td>" + prose(field.doc) + "</td></tr>\n";
    }
    body_ += "</table>\n";
  }

  void data() {
    each<ast::EntityDecl>([&](const ast::Decl& declaration, const ast::EntityDecl& node) {
      title("entity", node.name.text, node.parent ? "of " + node.parent->text : "", declaration.doc, declaration.span);
      fields(node.fields);
    });
    each<ast::ExtendDecl>([&](const ast::Decl& declaration, const ast::ExtendDecl& node) {
      title("more about", node.entity.text, "", declaration.doc, declaration.span);
      fields(node.fields);
    });
    each<ast::EventDecl>([&](const ast::Decl& declaration, const ast::EventDecl& node) {
      std::string more = node.owner.text.empty() ? "" : "of " + node.owner.text;
      if (node.cancels) more += (more.empty() ? "" : ", ") + ("cancels " + node.cancels->text());
      title("event", node.name.text(), more, declaration.doc, declaration.span);
      fields(node.fields);
    });
    each<ast::ParameterDecl>([&](const ast::Decl& declaration, const ast::ParameterDecl& node) {
      title("parameter that operations may set", node.name.text, "", declaration.doc, declaration.span);
      pre(declaration.span);
    });
  }

  void judging() {
    each<ast::SegmentationDecl>([&](const ast::Decl& declaration, const ast::SegmentationDecl& node) {
      title("segments", node.name.text, "for " + node.entity.text + ", the first that holds", declaration.doc, declaration.span);
      body_ += "<table><tr><th>segment</th><th>when</th></tr>\n";
      for (const auto& one : node.cases) {
        body_ += "<tr><td class=\"code\">" + escape_xml(one.name.text) + "</td><td>" + (one.when ? code(one.when->span) : "otherwise") + "</td></tr>\n";
      }
      body_ += "</table>\n";
    });
    each<ast::TableDecl>([&](const ast::Decl& declaration, const ast::TableDecl& node) { table(declaration, node); });
    each<ast::FunctionDecl>([&](const ast::Decl& declaration, const ast::FunctionDecl& node) {
      title(node.native ? "native function" : "function", node.name.text, "", declaration.doc, declaration.span);
      pre(declaration.span);
    });
  }

  std::string cell(const ast::ExprPtr& expr, const char* kind) const {
    return std::string("<td class=\"code ") + kind + "\">" + (expr ? escape_xml(one_line(text(expr->span))) : "") + "</td>";
  }

  void table(const ast::Decl& declaration, const ast::TableDecl& node) {
    std::string more = "hit policy " + (node.hit_policy ? node.hit_policy->text : std::string("unique"));
    if (node.from_date || node.to_date) more += ", in force";
    if (node.from_date) more += " from " + one_line(text(node.from_date->span));
    if (node.to_date) more += " to " + one_line(text(node.to_date->span));
    title("table", node.name.text, more, declaration.doc, declaration.span);
    body_ += "<table><tr>";
    for (const auto& column : node.inputs) body_ += "<th>" + escape_xml(column.name.text) + "</th>";
    for (const auto& column : node.outputs) body_ += "<th class=\"out\">" + escape_xml(column.name.text) + "</th>";
    body_ += "</tr>\n";
    if (node.from_file) sheet(*node.from_file, declaration.span, node.inputs.size());
    for (const auto& row : node.rows) {
      body_ += "<tr>";
      for (const auto& one : row.cells) body_ += cell(one, "");
      for (const auto& one : row.outputs) body_ += cell(one, "out");
      body_ += "</tr>\n";
    }
    if (!node.otherwise.empty()) {
      body_ += "<tr><td colspan=\"" + std::to_string(std::max<size_t>(1, node.inputs.size())) + "\">otherwise</td>";
      for (const auto& one : node.otherwise) body_ += cell(one, "out");
      body_ += "</tr>\n";
    }
    body_ += "</table>\n";
  }

  /// Rows of a sheet beside the rules, as they stand there.
  void sheet(const std::string& name, Span where, size_t inputs) {
    const std::string& path = snapshot_.sources.path(where.file);
    const std::string beside = path.substr(0, path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1) + name;
    const uint32_t file = snapshot_.file(beside) != Span::no_file ? snapshot_.file(beside) : snapshot_.file(name);
    if (file == Span::no_file) return;
    const std::string_view all = snapshot_.sources.text(file);
    size_t row = 0;
    for (size_t begin = 0; begin < all.size(); ++row) {
      size_t end = all.find('\n', begin);
      if (end == std::string_view::npos) end = all.size();
      const std::string_view line = all.substr(begin, end - begin);
      begin = end + 1;
      if (row == 0 || line.find_first_not_of(" \r,;") == std::string_view::npos) continue;
      constexpr size_t rows_max = 500;
      if (row > rows_max) {
        body_ += "<tr><td>… and more in " + escape_xml(name) + "</td></tr>\n";
        break;
      }
      body_ += "<tr>";
      size_t column = 0;
      for (const std::string& value : cells_of(line))
        body_ += std::string("<td class=\"code") + (column++ >= inputs ? " out" : "") + "\">" + escape_xml(value) + "</td>";
      body_ += "</tr>\n";
    }
  }

  static std::vector<std::string> cells_of(std::string_view line) {
    std::vector<std::string> cells(1);
    bool quoted = false;
    for (size_t i = 0; i < line.size(); ++i) {
      if (line[i] == '"') {
        if (quoted && i + 1 < line.size() && line[i + 1] == '"')
          cells.back() += line[i++];
        else
          quoted = !quoted;
      } else if (!quoted && (line[i] == ',' || line[i] == ';')) {
        cells.emplace_back();
      } else if (line[i] != '\r') {
        cells.back() += line[i];
      }
    }
    return cells;
  }

  void queues() {
    each<ast::QueueDecl>([&](const ast::Decl& declaration, const ast::QueueDecl& node) {
      title("queue", node.name.text, "", declaration.doc, declaration.span);
      pre(declaration.span);
    });
    each<ast::OutcomesDecl>([&](const ast::Decl& declaration, const ast::OutcomesDecl& node) {
      title("what an attempt can end in", node.name.text, "", declaration.doc, declaration.span);
      pre(declaration.span);
    });
  }

  void rules(const std::vector<ast::Rule>& list) {
    if (list.empty()) return;
    body_ += "<ul>\n";
    for (const ast::Rule& rule : list) body_ += "<li>" + code(rule.span) + (rule.doc.empty() ? "" : prose(rule.doc)) + "</li>\n";
    body_ += "</ul>\n";
  }

  void deadlines(const std::vector<ast::Part<ast::DeadlineDecl>>& list) {
    for (const auto& deadline : list) pre(deadline->span);
  }

  void strategies() {
    each<ast::StrategyDecl>([&](const ast::Decl& declaration, const ast::StrategyDecl& node) {
      title("strategy for " + node.entity.text, node.name.text, node.title, declaration.doc, declaration.span);
      for (size_t i = 0; i < program_.strategies.size(); ++i) {
        if (program_.strategies[i].name == node.name.text) body_ += svg(program_, graph_of(program_, snapshot_.sources, static_cast<int>(i)));
      }
      if (node.enrol) body_ += "<p>Enrolled when " + code(node.enrol->span) + ".</p>\n";
      if (!node.rules.empty()) body_ += "<h4>In every stage</h4>\n";
      rules(node.rules);
      deadlines(node.deadlines);
      for (const ast::StageDecl& stage : node.stages) {
        body_ += "<h4>" + escape_xml(stage.name.text) + (stage.title.empty() ? "" : " – " + escape_xml(stage.title)) +
                 (stage.is_final ? " <span class=\"kind\">final</span>" : "") + "</h4>\n" + prose(stage.doc);
        rules(stage.rules);
        deadlines(stage.deadlines);
        if (stage.enrol_again) body_ += "<p>Enrolled again when " + code(stage.enrol_again->span) + ".</p>\n";
      }
    });
    each<ast::AlwaysDecl>([&](const ast::Decl& declaration, const ast::AlwaysDecl& node) {
      title("in every strategy", node.entity ? node.entity->text : "always", "", declaration.doc, declaration.span);
      rules(node.rules);
    });
  }

  template <class Node>
  void as_written(const char* kind) {
    each<ast::Part<Node>>([&](const ast::Decl& declaration, const ast::Part<Node>&) {
      const std::string first = one_line(text(declaration.span).substr(0, text(declaration.span).find('{')));
      title(kind, first, "", declaration.doc, declaration.span);
      pre(declaration.span);
    });
  }

  void department() {
    as_written<ast::LimitsDecl>("limits");
    as_written<ast::HoldDecl>("hold");
    as_written<ast::DeadlineDecl>("deadline");
    as_written<ast::ApprovalDecl>("approval");
    as_written<ast::QuotaDecl>("quota");
    as_written<ast::AllocationDecl>("allocation");
    as_written<ast::FeedDecl>("feed");
    as_written<ast::CampaignDecl>("campaign");
    as_written<ast::ExperimentDecl>("experiment");
    as_written<ast::HoldoutDecl>("holdout");
    as_written<ast::ScheduleDecl>("schedule");
    as_written<ast::TerritoryDecl>("territory");
  }

  /// Each letter with all its words: whoever answers for them need not look for the files.
  void letters() {
    for (const checked::Queue& queue : program_.queues) {
      for (const checked::Letter& letter : checked::letters_of(queue)) {
        const std::string to = letter.recipient == checked::none ? "" : ", to " + program_.entities[static_cast<size_t>(letter.recipient)].name;
        title("in " + queue.name + ", for " + program_.entities[static_cast<size_t>(letter.entity)].name + to, letter.name,
              letter.personal ? "with personal data" : "", letter.doc, letter.span);
        if (!letter.subject.empty()) body_ += "<p>Subject: " + code(subject_of(letter)) + "</p>\n";
        if (!letter.body.empty()) pre({letter.body[0].span.file, 0, static_cast<uint32_t>(snapshot_.sources.text(letter.body[0].span.file).size())});
      }
    }
  }

  static Span subject_of(const checked::Letter& letter) {
    Span whole = letter.subject.front().span;
    for (const checked::LetterPart& part : letter.subject) whole = cover(whole, part.span);
    return whole;
  }

  void tests() {
    each<ast::TestDecl>([&](const ast::Decl& declaration, const ast::TestDecl& node) {
      body_ += "<h3>" + escape_xml(node.title) + "</h3>\n" + prose(declaration.doc);
      pre(declaration.span);
    });
  }

  const Snapshot& snapshot_;
  const checked::Program& program_;
  std::string top_, body_;
  std::vector<std::pair<std::string, std::string>> contents_;
};

}  // namespace

std::string handbook(const Snapshot& snapshot) { return Writer(snapshot).write(); }

}  // namespace dunlin::service

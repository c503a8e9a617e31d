#include "lang/sema/feeds.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "lang/sema/civil.h"
#include "lang/sema/csv.h"
#include "lang/sema/data_path.h"
#include "lang/sema/declare.h"
#include "lang/syntax/ast_department.h"
#include "lang/syntax/parse.h"

namespace dunlin::sema {

namespace {

using checked::Campaign;
using checked::Feed;
using checked::FeedRefusal;

/// Reads declarations against a program whose queues and holds are known; says what is wrong with them.
class DepartmentReader {
 public:
  DepartmentReader(const checked::Program& program, Diagnostics& diagnostics, const SourceMap& sources)
      : program_(program), diagnostics_(diagnostics), sources_(sources) {}

  Feed feed(const ast::FeedDecl& written) {
    Feed made{.name = written.name.text, .title = written.title};
    if (written.due) {
      const auto& time = std::get<ast::TimeLit>(written.due->node);
      made.due_s = time.hour * 3600 + time.minute * 60 + time.second;
    }
    if (!written.late.empty() && !written.due)
      error("E0774", written.late.front().span, "the feed " + in_ticks(made.name) + " has no `due`, so it is never late").help = "add `due 07:00`";
    for (const ast::Action& action : written.late) late(action, made);
    if (written.refuses && written.refuses->text != "file") {
      Diagnostic& wrong = error("E0219", written.refuses->span, in_ticks(written.refuses->text) + " means nothing behind `refuse`");
      wrong.help = "write `refuse file when …`";
      wrong.fixes.push_back({written.refuses->span, "file", "write `file`"});
    }
    for (const ast::FeedDecl::Refusal& one : written.refusals) refusal(one, made);
    return made;
  }

  Campaign campaign(const ast::CampaignDecl& written, Span span) {
    Campaign made{.title = written.title};
    if (written.list_file) made.list_file = *written.list_file;
    if (written.among) {
      error("E0773", written.among->span, "a campaign works a list, not whoever fulfils a condition").help =
          "write `among list \"file.csv\"`; what hangs on a condition is a rule of a strategy";
    } else if (!written.list_file) {
      lacks(span, "the list of those it reaches", "among list \"payday.csv\"");
    }
    if (!written.run) {
      lacks(span, "the days on which it runs", "run 2026-05-05 to 2026-05-07 between 09:00 and 12:00");
    } else {
      days(*written.run, made);
      hours(*written.run, made);
    }
    task(written, span, made);
    if (written.priority) made.priority = whole(*written.priority, -1'000'000, 1'000'000, "a priority");
    for (const auto& cap : written.at_most) {
      if (cap.period.unit != ast::Period::Unit::day || &cap != &written.at_most.front()) {
        error("E0773", cap.period.span, "a campaign has one cap, and it is for a day").help = "write `at most 3_000 per day`";
        continue;
      }
      made.per_day = whole(*cap.count, 1, 1'000'000'000, "a cap");
    }
    return made;
  }

 private:
  Diagnostic& error(const char* code, Span span, std::string message) { return diagnostics_.error(code, span, std::move(message)); }

  void lacks(Span span, const char* what, const char* help) {
    error("E0772", span, std::string("the campaign does not say ") + what).help = std::string("add `") + help + "`";
  }

  // ---- feeds ----

  void late(const ast::Action& action, Feed& made) {
    using Kind = ast::DepartmentAction::Kind;
    if (action.kind != ast::Action::Kind::department || action.department->kind != Kind::hold) {
      error("E0774", action.span, "a file that did not come can hold contact, and nothing else").help =
          "write `late : hold outbound`, or the name of a hold that stops some queues; no case file is looked at when a file is late";
      return;
    }
    const ast::DepartmentAction& held = *action.department;
    if (held.duration) error("E0774", held.duration->span, "contact is held until the file comes, however long that takes").help = "leave `for …` away";
    const ast::Name& name = held.target.parts.front();
    const Index hold = checked::find_hold(program_, name.text);
    if (hold == none && name.text == "outbound") {
      made.holds = true;
      made.queues.clear();
      all_ = true;
      // Work that is no contact goes on.
      if (std::ranges::all_of(program_.queues, &checked::Queue::counts)) return;
      for (const checked::Queue& queue : program_.queues) {
        if (queue.counts) made.queues.push_back(queue.name);
      }
      return;
    }
    if (hold == none) {
      Diagnostic& wrong = error("E0740", name.span, "there is no hold " + in_ticks(name.text));
      std::vector<std::string> candidates{"outbound"};
      for (const checked::Hold& one : program_.holds) candidates.push_back(one.name);
      suggest(wrong, name.text, candidates);
      if (wrong.help.empty()) wrong.help = "`outbound` holds every contact; some queues only: `hold " + name.text + " { stops call, until lifted }`";
      return;
    }
    stops_of(hold, name.span, made);
  }

  /// The queues that the hold stops; a feed looks at no case, so it cannot tell treatments apart.
  void stops_of(Index hold, Span span, Feed& made) {
    std::set<std::string> queues(made.queues.begin(), made.queues.end());
    bool whole_queues = true;
    for (const checked::Limits& block : program_.limits) {
      if (block.hold != hold) continue;
      for (const checked::LimitRule& rule : block.rules) {
        whole_queues = whole_queues && !rule.only && std::ranges::none_of(rule.except, [](const auto& except) { return except.treatment.has_value(); });
        for (const Index queue : rule.queues) {
          const bool spared = std::ranges::any_of(rule.except, [&](const auto& except) { return except.queue == queue; });
          if (!spared) queues.insert(program_.queues[queue].name);
        }
      }
    }
    if (!whole_queues || queues.empty()) {
      Diagnostic& wrong = error("E0774", span, queues.empty() ? "this hold stops nothing" : "a feed holds whole queues, not single treatments of them");
      wrong.notes.push_back({program_.holds[hold].span, "the hold"});
      wrong.help = "write `late : hold outbound`, or declare a hold that stops whole queues";
      return;
    }
    made.holds = true;
    if (!all_) made.queues.assign(queues.begin(), queues.end());
  }

  void refusal(const ast::FeedDecl::Refusal& written, Feed& made) {
    FeedRefusal one;
    one.text = sources_.text(written.span);
    if (written.differs) {
      if (written.differs->text != "total") {
        Diagnostic& wrong = error("E0775", written.differs->span, in_ticks(written.differs->text) + " is nothing a file is compared with");
        wrong.help = "write `total differs`: the control totals that come with the file";
        wrong.fixes.push_back({written.differs->span, "total", "write `total`"});
        return;
      }
      one.what = FeedRefusal::What::total;
      made.refusals.push_back(std::move(one));
      return;
    }
    const auto* binary = std::get_if<ast::Binary>(&written.condition->node);
    const auto* name = binary == nullptr ? nullptr : std::get_if<ast::NameRef>(&binary->left->node);
    const std::string word = name == nullptr ? "" : name->name.text;
    const char* op = binary == nullptr ? nullptr : comparison(binary->op);
    if (op == nullptr || (word != "bad_rows" && word != "rows")) {
      Diagnostic& wrong = error("E0775", written.span, "this is no condition of a file");
      wrong.help = "what can be said: `bad_rows > 1%`, `bad_rows > 100`, `rows < 1_000`, `total differs`";
      if (name != nullptr) suggest_word(wrong, name->name);
      return;
    }
    one.op = op;
    const ast::Expr& right = *binary->right;
    if (const auto* share = std::get_if<ast::PercentLit>(&right.node); share != nullptr && word == "bad_rows") {
      one.what = FeedRefusal::What::bad_share;
      one.figure = hundredth(share->digits);
    } else if (const auto* count = std::get_if<ast::IntLit>(&right.node); count != nullptr && count->digits.size() < 13) {
      one.what = word == "rows" ? FeedRefusal::What::rows : FeedRefusal::What::bad_rows;
      one.figure = count->digits;
    } else {
      error("E0775", right.span,
            word == "rows" ? "the number of rows is compared with a whole number" : "rejected rows are compared with a share or a whole number")
          .help = word == "rows" ? "for example `rows < 1_000`" : "for example `bad_rows > 1%` or `bad_rows > 100`";
      return;
    }
    made.refusals.push_back(std::move(one));
  }

  static void suggest_word(Diagnostic& wrong, const ast::Name& name) {
    for (const char* known : {"bad_rows", "rows"}) {
      if (edit_distance(name.text, known) <= 2) wrong.fixes.push_back({name.span, known, std::string("write `") + known + "`"});
    }
  }

  static const char* comparison(ast::BinaryOp op) {
    switch (op) {
      case ast::BinaryOp::less:
        return "<";
      case ast::BinaryOp::less_equal:
        return "<=";
      case ast::BinaryOp::greater:
        return ">";
      case ast::BinaryOp::greater_equal:
        return ">=";
      case ast::BinaryOp::equal:
        return "=";
      case ast::BinaryOp::not_equal:
        return "<>";
      default:
        return nullptr;
    }
  }

  /// "12.5" percent as a share of one: "0.125".
  static std::string hundredth(const std::string& digits) {
    const size_t point = digits.find('.');
    std::string whole = digits.substr(0, point);
    const std::string rest = point == std::string::npos ? "" : digits.substr(point + 1);
    if (whole.size() < 3) whole.insert(0, 3 - whole.size(), '0');
    return whole.substr(0, whole.size() - 2) + "." + whole.substr(whole.size() - 2) + rest;
  }

  // ---- campaigns ----

  void days(const ast::RunTime& written, Campaign& made) {
    const auto* from = std::get_if<ast::DateLit>(&written.from->node);
    const auto* to = std::get_if<ast::DateLit>(&written.to->node);
    if (from == nullptr || to == nullptr) {
      error("E0773", from == nullptr ? written.from->span : written.to->span, "the days of a campaign are dates").help =
          "for example `run 2026-05-05 to 2026-05-07`";
      return;
    }
    made.from_day = static_cast<int32_t>(days_of_date(from->year, from->month, from->day).value_or(0));
    made.to_day = static_cast<int32_t>(days_of_date(to->year, to->month, to->day).value_or(0));
    if (made.to_day < made.from_day) error("E0773", written.span, "the campaign ends before it begins");
    if (made.to_day > made.from_day + 366)
      error("E0773", written.span, "a campaign runs for a year at most").help = "what goes on for ever is a rule of a strategy";
  }

  void hours(const ast::RunTime& written, Campaign& made) {
    if (written.hours.empty()) return;
    const ast::Hours& first = written.hours.front();
    if (written.hours.size() > 1 || !first.days.empty()) {
      error("E0773", first.span, "a campaign has the same hours on all its days").help = "write `between 09:00 and 12:00`";
      return;
    }
    const auto seconds = [](const ast::ExprPtr& time) {
      const auto& at = std::get<ast::TimeLit>(time->node);
      return at.hour * 3600 + at.minute * 60 + at.second;
    };
    made.from_s = seconds(first.from);
    made.to_s = seconds(first.to);
    if (made.to_s <= made.from_s) error("E0773", first.span, "these hours are empty").help = "the end is later on the same day, and left out";
  }

  void task(const ast::CampaignDecl& written, Span span, Campaign& made) {
    if (written.tasks.empty()) return lacks(span, "what is to be done", "call \"payday\"");
    if (written.tasks.size() > 1) {
      error("E0773", written.tasks[1].span, "a campaign does one thing with each case of its list").help = "write a second campaign";
      return;
    }
    const auto& one = written.tasks.front();
    const Index queue = checked::find_queue(program_, one.queue.text());
    if (queue == none) {
      Diagnostic& wrong = error("E0206", one.queue.span, "there is no queue " + in_ticks(one.queue.text()));
      std::vector<std::string> candidates;
      for (const checked::Queue& known : program_.queues) candidates.push_back(known.name);
      suggest(wrong, one.queue.text(), candidates);
      return;
    }
    made.queue = program_.queues[queue].name;
    for (const checked::Field& field : program_.queues[queue].fields) {
      if (field.type.optional) continue;
      error("E0773", one.span, "tasks of " + in_ticks(made.queue) + " need the field " + in_ticks(field.name) + ", which a campaign does not fill").help =
          "make the field optional: `" + field.name + " : …?`";
    }
    const auto* text = one.treatment == nullptr ? nullptr : std::get_if<ast::TextLit>(&one.treatment->node);
    const bool plain = text != nullptr && std::ranges::none_of(text->parts, [](const auto& part) { return part.expr != nullptr; });
    if (!plain) {
      error("E0773", one.span, "the treatment of a campaign is a text without `{ }`").help = "for example `call \"payday\"`";
      return;
    }
    for (const auto& part : text->parts) made.treatment += part.text;
  }

  int64_t whole(const ast::Expr& written, int64_t least, int64_t most, const char* what) {
    const auto* minus = std::get_if<ast::Unary>(&written.node);
    const ast::Expr& figure = minus != nullptr && minus->op == ast::UnaryOp::negate ? *minus->operand : written;
    const auto* literal = std::get_if<ast::IntLit>(&figure.node);
    if (literal != nullptr && literal->digits.size() < 12) {
      const int64_t value = std::stoll(literal->digits) * (minus != nullptr ? -1 : 1);
      if (value >= least && value <= most) return value;
    }
    error("E0773", written.span, std::string(what) + " of a campaign is a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return 0;
  }

  const checked::Program& program_;
  Diagnostics& diagnostics_;
  const SourceMap& sources_;
  bool all_ = false;  // some action holds everything
};

/// `visit(feed or campaign, span)` for those of a tree.
void each_of(const std::vector<ast::Decl>& declarations, const auto& visit) {
  for (const ast::Decl& declaration : declarations) {
    if (const auto* feed = std::get_if<ast::Part<ast::FeedDecl>>(&declaration.node)) visit(**feed, declaration.span);
    if (const auto* campaign = std::get_if<ast::Part<ast::CampaignDecl>>(&declaration.node)) visit(**campaign, declaration.span);
  }
}

std::vector<std::string> cells_of(const CsvRow& row) {
  std::vector<std::string> cells;
  for (const CsvCell& cell : row.cells) cells.push_back(cell.text);
  return cells;
}

std::vector<std::string> first_line(std::string_view text) {
  const CsvText csv = read_csv(text.substr(0, text.find('\n')));
  return csv.rows.empty() ? std::vector<std::string>() : cells_of(csv.rows.front());
}

void read_list(const checked::Program& program, const std::string& text, Campaign& made) {
  const CsvText csv = read_csv(text);
  if (csv.rows.empty()) return;
  const std::vector<std::string> head = cells_of(csv.rows.front());
  made.entity = checked::campaign_entity(program, head);
  const int32_t column = checked::key_column(head, made.entity);
  int32_t line = 1;
  size_t counted = 0;
  for (size_t r = 1; r < csv.rows.size() && column >= 0; ++r) {
    for (; counted < csv.rows[r].begin; ++counted) line += text[counted] == '\n' ? 1 : 0;
    const auto& cells = csv.rows[r].cells;
    made.cases.push_back({line, static_cast<size_t>(column) < cells.size() ? cells[static_cast<size_t>(column)].text : std::string()});
  }
}

}  // namespace

void check_feeds(Context& context) {
  std::map<std::string, Span> feeds, campaigns;
  context.each<ast::Part<ast::FeedDecl>>([&](const Placed&, const ast::Part<ast::FeedDecl>& written) {
    const auto [first, fresh] = feeds.try_emplace(written->name.text, written->name.span);
    if (!fresh) return report_duplicate(context, written->name, first->second, "a feed");
    (void)DepartmentReader(context.program, context.diagnostics, context.sources).feed(*written);
  });
  context.each<ast::Part<ast::CampaignDecl>>([&](const Placed& placed, const ast::Part<ast::CampaignDecl>& written) {
    const ast::Name name{written->title, placed.declaration->span};
    const auto [first, fresh] = campaigns.try_emplace(name.text, name.span);
    if (!fresh) return report_duplicate(context, name, first->second, "a campaign");
    const checked::Campaign made = DepartmentReader(context.program, context.diagnostics, context.sources).campaign(*written, placed.declaration->span);
    if (made.list_file.empty()) return;
    const auto file = data_file(context, made.list_file, placed.file, written->list_span);
    if (!file) return;
    const std::vector<std::string> head = first_line(context.sources.text(*file));
    const std::string entity = checked::campaign_entity(context.program, head);
    if (entity.empty()) {
      context.error("E0812", written->list_span, "the list `" + made.list_file + "` does not say whose keys it has").help =
          "strategies here are about several entities: name the column after the one that is meant, such as `" +
          context.program.entities[context.program.strategies.front().entity].name + "`";
    } else if (checked::key_column(head, entity) < 0) {
      context.error("E0812", written->list_span, "the list `" + made.list_file + "` has no column `key`").help =
          "its first line names the columns; the one with the keys of " + plural(entity) + " is called `key` or `" + entity + "`";
    }
  });
  if (feeds.empty() || context.program.bundle.calendar.empty() || context.calendars.empty()) return;
  std::ifstream in(std::filesystem::path(context.calendars) / (context.program.bundle.calendar + ".csv"), std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  context.program.calendars.push_back({checked::feed_calendar, std::move(text).str()});
}

}  // namespace dunlin::sema

namespace dunlin::checked {

std::string campaign_entity(const Program& program, const std::vector<std::string>& head) {
  std::set<Index> about;
  for (const Strategy& strategy : program.strategies) about.insert(strategy.entity);
  if (about.empty()) return program.entities.empty() ? std::string() : program.entities.back().name;
  if (about.size() == 1) return program.entities[static_cast<size_t>(*about.begin())].name;
  for (const std::string& column : head) {
    const Index named = find_entity(program, column);
    if (about.contains(named)) return column;
  }
  return {};
}

int32_t key_column(const std::vector<std::string>& head, const std::string& entity) {
  for (const std::string& name : {std::string("key"), entity}) {
    const auto found = std::ranges::find(head, name);
    if (found != head.end()) return static_cast<int32_t>(found - head.begin());
  }
  return head.size() == 1 && !head.front().empty() ? 0 : -1;
}

Department read_department(const BundleSources& bundle, const Program& program) {
  Department made;
  SourceMap sources;
  Diagnostics diagnostics;
  for (const SourceFile& file : bundle.files) {
    const bool may_have = file.text.find("feed") != std::string::npos || file.text.find("campaign") != std::string::npos;
    if (!file.path.ends_with(".dun") || !may_have) continue;
    const ast::File tree = parse_file(sources, sources.add(file.path, file.text), diagnostics);
    sema::each_of(tree.declarations, [&](const auto& written, Span span) {
      sema::DepartmentReader reader(program, diagnostics, sources);
      if constexpr (requires { written.list_file; }) {
        made.campaigns.push_back(reader.campaign(written, span));
        const auto there = [&](const std::string& path) { return std::ranges::find(bundle.files, path, &SourceFile::path) != bundle.files.end(); };
        const auto list = sema::data_path(file.path, made.campaigns.back().list_file, there);
        if (list) sema::read_list(program, std::ranges::find(bundle.files, *list, &SourceFile::path)->text, made.campaigns.back());
      } else {
        (void)span;
        made.feeds.push_back(reader.feed(written));
      }
    });
  }
  for (const WorkCalendar& calendar : program.calendars) {
    if (calendar.name == feed_calendar) made.holidays = calendar.text;
  }
  return made;
}

}  // namespace dunlin::checked

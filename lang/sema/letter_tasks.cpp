// A queue with letters is one whose every task bears one: each rule that asks for a task is held to that here.
#include <algorithm>
#include <set>

#include "lang/sema/checked_people.h"
#include "lang/sema/feeds.h"
#include "lang/sema/letters.h"
#include "lang/sema/node.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Letter;

namespace {

class TaskCheck {
 public:
  explicit TaskCheck(Context& context) : context_(context), program_(context.program) {}

  void run() {
    for (const checked::Strategy& strategy : program_.strategies) rules(strategy.rules, strategy.entity);
    for (const checked::Stage& stage : program_.stages) rules(stage.rules, stage.strategy == none ? none : program_.strategies[stage.strategy].entity);
    for (const checked::Always& always : program_.always) rules(always.rules, always.entity);
    campaigns();
    unused();
  }

 private:
  void rules(const std::vector<checked::Rule>& rules, Index entity) {
    for (const checked::Rule& rule : rules) {
      if (rule.keep) {
        const checked::Keep& keep = *rule.keep;
        Index recipient = recipient_of(keep.recipient);
        if (keep.recipient == none) recipient = keep.binder_entity;
        task(keep.queue, keep.treatment, entity, recipient, rule.span);
      }
      for (const checked::Action& action : rule.actions) {
        if (action.kind == checked::Action::Kind::task) task(action.queue, action.value, entity, recipient_of(action.recipient), action.span);
      }
    }
  }

  static constexpr Index unknown = -2;  // it has a mistake

  Index recipient_of(RootId root) const {
    if (root == none) return none;
    return program_.roots[root].type.kind == TypeKind::instance ? program_.roots[root].type.id : unknown;
  }

  /// The texts an expression can give; false: they cannot be told.
  bool texts(const checked::Expr& expr, std::set<std::string>& out) {
    switch (expr.op) {
      case Op::literal:
        out.insert(expr.text);
        return true;
      case Op::condition:
        return texts(*expr.args[1], out) && texts(*expr.args[2], out);
      case Op::let:
        return texts(*expr.args[1], out);
      case Op::to_optional:
      case Op::unwrap:
        return texts(*expr.args[0], out);
      case Op::default_value:
        return texts(*expr.args[0], out) && texts(*expr.args[1], out);
      case Op::map:
        return texts(*expr.args[1], out);
      case Op::missing:
        return true;
      case Op::function:
        return of_root(program_.functions[expr.index].root, out);
      case Op::derived:
        return of_root(program_.entities[expr.args[0]->type.id].derived[expr.index].root, out);
      case Op::setting:
        return false;  // a parameter may be given another value
      case Op::record_field:
        return expr.args[0]->op == Op::table && of_table(expr.args[0]->index, expr.index, out);
      case Op::table:
        return of_table(expr.index, 0, out);
      default:
        return false;
    }
  }
  bool of_root(RootId root, std::set<std::string>& out) { return root != none && program_.roots[root].body && texts(*program_.roots[root].body, out); }
  bool of_table(Index index, Index output, std::set<std::string>& out) {
    const checked::Table& table = program_.tables[index];
    const auto row = [&](const checked::TableRow& one) {
      const checked::TableOutput& cell = one.outputs[static_cast<size_t>(output)];
      if (!cell.constant) return of_root(cell.root, out);
      out.insert(cell.text);
      return true;
    };
    return std::ranges::all_of(table.rows, row) && (!table.otherwise || row(*table.otherwise));
  }

  void task(Index queue, RootId treatment, Index entity, Index recipient, Span span) {
    if (queue == none || treatment == none) return;
    const std::vector<Letter>& letters = checked::letters_of(program_.queues[queue]);
    if (letters.empty() || !program_.roots[treatment].body || program_.roots[treatment].type.is_error()) return;
    const Span place = program_.roots[treatment].span.known() ? program_.roots[treatment].span : span;
    std::set<std::string> names;
    if (!of_root(treatment, names)) {
      Diagnostic& diagnostic = context_.error("E0795", place, "it cannot be told which letter of " + in_ticks(program_.queues[queue].name) + " goes out here");
      diagnostic.help = "name it in the text, in the branches of an `if` or in the rows of a table; each task of a queue with letters bears one";
      return;
    }
    for (const std::string& name : names) named(queue, name, entity, recipient, place);
  }

  void named(Index queue, const std::string& name, Index entity, Index recipient, Span place) {
    const checked::Queue& asked = program_.queues[queue];
    const std::vector<Letter>& letters = checked::letters_of(asked);
    bool known = false;
    for (const Letter& letter : letters) {
      if (letter.name != name) continue;
      known = true;
      used_.insert({queue, &letter - letters.data()});
    }
    if (!known) {
      Diagnostic& diagnostic = context_.error(
          "E0795", place,
          name.empty() ? "a task of " + in_ticks(asked.name) + " that names no letter" : "there is no letter \"" + name + "\" in " + in_ticks(asked.name));
      std::vector<std::string> candidates;
      for (const Letter& letter : letters) candidates.push_back(letter.name);
      suggest(diagnostic, name, candidates);
      if (diagnostic.help.empty())
        diagnostic.help =
            "each task of a queue with letters bears one: " + (name.empty() ? std::string("name it behind the queue") : "declare `template \"" + name + "\"`");
      return;
    }
    if (entity == none) return any_entity(queue, name, place);
    const Letter* letter = checked::find_letter(program_, asked, name, entity);
    if (letter == nullptr) {
      context_.error("E0798", place, "no letter \"" + name + "\" is for " + in_ticks(program_.entities[entity].name) + " or for what it hangs on").help =
          "a template is for the entity of the task, or for one above it";
      return;
    }
    if (letter->recipient == none || letter->recipient == recipient || recipient == unknown) return;
    Diagnostic& diagnostic = context_.error("E0798", place,
                                            "this letter is written to " + in_ticks(program_.entities[letter->recipient].name) +
                                                (recipient == none ? ", and the task goes to nobody" : ", and the task to something else"));
    diagnostic.help = "say whom it goes to: `to …`";
    diagnostic.notes.push_back({letter->span, "the letter"});
  }

  /// A rule of `always` that is for nobody in particular: its letter must be for whatever heads a case file.
  void any_entity(Index queue, const std::string& name, Span place) {
    if (checked::find_letter(program_, program_.queues[queue], name, 0) != nullptr) return;
    context_.error("E0798", place, "it is not clear what this letter is about").help = "write `always for` the entity of the letter";
  }

  void campaigns() {
    context_.each<ast::Part<ast::CampaignDecl>>([&](const Placed&, const ast::Part<ast::CampaignDecl>& campaign) {
      for (const auto& task : campaign->tasks) {
        const Index queue = checked::find_queue(program_, task.queue.text());
        if (queue == none || checked::letters_of(program_.queues[queue]).empty()) continue;
        context_.error("E0795", task.span, "tasks of a campaign bear no letter, and each task of " + in_ticks(task.queue.text()) + " needs one").help =
            "give the campaign a queue of its own, without templates";
      }
    });
  }

  void unused() {
    if (context_.diagnostics.has_errors()) return;
    for (size_t q = 0; q < program_.queues.size(); ++q) {
      const std::vector<Letter>& letters = checked::letters_of(program_.queues[q]);
      for (size_t i = 0; i < letters.size(); ++i) {
        if (used_.contains({static_cast<Index>(q), static_cast<std::ptrdiff_t>(i)})) continue;
        context_.warning("E0799", letters[i].span, "no task of " + in_ticks(program_.queues[q].name) + " bears this letter").help =
            "remove it, or name it in a task: `" + program_.queues[q].name + " \"" + letters[i].name + "\"`";
      }
    }
  }

  Context& context_;
  const checked::Program& program_;
  std::set<std::pair<Index, std::ptrdiff_t>> used_;
};

}  // namespace

void check_letters_of_tasks(Context& context) { TaskCheck(context).run(); }

}  // namespace dunlin::sema

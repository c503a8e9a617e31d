// What becomes of instances inside a strategy when a new version comes: `migrate`, `on change`.
#include "lang/sema/transfers.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "lang/sema/definitions.h"
#include "lang/sema/rules.h"
#include "lang/syntax/ast_department.h"
#include "lang/syntax/words.h"

namespace dunlin::sema {

using checked::OnChange;

uint64_t text_hash(const SourceMap& sources, const std::vector<Word>& words, Span place) {
  uint64_t hash = 0xcbf2'9ce4'8422'2325;
  const auto add = [&](char c) { hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3; };
  bool item_over = true;
  for (const Word& word : words) {
    if (word.begin < place.begin || word.end > place.end || word.kind == WordKind::comment || word.kind == WordKind::doc) continue;
    const std::string_view text = sources.text(Span{place.file, word.begin, word.end});
    if (word.kind == WordKind::line_end || text == ",") {
      if ((word.ends_item || text == ",") && !item_over) add('\n');
      item_over = item_over || word.ends_item || text == ",";
      continue;
    }
    item_over = false;
    for (const char c : text) add(c);
    add('\x1f');  // the border of a word
  }
  return hash == 0 ? 1 : hash;
}

namespace {

class TransferChecker {
 public:
  explicit TransferChecker(Context& context) : context_(context), program_(context.program) {}

  void run() {
    auto made = std::make_shared<checked::Transfers>();
    made_ = made.get();
    made_->strategies.assign(program_.strategies.size(), OnChange::unsaid);
    made_->on_stage.assign(program_.stages.size(), OnChange::unsaid);
    made_->strategy_text.assign(program_.strategies.size(), 0);
    made_->stage_text.assign(program_.stages.size(), 0);
    context_.each<ast::StrategyDecl>([&](const Placed& placed, const ast::StrategyDecl& written) { strategy(placed.declaration->span, written); });
    context_.each<ast::Part<ast::MigrateDecl>>(
        [&](const Placed& placed, const ast::Part<ast::MigrateDecl>& written) { migrate(placed.declaration->span, *written); });
    find_kept();
    if (!said_) return;
    if (!context_.diagnostics.has_errors()) keys_of_moved_rules();
    program_.transfers = std::move(made);
  }

 private:
  const std::vector<Word>& words_of(uint32_t file) {
    const auto [at, fresh] = words_.try_emplace(file);
    if (fresh) at->second = read_words(context_.sources, file);
    return at->second;
  }

  OnChange what(const ast::Part<ast::OnChange>& written) {
    if (!written) return OnChange::unsaid;
    said_ = true;
    const std::string& word = written->what.text;
    if (word == "migrate") return OnChange::migrate;
    if (word == "restart") return OnChange::restart;
    if (word == "pin") return OnChange::pin;
    Diagnostic& diagnostic = context_.error("E0219", written->what.span, in_ticks(word) + " means nothing behind `on change`");
    diagnostic.help = "write `on change migrate`, `on change pin` or `on change restart`";
    suggest(diagnostic, word, {"migrate", "pin", "restart"});
    return OnChange::unsaid;
  }

  void strategy(Span span, const ast::StrategyDecl& written) {
    const auto found = context_.names.strategies.find(written.name.text);
    if (found == context_.names.strategies.end() || is_kept(context_, span.file)) return;
    made_->strategies[found->second] = what(written.on_change);
    if (made_->strategies[found->second] == OnChange::restart) made_->strategy_text[found->second] = text_hash(context_.sources, words_of(span.file), span);
    for (const ast::StageDecl& stage : written.stages) {
      for (const Index own : program_.strategies[found->second].stages) {
        if (program_.stages[own].span != stage.name.span) continue;
        made_->on_stage[own] = what(stage.on_change);
        if (made_->on_stage[own] == OnChange::restart) made_->stage_text[own] = text_hash(context_.sources, words_of(stage.span.file), stage.span);
      }
    }
  }

  void find_kept() {
    for (size_t s = 0; s < program_.strategies.size(); ++s) {
      const checked::Strategy& strategy = program_.strategies[s];
      const int32_t version = strategy.span.known() ? checked::kept_version(context_.sources.path(strategy.span.file)) : 0;
      if (version == 0) continue;
      const auto base = context_.names.strategies.find(strategy.name);
      if (base != context_.names.strategies.end()) made_->kept.push_back({static_cast<Index>(s), base->second, version});
    }
    if (made_->kept.empty()) return;
    said_ = true;
    std::ranges::sort(made_->kept, {}, [](const checked::KeptStrategy& kept) { return std::pair(kept.base, kept.version); });
    for (size_t s = 0; s < program_.strategies.size(); ++s) made_->base_of.push_back(static_cast<Index>(s));
    for (const checked::KeptStrategy& kept : made_->kept) made_->base_of[kept.strategy] = kept.base;
    for (size_t s = 0; s < program_.stages.size(); ++s) made_->read_as.push_back(first_of_name(static_cast<Index>(s)));
  }

  Index first_of_name(Index stage) const {
    const auto same = [&](const checked::Stage& other) {
      return other.name == program_.stages[stage].name && made_->base_of[other.strategy] == made_->base_of[program_.stages[stage].strategy];
    };
    return static_cast<Index>(std::ranges::find_if(program_.stages, same) - program_.stages.begin());
  }

  Index strategy_named(const ast::Path& path) {
    const auto found = context_.names.strategies.find(path.parts.front().text);
    if (found != context_.names.strategies.end()) return found->second;
    Diagnostic& diagnostic = context_.error("E0205", path.span, "there is no strategy " + in_ticks(path.parts.front().text));
    std::vector<std::string> candidates;
    for (const auto& candidate : context_.names.strategies) candidates.push_back(candidate.first);
    suggest(diagnostic, path.parts.front().text, candidates);
    return none;
  }

  Index stage_of(Index strategy, const std::string& name) const {
    for (const Index stage : program_.strategies[strategy].stages) {
      if (program_.stages[stage].name == name) return stage;
    }
    return none;
  }
  Index variable_of(Index strategy, const std::string& name) const {
    const auto& variables = program_.strategies[strategy].variables;
    const auto found = std::ranges::find(variables, name, &checked::Variable::name);
    return found == variables.end() ? none : static_cast<Index>(found - variables.begin());
  }

  void migrate(Span span, const ast::MigrateDecl& written) {
    said_ = true;
    const size_t parts = written.from.parts.size();
    if (parts != written.to.parts.size() || parts > 2) {
      context_.error("E0205", written.from.span, "a stage is moved to a stage, a strategy to a strategy, a variable to a variable").help =
          "write `migrate soft.calling -> soft.dialing`";
      return;
    }
    const auto [at, fresh] = moved_.try_emplace(written.from.text(), span);
    if (!fresh) {
      context_.error("E0771", written.from.span, in_ticks(written.from.text()) + " is moved already").notes.push_back({at->second, "it stands here"});
      return;
    }
    const Index to = strategy_named(written.to);
    if (to == none) return;
    if (parts == 1) return whole_strategy(written, to);
    const std::string &from_name = written.from.parts[1].text, &to_name = written.to.parts[1].text;
    const Index stage = stage_of(to, to_name), variable = variable_of(to, to_name);
    if (!written.value && stage != none) return move_stage(written, written.from.parts[0].text, from_name, stage);
    if (variable != none) return move_variable(written, to, variable);
    Diagnostic& diagnostic =
        context_.error("E0205", written.to.span,
                       in_ticks(program_.strategies[to].name) + " has no " + (written.value ? "" : "stage and no ") + "variable " + in_ticks(to_name));
    std::vector<std::string> candidates;
    for (const Index own : program_.strategies[to].stages) candidates.push_back(program_.stages[own].name);
    for (const auto& own : program_.strategies[to].variables) candidates.push_back(own.name);
    suggest(diagnostic, to_name, candidates);
  }

  void still_there(const ast::Path& from, const std::string& what) {
    context_.error("E0770", from.span, "the " + what + " " + in_ticks(from.text()) + " is still there: whoever is in it stays").help =
        "`migrate` is for what is gone: take this line away, or the " + what;
  }

  void move_stage(const ast::MigrateDecl& written, const std::string& strategy, const std::string& name, Index to) {
    const auto found = context_.names.strategies.find(strategy);
    if (found != context_.names.strategies.end() && stage_of(found->second, name) != none) return still_there(written.from, "stage");
    made_->stages.push_back({strategy, name, to, written.from.span});
  }

  void whole_strategy(const ast::MigrateDecl& written, Index to) {
    if (context_.names.strategies.contains(written.from.text())) return still_there(written.from, "strategy");
    for (const Index stage : program_.strategies[to].stages)
      made_->stages.push_back({written.from.text(), program_.stages[stage].name, stage, written.from.span});
  }

  void move_variable(const ast::MigrateDecl& written, Index strategy, Index to) {
    const std::string &from_strategy = written.from.parts[0].text, &from = written.from.parts[1].text;
    const auto found = context_.names.strategies.find(from_strategy);
    if (found != context_.names.strategies.end() && variable_of(found->second, from) != none) return still_there(written.from, "variable");
    const checked::Variable& variable = program_.strategies[strategy].variables[to];
    checked::VariableMove move{from_strategy, from, strategy, to, none, written.from.span};
    if (written.value) {
      Surroundings around;
      around.label = "migrate " + written.from.text();
      around.self_entity = program_.strategies[strategy].entity;
      around.parameters.emplace_back(from, variable.type);
      around.free_now = true;
      move.value = make_root(context_, around, *written.value, variable.type);
    }
    made_->variables.push_back(std::move(move));
  }

  void keys_of_moved_rules() {
    for (const checked::StageMove& move : made_->stages) {
      const checked::Stage& stage = program_.stages[move.to];
      keys_under(context_, stage.rules, move.from_strategy, move.from_stage, made_->rule_keys);
      const checked::Strategy& strategy = program_.strategies[stage.strategy];
      if (move.from_strategy != strategy.name) keys_under(context_, strategy.rules, move.from_strategy, "", made_->rule_keys);
    }
  }

  Context& context_;
  std::map<uint32_t, std::vector<Word>> words_;  // by file
  checked::Program& program_;
  checked::Transfers* made_ = nullptr;
  bool said_ = false;
  std::map<std::string, Span> moved_;
};

}  // namespace

void check_transfers(Context& context) { TransferChecker(context).run(); }

}  // namespace dunlin::sema

namespace dunlin::checked {

static std::pair<int32_t, int32_t> kept_numbers(std::string_view path) {
  if (!path.starts_with(kept_folder)) return {0, 0};
  int32_t version = 0, text = 0;
  const char* end = path.data() + path.size();
  const auto first = std::from_chars(path.data() + kept_folder.size(), end, version);
  if (first.ptr != end && *first.ptr == '-') std::from_chars(first.ptr + 1, end, text);
  return {version, text != 0 ? text : version};
}
int32_t kept_version(std::string_view path) { return kept_numbers(path).first; }
int32_t kept_text_of(std::string_view path) { return kept_numbers(path).second; }

const KeptStrategy* kept_at(const Program& program, Index strategy) {
  if (!program.transfers || program.transfers->kept.empty() || strategy < 0) return nullptr;
  const auto found = std::ranges::find(program.transfers->kept, strategy, &KeptStrategy::strategy);
  return found == program.transfers->kept.end() ? nullptr : &*found;
}

Index base_of(const Program& program, Index strategy) {
  return strategy < 0 || !program.transfers || program.transfers->base_of.empty() ? strategy : program.transfers->base_of[strategy];
}

Index read_as(const Program& program, Index stage) {
  return stage < 0 || !program.transfers || program.transfers->read_as.empty() ? stage : program.transfers->read_as[stage];
}

Index counterpart(const Program& program, Index stage, Index strategy) {
  for (const Index own : program.strategies[strategy].stages) {
    if (program.stages[own].name == program.stages[stage].name) return own;
  }
  return none;
}

bool stays_kept(const Program& program, const KeptStrategy& kept, Index stage) {
  const Index now = counterpart(program, stage, kept.base);
  const Transfers& transfers = *program.transfers;
  if (now != none && transfers.on_stage[now] != OnChange::unsaid) return transfers.on_stage[now] == OnChange::pin;
  return transfers.strategies[kept.base] == OnChange::pin;
}

/// Where a stage is that only older versions have; none: nowhere.
static Index moved_to(const Program& program, Index stage) {
  const std::string& strategy = program.strategies[program.stages[stage].strategy].name;
  for (const StageMove& move : program.transfers->stages) {
    if (move.from_strategy == strategy && move.from_stage == program.stages[stage].name) return move.to;
  }
  return none;
}

Index stage_under(const Program& program, Index stage, int32_t version) {
  if (stage < 0 || !program.transfers || program.transfers->kept.empty()) return stage;
  const Index base = base_of(program, program.stages[stage].strategy);
  for (const KeptStrategy& kept : program.transfers->kept) {
    if (kept.base != base || kept.version < version) continue;
    const Index own = counterpart(program, stage, kept.strategy), now = counterpart(program, stage, base);
    // Whoever has come to the end asks for nothing of the old text.
    const bool over = own != none && now != none && program.stages[own].is_final && program.stages[now].is_final;
    if (own != none && !over && stays_kept(program, kept, own)) return own;
    break;
  }
  const Index now = counterpart(program, stage, base);
  return now != none ? now : moved_to(program, stage);
}

}  // namespace dunlin::checked

#include "lang/sema/check.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <fstream>
#include <set>
#include <sstream>
#include <thread>

#include "lang/sema/analysis.h"
#include "lang/sema/check_for_editor.h"
#include "lang/sema/check_typed.h"
#include "lang/sema/content_hash.h"
#include "lang/sema/declare.h"
#include "lang/sema/definitions.h"
#include "lang/sema/feeds.h"
#include "lang/sema/follow_ups.h"
#include "lang/sema/letter_file.h"
#include "lang/sema/letters.h"
#include "lang/sema/people.h"
#include "lang/sema/rules.h"
#include "lang/sema/stage_orders.h"
#include "lang/sema/transfers.h"
#include "lang/syntax/ast_department.h"
#include "lang/syntax/parse.h"

namespace dunlin {

namespace {

using sema::Context;

/// Parses the bundle's files and the modules they use, until nothing new is asked for.
class Loader {
 public:
  Loader(SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options, ParseCache& cache)
      : sources_(sources), diagnostics_(diagnostics), options_(options), cache_(cache) {}

  void load(const BundleSources& bundle) {
    std::vector<uint32_t> ids;  // by file of the bundle
    for (const SourceFile& file : bundle.files) {
      if (is_rules(file.path)) {
        ids.push_back(read_text(file));
      } else {
        add_data(file, file.path);
      }
    }
    parse_together(ids);
    for (const uint32_t id : ids) add_parsed(id, false);
    for (size_t i = 0; i < files_.size(); ++i) use_modules(i);  // grows while modules use modules
    for (const Loaded& loaded : files_) {
      for (const ast::Decl& declaration : loaded.file->declarations) placed.push_back({&declaration, loaded.file->source, loaded.library});
      trees.push_back(loaded.file);
    }
    cache_.forget_others(sources_);
  }

  std::vector<sema::Placed> placed;
  sema::DataFiles data;
  std::vector<SourceFile> all;  // everything that was read
  std::vector<uint32_t> library_files;
  bool whole = true;                                    // false: a file could not be read at all, so nobody knows what it declares
  std::vector<std::shared_ptr<const ast::File>> trees;  // must stay while the declarations are read

 private:
  struct Loaded {
    std::shared_ptr<const ast::File> file;
    bool library;
  };

  static bool is_rules(const std::string& path) { return path.ends_with(".dun") && path.find(".xlsx#") == std::string::npos; }

  void add(const SourceFile& source, bool library) {
    const uint32_t id = read_text(source);
    if (library && id != Span::no_file) library_files.push_back(id);
    add_parsed(id, library);
  }

  /// Span::no_file: it cannot be read, and that was said.
  uint32_t read_text(const SourceFile& source) {
    all.push_back(source);
    if (const size_t bad = find_invalid_utf8(source.text); bad != std::string::npos) {
      const uint32_t id = sources_.add(source.path, std::string());
      diagnostics_.error("E0101", {id, 0, 0}, "`" + source.path + "` is not valid UTF-8: the first bad byte is number " + std::to_string(bad + 1)).help =
          "save the file as UTF-8";
      whole = false;
      return Span::no_file;
    }
    return sources_.add(source.path, source.text);
  }

  void add_parsed(uint32_t id, bool library) {
    if (id == Span::no_file) return;
    const size_t errors_before = diagnostics_.error_count();
    files_.push_back({parse(id), library});
    if (diagnostics_.error_count() > errors_before && files_.back().file->declarations.empty()) whole = false;
    for (const ast::Decl& declaration : files_.back().file->declarations) {
      if (const auto* module = std::get_if<ast::ModuleDecl>(&declaration.node)) modules_.insert(module->name.text());
    }
  }

  std::shared_ptr<const ast::File> parse(uint32_t id) { return cache_.parse(sources_, id, diagnostics_); }

  /// Many files at once are parsed by several threads; what they say is told later, in the order of the files.
  void parse_together(const std::vector<uint32_t>& ids) {
    std::vector<uint32_t> open;
    size_t bytes = 0;
    for (const uint32_t id : ids) {
      if (id == Span::no_file || cache_.holds(sources_, id)) continue;
      open.push_back(id);
      bytes += sources_.text(id).size();
    }
    constexpr size_t bytes_worth_a_thread = 200'000;  // a thread learns the grammar's tables anew
    const size_t threads = std::min<size_t>({std::max(1u, std::thread::hardware_concurrency()), 4, open.size(), bytes / bytes_worth_a_thread});
    if (threads < 2) return;
    std::vector<ParsedFile> made(open.size());
    std::atomic<size_t> next = 0;
    const auto work = [&] {
      for (size_t i = next++; i < open.size(); i = next++) made[i] = cache_.read(sources_, open[i]);
    };
    std::vector<std::jthread> others;
    for (size_t i = 1; i < threads; ++i) others.emplace_back(work);
    work();
    others.clear();
    for (size_t i = 0; i < open.size(); ++i) cache_.keep(sources_.path(open[i]), std::move(made[i]));
  }

  void add_data(const SourceFile& source, const std::string& key) {
    all.push_back(source);
    if (find_invalid_utf8(source.text) != std::string::npos) {
      diagnostics_.error("E0808", {}, "`" + source.path + "` is not valid UTF-8").help =
          is_letter_file(source.path) ? "save the file as UTF-8" : "save the sheet as CSV in UTF-8";
      data.by_path[key] = Span::no_file;
      return;
    }
    data.by_path[key] = sources_.add(source.path, source.text);
  }

  static std::optional<std::string> read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return std::nullopt;
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
  }

  void use_modules(size_t index) {
    std::vector<const ast::UseDecl*> uses;
    for (const ast::Decl& declaration : files_[index].file->declarations) {
      if (const auto* use = std::get_if<ast::UseDecl>(&declaration.node)) uses.push_back(use);
    }
    for (const ast::UseDecl* use : uses) use_module(use->module);
    if (files_[index].library) read_data_of_module(index);
  }

  void use_module(const ast::Path& module) {
    const std::string name = module.text();
    if (!modules_.insert(name).second) return;
    std::string relative = name;
    std::replace(relative.begin(), relative.end(), '.', '/');
    relative += ".dun";
    const bool safe = name.find("..") == std::string::npos && name.find('/') == std::string::npos;
    const auto text = safe && !options_.stdlib.empty() ? read(options_.stdlib / relative) : std::nullopt;
    if (!text) {
      Diagnostic& diagnostic = diagnostics_.error("E0212", module.span, "there is no module " + sema::in_ticks(name));
      sema::suggest(diagnostic, name, known_modules());
      return;
    }
    add({relative, *text}, true);
  }

  std::vector<std::string> known_modules() const {
    std::vector<std::string> names(modules_.begin(), modules_.end());
    std::error_code error;
    if (options_.stdlib.empty()) return names;
    for (std::filesystem::recursive_directory_iterator walk(options_.stdlib, error), last; !error && walk != last; walk.increment(error)) {
      if (walk->path().extension() != ".dun") continue;
      std::string name = walk->path().lexically_relative(options_.stdlib).replace_extension().generic_string();
      std::replace(name.begin(), name.end(), '/', '.');
      names.push_back(std::move(name));
    }
    return names;
  }

  /// Sheets that a module of the library names lie beside it.
  void read_data_of_module(size_t index) {
    std::vector<std::string> wanted;
    for (const ast::Decl& declaration : files_[index].file->declarations) {
      const auto* table = std::get_if<ast::TableDecl>(&declaration.node);
      if (table != nullptr && table->from_file) wanted.push_back(*table->from_file);
    }
    const std::string path = sources_.path(files_[index].file->source);
    for (const std::string& file : wanted) {
      const std::string beside = path.substr(0, path.rfind('/') + 1) + file;
      if (file.find("..") != std::string::npos || data.by_path.contains(beside)) continue;
      if (const auto text = read(options_.stdlib / beside)) add_data({beside, *text}, beside);
    }
  }

  SourceMap& sources_;
  Diagnostics& diagnostics_;
  const CheckOptions& options_;
  ParseCache& cache_;
  std::deque<Loaded> files_;  // declarations are pointed to
  std::set<std::string> modules_;
};

void check_all(Context& context, const std::string& calendars) {
  const sema::NearMatchBudget budget;
  context.calendars = calendars;
  declare_bundle(context, calendars);
  declare_types(context);
  declare_values(context);
  make_hold_events(context);
  declare_events(context);
  declare_outcome_enums(context);
  declare_fields(context);
  declare_event_fields(context);
  declare_holds(context);
  declare_requests(context);
  declare_signatures(context);
  declare_experiments(context);
  check_name_clashes(context);
  check_queues(context);
  declare_people(context);
  check_definitions(context);
  check_call_depth(context);
  check_holds(context);
  check_requests(context);
  check_strategies(context);
  check_experiments(context);
  check_queue_policies(context);
  check_limits(context);
  check_feeds(context);
  check_tests(context);
  check_letters(context);
  key_rules(context);
  check_transfers(context);
  check_raises(context);
}

/// What the analysis cannot read off the program.
AnalysisOptions options_of(const Context& context, const std::vector<uint32_t>& library_files) {
  AnalysisOptions options;
  options.library_files = library_files;
  options.sources = &context.sources;
  context.each<ast::TypeDecl>([&](const sema::Placed&, const ast::TypeDecl& declaration) {
    const auto known = context.names.types.find(declaration.name.text);
    if (known != context.names.types.end() && known->second.kind == sema::Symbol::Kind::enumeration)
      options.declared_enums.push_back({known->second.index, declaration.name.span});
  });
  context.each<ast::Part<ast::CampaignDecl>>([&](const sema::Placed&, const ast::Part<ast::CampaignDecl>& declaration) {
    for (const ast::CampaignDecl::Task& task : declaration->tasks) options.queues_of_campaigns.insert(task.queue.text());
  });
  return options;
}

}  // namespace

std::unique_ptr<checked::Program> check_bundle(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options) {
  ParseCache cache;
  return check_bundle(bundle, sources, diagnostics, options, cache);
}

std::unique_ptr<checked::Program> check_bundle(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options,
                                               ParseCache& cache) {
  const size_t errors_before = diagnostics.error_count();
  Loader loader(sources, diagnostics, options, cache);
  loader.load(bundle);
  if (!loader.whole) return nullptr;
  auto program = std::make_unique<checked::Program>();
  Context context{*program, diagnostics, sources, std::move(loader.placed), std::move(loader.data)};
  context.looped_rows_min = options.looped_rows_min;
  check_all(context, options.stdlib.empty() ? "" : (options.stdlib / "calendars").string());
  if (diagnostics.error_count() > errors_before) {
    sema::drop_follow_ups(sources, diagnostics);
    return nullptr;
  }
  program->content_hash = sema::content_hash(loader.all);
  // What is carried along of older versions was looked at when it was new, and the rest without it.
  const bool carries = program->transfers && !program->transfers->kept.empty();
  if (options.analyse && !carries) {
    analyse(*program, diagnostics, options_of(context, loader.library_files));
    if (diagnostics.error_count() > errors_before) return nullptr;
  }
  checked::add_stage_orders(*program);
  return program;
}

ParsedFile ParseCache::read(const SourceMap& sources, uint32_t file) const {
  const auto found = by_path_.find(sources.path(file));
  return parse_again(sources, file, found == by_path_.end() ? nullptr : found->second.get());
}

bool ParseCache::holds(const SourceMap& sources, uint32_t file) const {
  const auto found = by_path_.find(sources.path(file));
  return found != by_path_.end() && found->second->tree.source == file && found->second->text == sources.text(file);
}

void ParseCache::keep(const std::string& path, ParsedFile parsed) {
  ++parsed_;
  pieces_parsed_ += parsed.pieces_read;
  by_path_[path] = std::make_shared<const ParsedFile>(std::move(parsed));
}

void ParseCache::forget_others(const SourceMap& sources) {
  std::set<std::string_view> paths;
  for (uint32_t file = 0; file < sources.size(); ++file) paths.insert(sources.path(file));
  std::erase_if(by_path_, [&](const auto& entry) { return !paths.contains(entry.first); });
}

std::shared_ptr<const ast::File> ParseCache::parse(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics) {
  if (!holds(sources, file)) keep(sources.path(file), read(sources, file));
  const std::shared_ptr<const ParsedFile>& parsed = by_path_[sources.path(file)];
  for (const Diagnostic& one : parsed->diagnostics) {
    (one.severity == Severity::error ? diagnostics.error(one.code, one.span, one.message) : diagnostics.warning(one.code, one.span, one.message)) = one;
  }
  return {parsed, &parsed->tree};
}

EditorCheck check_for_editor(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options, ParseCache& cache,
                             sema::SymbolIndex& symbols) {
  const size_t errors_before = diagnostics.error_count();
  Loader loader(sources, diagnostics, options, cache);
  loader.load(bundle);
  EditorCheck made;
  made.program = std::make_unique<checked::Program>();
  Context context{*made.program, diagnostics, sources, std::move(loader.placed), std::move(loader.data)};
  context.symbols = &symbols;
  context.looped_rows_min = options.looped_rows_min;
  check_all(context, options.stdlib.empty() ? "" : (options.stdlib / "calendars").string());
  made.trees = std::move(loader.trees);
  made.library_files = loader.library_files;
  made.good = diagnostics.error_count() == errors_before;
  if (!made.good) sema::drop_follow_ups(sources, diagnostics);
  if (made.good && options.analyse) {
    AnalysisOptions analysis = options_of(context, loader.library_files);
    analysis.ask_solver = false;
    analyse(*made.program, diagnostics, analysis);
  }
  return made;
}

namespace {

/// `now` taken for itself moves without end: nothing can be waited for.
bool names_clock(const checked::Expr& expr) {
  const auto part_names = [](const checked::ExprPtr& part) { return part != nullptr && names_clock(*part); };
  if (expr.op == checked::Op::now || std::ranges::any_of(expr.args, part_names)) return true;
  if (expr.aggregate == nullptr) return false;
  return part_names(expr.aggregate->value) || part_names(expr.aggregate->where) || part_names(expr.aggregate->window_value);
}

}  // namespace

TypedCheck check_typed(const BundleSources& bundle, SourceMap& sources, Diagnostics& diagnostics, const CheckOptions& options, ParseCache& cache,
                       const TypedExpression& typed) {
  Loader loader(sources, diagnostics, options, cache);
  loader.load(bundle);
  TypedCheck made;
  made.program = std::make_unique<checked::Program>();
  Context context{*made.program, diagnostics, sources, std::move(loader.placed), std::move(loader.data)};
  check_all(context, options.stdlib.empty() ? "" : (options.stdlib / "calendars").string());
  if (!typed.text.empty()) {
    const ast::ExprPtr written = parse_expression(sources, sources.add(typed.path, typed.text), diagnostics);
    if (written) {
      sema::Surroundings around;
      around.label = typed.text;
      around.self_entity = typed.entity;
      around.strategy = typed.strategy;
      around.free_now = true;
      made.root = sema::make_root(context, around, *written, {});
      checked::Root& root = made.program->roots[made.root];
      root.wants_wake = root.body != nullptr && !names_clock(*root.body);
    }
  }
  if (diagnostics.has_errors()) {
    sema::drop_follow_ups(sources, diagnostics);
    made.program.reset();
  }
  return made;
}

}  // namespace dunlin

#include "lang/service/kept.h"

#include <algorithm>
#include <map>

#include "lang/sema/experiments.h"
#include "lang/sema/transfers.h"
#include "lang/service/snapshot.h"
#include "lang/syntax/ast.h"
#include "lang/syntax/words.h"

namespace dunlin::service {

namespace {

uint64_t mixed(uint64_t hash, std::string_view bytes) {
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x0000'0100'0000'01b3;
  return (hash ^ 0xff) * 0x0000'0100'0000'01b3;
}

std::string_view bytes_of(const uint64_t& number) { return {reinterpret_cast<const char*>(&number), sizeof number}; }

/// A file's text as it is written: a piece stands in its own line, as long as there is room.
class Writing {
 public:
  void piece(uint32_t line, const std::string& text) {
    if (!text_.empty() && text_.back() != '\n') put("\n");
    while (line_ < line) put("\n");
    put(text);
  }
  std::string take() {
    if (text_.empty() || text_.back() != '\n') put("\n");
    return std::move(text_);
  }

 private:
  void put(std::string_view text) {
    line_ += static_cast<uint32_t>(std::ranges::count(text, '\n'));
    text_ += text;
  }
  std::string text_;
  uint32_t line_ = 1;
};

}  // namespace

BundleSources own_files(const BundleSources& version) {
  BundleSources own;
  for (const SourceFile& file : version.files) {
    if (checked::kept_version(file.path) == 0) own.files.push_back(file);
  }
  return own;
}

Keeper::Keeper(const BundleSources& version, const CheckOptions& options) : own_(own_files(version)), cache_(std::make_unique<ParseCache>()) {
  SnapshotOptions taken{.check = options, .marker = {}};
  taken.check.analyse = false;
  snapshot_ = take_snapshot(own_, taken, *cache_);
}
Keeper::~Keeper() = default;

bool Keeper::good() const { return snapshot_->good; }

bool Keeper::has(const std::string& strategy) const {
  return std::ranges::any_of(snapshot_->program->strategies, [&](const auto& known) { return known.name == strategy; });
}

/// Position of the declaration that has to be carried along for a use; -1: it is there in every version, or is no name of the bundle's.
int Keeper::keepable(const NamedUse& use) const {
  SymbolKey key = use.key;
  const checked::Program& program = *snapshot_->program;
  if (key.kind == SymbolKind::enumeration) {  // a segmentation is a type too
    for (const checked::Segmentation& segmentation : program.segmentations) {
      if (segmentation.enumeration == key.index) key = {SymbolKind::derived, segmentation.derived, segmentation.entity};
    }
  }
  if (key.kind == SymbolKind::setting && program.trials) {  // which arm somebody is in is known by its name
    const std::string& name = program.settings[static_cast<size_t>(key.index)].name;
    if (std::ranges::any_of(program.trials->experiments, [&](const auto& one) { return one.subject == name; })) return -1;
  }
  switch (key.kind) {
    case SymbolKind::derived:
    case SymbolKind::setting:
    case SymbolKind::function:
    case SymbolKind::table:
      break;
    default:
      return -1;
  }
  const auto found = snapshot_->by_key.find(key);
  if (found == snapshot_->by_key.end() || snapshot_->is_library(snapshot_->declared[static_cast<size_t>(found->second)].name_span.file)) return -1;
  return found->second;
}

/// Tables of one name, each in force for a time, go together.
std::set<int> Keeper::same_name(int declared) const {
  const Declared& one = snapshot_->declared[static_cast<size_t>(declared)];
  std::set<int> all{declared};
  if (one.key.kind != SymbolKind::table) return all;
  for (size_t i = 0; i < snapshot_->declared.size(); ++i) {
    const Declared& other = snapshot_->declared[i];
    if (other.key.kind == SymbolKind::table && other.name == one.name) all.insert(static_cast<int>(i));
  }
  return all;
}

/// Positions in Snapshot::declared.
std::set<int> Keeper::needed_by(const std::string& strategy) const {
  std::set<int> needed;
  std::vector<int> open;
  for (size_t i = 0; i < snapshot_->declared.size(); ++i) {
    const Declared& declared = snapshot_->declared[i];
    if (declared.key.kind == SymbolKind::strategy && declared.name == strategy && declared.container < 0) open.push_back(static_cast<int>(i));
  }
  while (!open.empty()) {
    const int at = open.back();
    open.pop_back();
    if (!needed.insert(at).second) continue;
    const Span whole = snapshot_->declared[static_cast<size_t>(at)].whole;
    auto use = std::ranges::lower_bound(snapshot_->uses, std::pair(whole.file, whole.begin), {},
                                        [](const NamedUse& one) { return std::pair(one.span.file, one.span.begin); });
    for (; use != snapshot_->uses.end() && use->span.file == whole.file && use->span.end <= whole.end; ++use) {
      const int found = keepable(*use);
      if (found < 0) continue;
      for (const int one : same_name(found)) open.push_back(one);
    }
  }
  return needed;
}

uint64_t Keeper::text_of(const std::string& strategy) const {
  std::map<uint32_t, std::vector<Word>> words;
  std::set<uint64_t> pieces;  // in no order: where something stands does not matter
  for (const int at : needed_by(strategy)) {
    const Declared& declared = snapshot_->declared[static_cast<size_t>(at)];
    const auto [file, fresh] = words.try_emplace(declared.whole.file);
    if (fresh) file->second = read_words(snapshot_->sources, declared.whole.file);
    const uint64_t text = sema::text_hash(snapshot_->sources, file->second, declared.whole);
    uint64_t hash = mixed(static_cast<uint64_t>(declared.key.kind) + 1, bytes_of(text));
    for (const SourceFile& sheet : sheets_of("", at)) hash = mixed(hash, sheet.text);
    pieces.insert(hash);
  }
  if (pieces.empty()) return 0;
  uint64_t all = 1;
  for (const uint64_t& piece : pieces) all = mixed(all, bytes_of(piece));
  return all == 0 ? 1 : all;
}

/// The sheets that a table is read from, where the kept one looks for them: beside its file.
std::vector<SourceFile> Keeper::sheets_of(const std::string& folder, int table) const {
  const Declared& declared = snapshot_->declared[static_cast<size_t>(table)];
  const ast::File* tree = declared.key.kind == SymbolKind::table ? snapshot_->tree(declared.whole.file) : nullptr;
  std::vector<SourceFile> made;
  if (tree == nullptr) return made;
  for (const ast::Decl& one : tree->declarations) {
    const auto* written = std::get_if<ast::TableDecl>(&one.node);
    if (written == nullptr || !written->from_file || written->name.span != declared.name_span) continue;
    const std::string& owner = snapshot_->sources.path(declared.whole.file);
    const std::string beside = owner.substr(0, owner.rfind('/') + 1), path = *written->from_file;
    const size_t ending = path.find(".xlsx");
    const std::string book = ending == std::string::npos ? path : path.substr(0, ending + 5);
    for (const std::string& root : {beside, std::string()}) {
      for (const SourceFile& file : own_.files) {
        const bool fits = ending == std::string::npos ? file.path == root + book : file.path.starts_with(root + book);
        if (fits && !file.path.ends_with(".dun")) made.push_back({folder + beside + file.path.substr(root.size()), file.text});
      }
      if (!made.empty()) break;
    }
  }
  return made;
}

std::vector<SourceFile> Keeper::keep(int32_t number, int32_t text_of_version, const std::set<std::string>& strategies) const {
  std::set<int> needed;
  for (const std::string& strategy : strategies) needed.merge(needed_by(strategy));
  const std::string behind = "@" + std::to_string(number), earlier = number == text_of_version ? "" : "-" + std::to_string(text_of_version);
  const std::string folder = std::string(checked::kept_folder) + std::to_string(number) + earlier + "/";
  const SourceMap& sources = snapshot_->sources;

  /// What stands in a place, with the names of what is carried along as they are there.
  const auto renamed = [&](Span place) {
    std::map<uint32_t, Span> names;
    for (const int at : needed) {
      const Declared& declared = snapshot_->declared[static_cast<size_t>(at)];
      if (declared.key.kind != SymbolKind::strategy && declared.name_span.file == place.file) names.emplace(declared.name_span.begin, declared.name_span);
    }
    for (const NamedUse& use : snapshot_->uses) {
      if (use.span.file != place.file || use.span.begin < place.begin || use.span.end > place.end) continue;
      if (const int found = keepable(use); found >= 0 && needed.contains(found)) names.emplace(use.span.begin, use.span);
    }
    std::string text;
    uint32_t from = place.begin;
    for (const auto& [begin, name] : names) {
      if (begin < from || name.end > place.end) continue;
      std::string_view word = sources.text(name);
      if (word.size() > 1 && word.front() == '`') word = word.substr(1, word.size() - 2);
      text += sources.text(Span{place.file, from, begin});
      text += "`" + std::string(word) + behind + "`";
      from = name.end;
    }
    return text + std::string(sources.text(Span{place.file, from, place.end}));
  };

  std::map<uint32_t, std::map<uint32_t, std::string>> pieces;  // by file, by place
  std::map<std::string, SourceFile> made;
  for (const int at : needed) {
    const Declared& declared = snapshot_->declared[static_cast<size_t>(at)];
    std::string text = renamed(declared.whole);
    if (declared.key.kind == SymbolKind::derived && declared.container >= 0) {
      text = "extend " + snapshot_->program->entities[static_cast<size_t>(declared.key.owner)].name + " { " + text + " }";
    }
    pieces[declared.whole.file][declared.whole.begin] = std::move(text);
    for (SourceFile& sheet : sheets_of(folder, at)) made.try_emplace(sheet.path, sheet);
  }
  // Modules of the library that the new bundle may have no use for any more.
  for (const auto& tree : snapshot_->trees) {
    if (!pieces.contains(tree->source)) continue;
    for (const ast::Decl& one : tree->declarations) {
      if (std::holds_alternative<ast::UseDecl>(one.node)) pieces[tree->source][one.span.begin] = std::string(sources.text(one.span));
    }
  }
  for (const auto& [file, by_place] : pieces) {
    Writing writing;
    for (const auto& [begin, text] : by_place) writing.piece(static_cast<uint32_t>(sources.position(file, begin).line), text);
    const std::string path = folder + sources.path(file);
    made[path] = {path, writing.take()};
  }
  std::vector<SourceFile> files;
  for (auto& [path, file] : made) files.push_back(std::move(file));
  return files;
}

}  // namespace dunlin::service

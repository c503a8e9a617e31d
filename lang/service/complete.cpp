// Completion: what may stand at a place. Inside expressions the checker is asked, with a marker put in where the cursor stands, so that types, narrowing and
// scopes are never guessed; elsewhere the words before the cursor say what is wanted.
#include <algorithm>
#include <initializer_list>
#include <optional>
#include <set>
#include <utility>

#include "lang/sema/context.h"
#include "lang/sema/signatures.h"
#include "lang/service/features.h"

namespace dunlin::service {

const char* const completion_marker = "dunlin_completes_here";

namespace {

using checked::Type;
using checked::TypeKind;

struct Before {
  std::vector<Word> words;         // up to the cursor, without comments
  std::vector<std::string> texts;  // of the same
  size_t item = 0;                 // first word of the item the cursor stands in
  std::vector<size_t> open;        // positions of open brackets
  std::string prefix;              // letters of the name being written
  bool after_dot = false;
  std::string path;  // `call.reached` in front of that dot
};

std::vector<Word> words_of(SourceMap& sources, std::string_view text) { return read_words(sources, sources.add("text", std::string(text))); }

Before look_back(std::string_view text, uint32_t offset) {
  Before before;
  SourceMap sources;
  for (const Word& word : words_of(sources, text.substr(0, offset))) {
    if (word.kind == WordKind::comment || word.kind == WordKind::doc) continue;
    const std::string written(text.substr(word.begin, word.end - word.begin));
    if (word.kind == WordKind::line_end) {
      // At the end of the text every line end may end an item: brackets and operators are looked at here.
      const bool inside = !before.open.empty() && before.texts[before.open.back()] != "{";
      const bool goes_on = !before.texts.empty() && (before.texts.back() == ":" || before.texts.back() == "," || before.texts.back() == "=" ||
                                                     before.texts.back() == "and" || before.texts.back() == "or" || before.texts.back() == "not");
      if (!inside && !goes_on) before.item = before.words.size();
      continue;
    }
    if (written == "{" || written == "(" || written == "[") before.open.push_back(before.words.size());
    if ((written == "}" || written == ")" || written == "]") && !before.open.empty()) before.open.pop_back();
    before.words.push_back(word);
    before.texts.push_back(written);
    if (written == "{" || written == "}") before.item = before.words.size();
  }
  // The name being written is no part of what stands before.
  if (!before.words.empty() && before.words.back().end == offset) {
    const WordKind kind = before.words.back().kind;
    if (kind == WordKind::name || kind == WordKind::soft || kind == WordKind::reserved) {
      before.prefix = before.texts.back();
      before.words.pop_back();
      before.texts.pop_back();
      before.item = std::min(before.item, before.words.size());
    }
  }
  if (!before.texts.empty() && before.texts.back() == ".") {
    before.after_dot = true;
    for (size_t i = before.texts.size() - 1; i > 0; i -= 2) {
      if (before.texts[i] != "." || before.words[i - 1].kind == WordKind::punctuation) break;
      before.path = before.texts[i - 1] + (before.path.empty() ? "" : "." + before.path);
      if (i < 2) break;
    }
  }
  return before;
}

class Completer {
 public:
  Completer(const Snapshot& snapshot, uint32_t file, Before before)
      : snapshot_(snapshot), program_(*snapshot.program), file_(file), before_(std::move(before)) {}

  std::vector<CompletionItem> items() {
    if (!by_words()) {
      if (snapshot_.probe) {
        probed(*snapshot_.probe);
      } else {
        items_at_line_start();
      }
    }
    return std::move(items_);
  }

  /// Between the braces of a letter.
  std::vector<CompletionItem> items_of_letter() {
    const auto& texts = before_.texts;
    const bool loop = !texts.empty() && texts.front() == "for";
    if (loop && texts.size() == 2) {
      keywords({"in"}, 1);
    } else if (!snapshot_.probe) {
      if (texts.size() == 1 && texts.front() == "else") keywords({"if"}, 1);
      if (!before_.after_dot) after_value();
      if (loop && std::ranges::find(texts, "in") != texts.end() && std::ranges::find(texts, "where") == texts.end()) keywords({"where"}, 1);
    } else if (!snapshot_.probe->words.empty()) {
      for (const std::string& word : snapshot_.probe->words) add(word, ItemKind::keyword, "how it is written", {}, 1);
    } else {
      if (texts.empty()) keywords({"if", "for", "else", "end"}, 4);
      probed(*snapshot_.probe);
    }
    return std::move(items_);
  }

 private:
  bool add(std::string label, ItemKind kind, std::string detail = {}, std::string doc = {}, int rank = 5) {
    if (!seen_.insert(label + static_cast<char>(kind)).second) return false;
    items_.push_back({std::move(label), kind, std::move(detail), std::move(doc), {}, false, rank});
    return true;
  }
  void keywords(std::initializer_list<const char*> words, int rank = 6) {
    for (const char* word : words) add(word, ItemKind::keyword, {}, {}, rank);
  }
  void snippet(const char* label, const char* text, const char* doc) {
    if (add(label, ItemKind::snippet, {}, doc, 7)) {
      items_.back().insert = text;
      items_.back().snippet = true;
    }
  }

  std::string word_back(size_t n) const { return before_.texts.size() > n ? before_.texts[before_.texts.size() - 1 - n] : std::string(); }
  std::string item_word() const { return before_.item < before_.texts.size() ? before_.texts[before_.item] : std::string(); }
  bool at_item_start() const { return before_.item >= before_.texts.size(); }

  const Declared* declared(SymbolKind kind, checked::Index index, checked::Index owner = checked::none) const {
    return snapshot_.declaration({kind, index, owner});
  }
  std::string doc_of(SymbolKind kind, checked::Index index, checked::Index owner = checked::none) const {
    const Declared* found = declared(kind, index, owner);
    return found ? found->doc : std::string();
  }

  // ---- whole lists ----

  void queues() {
    for (size_t i = 0; i < program_.queues.size(); ++i)
      add(program_.queues[i].name, ItemKind::queue, "queue", doc_of(SymbolKind::queue, static_cast<int>(i)), 3);
  }
  void entities() {
    for (size_t i = 0; i < program_.entities.size(); ++i)
      add(program_.entities[i].name, ItemKind::type, "entity", doc_of(SymbolKind::entity, static_cast<int>(i)), 3);
  }
  void strategies() {
    for (const auto& strategy : program_.strategies) add(strategy.name, ItemKind::strategy, strategy.title, strategy.doc, 4);
  }
  /// Those of the strategy around the cursor by their short names, the others behind their strategy's.
  void stages() {
    const std::string own = strategy_around();
    for (const auto& stage : program_.stages) {
      const std::string& strategy = program_.strategies[stage.strategy].name;
      const bool here = strategy == own;
      add(here ? stage.name : strategy + "." + stage.name, ItemKind::stage, stage.title.empty() ? "stage" : stage.title, stage.doc, here ? 2 : 4);
    }
  }
  /// Below `path`, or all whose name has one part, and aliases.
  void events(const std::string& path) {
    for (size_t i = 0; i < program_.events.size(); ++i) {
      const checked::EventType& event = program_.events[i];
      const std::string doc = doc_of(SymbolKind::event, static_cast<int>(i));
      if (path.empty()) {
        if (event.name.find('.') == std::string::npos) add(event.name, ItemKind::event, "event", doc, 3);
        if (!event.alias.empty()) add(event.alias, ItemKind::event, event.name, doc, 3);
      } else if (event.name.starts_with(path + ".") && event.name.find('.', path.size() + 1) == std::string::npos) {
        add(event.name.substr(path.size() + 1), ItemKind::event, event.leaf ? "outcome" : "outcomes", doc, 3);
      }
    }
  }
  void types() {
    keywords({"bool", "int", "decimal", "number", "money", "text", "date", "time", "datetime", "duration", "timezone", "file", "location", "stage", "enum"}, 4);
    for (size_t i = 0; i < program_.enums.size(); ++i)
      add(program_.enums[i].name, ItemKind::type, "enumeration", doc_of(SymbolKind::enumeration, static_cast<int>(i)));
    for (const auto& record : program_.records) add(record.name, ItemKind::type, "record");
  }

  std::string strategy_around() const {
    for (const size_t open : before_.open) {
      for (size_t i = open; i-- > 0;) {
        if (before_.texts[i] == "}") break;
        if (before_.texts[i] == "strategy" && i + 1 < before_.texts.size()) return before_.texts[i + 1];
      }
    }
    return {};
  }

  // ---- where the words before say it ----

  bool by_words() {
    const std::string last = word_back(0);
    const std::string head = item_word();
    if (before_.after_dot) return dotted(head);
    if (last == "use") return modules();
    if (last == "go" || (last == "stage" && (head == "at" || head == "on" || head == "expect"))) {
      stages();
      strategies();
      if (last == "go") keywords({"back", "by"});
      return true;
    }
    if (last == "visits" || (last == "(" && (word_back(1) == "visits" || word_back(1) == "in_stage"))) {
      stages();
      return true;
    }
    if (last == "(" && word_back(1) == "in_strategy") {
      strategies();
      return true;
    }
    const bool asks = last == "ask" || last == "request" || last == "with";
    if (asks || (last == "(" && (word_back(1) == "asked" || word_back(1) == "requested" || word_back(1) == "placed"))) {
      const std::string word = asks ? last : word_back(1);
      for (const auto& request : program_.requests) {
        using enum checked::Request::Kind;
        const bool fits = word == "ask" || word == "asked"     ? request.kind == approval
                          : word == "with" || word == "placed" ? request.kind == allocation
                          : word == "request"                  ? request.kind == quota
                                                               : request.kind != approval;
        constexpr const char* kinds[] = {"approval", "quota", "allocation"};
        if (fits) add(request.name, ItemKind::event, kinds[static_cast<size_t>(request.kind)], request.doc, 2);
      }
      return true;
    }
    if (last == "lift" || (last == "hold" && before_.texts.size() - 1 != before_.item) || (last == "(" && word_back(1) == "held")) {
      for (const auto& hold : program_.holds) {
        if (hold.event != checked::none) add(hold.name, ItemKind::event, "hold", hold.doc, 2);
      }
      return true;
    }
    if (last == "keep" || last == "cancel" || (last == "task" && head != "task")) {
      queues();
      return true;
    }
    if (last == "raise" || last == "cancels" || (last == "on" && before_.texts.size() - 1 == before_.item)) {
      events({});
      if (last == "on") keywords({"entry"}, 3);
      return true;
    }
    if (last == "of" || last == "extend" || last == "open" || last == "given" || (last == "any" && word_back(1) == "for") ||
        (last == "for" && (head == "strategy" || head == "segmentation" || head == "always"))) {
      entities();
      return true;
    }
    if (last == ":" && declares_type()) {
      types();
      return true;
    }
    if (last == ":" || (last == "," && rule_action())) {
      if (rule_action()) {
        actions();
        return true;
      }
    }
    if (at_item_start()) {
      items_at_line_start();
      return true;
    }
    return after_value();
  }

  bool dotted(const std::string& head) {
    const std::string first = before_.texts[before_.item < before_.texts.size() ? before_.item : 0];
    if (head == "use" || first == "use") return modules();
    const size_t dots = static_cast<size_t>(std::count(before_.path.begin(), before_.path.end(), '.')) + 1;
    const std::string before_path = word_back(2 * dots);
    if (before_path == "go" || before_path == "stage") {
      for (const auto& stage : program_.stages) {
        if (program_.strategies[stage.strategy].name == before_.path) add(stage.name, ItemKind::stage, stage.title, stage.doc, 2);
      }
      return true;
    }
    const bool event = checked::find_event(program_, before_.path) != checked::none;
    if (event) events(before_.path);
    if (snapshot_.probe && snapshot_.probe->member) probed(*snapshot_.probe);
    if (event && !snapshot_.probe) members(Type{TypeKind::event, false, checked::find_event(program_, before_.path)});
    return true;
  }

  bool modules() {
    for (const uint32_t file : snapshot_.library_files) {
      std::string name = snapshot_.sources.path(file);
      if (name.ends_with(".dun")) name.resize(name.size() - 4);
      std::replace(name.begin(), name.end(), '/', '.');
      add(name, ItemKind::module, "module");
    }
    for (const char* name : {"std.calendar", "std.collections", "std.contact", "std.finance", "std.measures", "std.promises", "std.scoring"}) {
      add(name, ItemKind::module, "module");
    }
    return true;
  }

  /// `name :` in a block or a list of parameters that declares.
  bool declares_type() const {
    if (before_.open.empty()) return item_word() == "parameter";
    const size_t open = before_.open.back();
    std::string word;
    for (size_t i = open; i-- > 0;) {
      const std::string& text = before_.texts[i];
      if (text == "}" || text == ";" || text == ":") break;
      if (text == "entity" || text == "extend" || text == "event" || text == "record" || text == "function" || text == "table" || text == "outcomes")
        return true;
      if (text == "fields") return true;
    }
    return item_word() == "var";
  }

  bool rule_action() const {
    static const std::set<std::string> heads = {"on", "when", "after", "at", "every", "rule"};
    if (!heads.contains(item_word()) || strategy_or_always() == 0) return false;
    return std::find(before_.texts.begin() + static_cast<std::ptrdiff_t>(before_.item), before_.texts.end(), ":") != before_.texts.end();
  }

  int strategy_or_always() const {
    int depth = 0;
    for (const size_t open : before_.open) {
      for (size_t i = open; i-- > 0;) {
        if (before_.texts[i] == "}" || before_.texts[i] == "{") break;
        if (before_.texts[i] == "strategy" || before_.texts[i] == "always") depth = 1;
        if (before_.texts[i] == "test") depth = 0;
      }
    }
    return depth;
  }

  void actions() {
    queues();
    keywords({"go", "restart", "set", "raise", "open", "cancel", "note", "notify", "hold", "lift", "ask", "request", "place", "recall"}, 4);
  }

  void items_at_line_start() {
    if (before_.open.empty()) {
      keywords({"bundle",   "use",      "module",     "parameter", "enum",     "record",     "entity",  "extend",  "event",  "segmentation",
                "table",    "function", "native",     "outcomes",  "queue",    "strategy",   "always",  "test",    "limits", "hold",
                "approval", "quota",    "allocation", "feed",      "campaign", "experiment", "holdout", "template"},
               4);
      snippet("strategy …",
              "strategy ${1:name} \"${2:Title}\" for ${3:account} {\n  enrol when $4\n\n  stage ${5:first} {\n    $0\n  }\n  final stage ${6:cured}\n}",
              "A strategy with two stages");
      snippet("table …", "table ${1:name}(${2:amount : money}) -> (${3:share : decimal}) unique {\n  | ${4:amount} || ${5:share} |\n  | $0 || |\n}",
              "A decision table");
      snippet("test …", "test \"${1:what is promised}\" {\n  given account { $2 }\n  at ${3:2026-01-05} : expect $0\n}", "A test");
      return;
    }
    const std::string around = block_word();
    if (around == "stage" || around == "strategy" || around == "always") {
      keywords({"on", "when", "after", "at", "every", "keep", "rule"}, 3);
      if (around == "strategy") keywords({"enrol", "stage", "final", "var", "before", "deadline"}, 3);
      snippet("after … : go …", "after ${1:30 days} : go $0", "Leaves the stage in time");
      snippet("keep … while …", "keep ${1:call} \"${2:script}\" while ${3:true} {\n  again ${4:1 business day}\n}", "A standing task");
    } else if (around == "test") {
      keywords({"given", "at", "on", "expect", "set"}, 3);
      snippet("for any …", "for any ${1:account} where ${2:true} : expect $0", "A property: what holds for every case");
    } else if (around == "queue") {
      keywords({"outcomes", "counts", "cost", "lease", "due", "fields", "merge", "assign", "needs", "late"}, 3);
    } else if (around == "hold") {
      keywords({"stops", "timers", "lasts", "then", "until"}, 3);
    } else if (around == "keep") {
      keywords({"to", "again", "attempts", "window", "priority", "due", "fields"}, 3);
    } else if (around == "bundle") {
      keywords({"timezone", "currency", "calendar", "day"}, 3);
    } else if (around == "entity" || around == "extend") {
      keywords({"key"}, 3);
    } else if (snapshot_.probe) {
      probed(*snapshot_.probe);
    }
  }

  /// The word that opened the block around the cursor.
  std::string block_word() const {
    if (before_.open.empty()) return {};
    static const std::set<std::string> words = {"stage",  "strategy", "always", "test",  "queue",  "keep",
                                                "bundle", "entity",   "extend", "event", "limits", "hold"};
    for (size_t i = before_.open.back(); i-- > 0;) {
      const std::string& text = before_.texts[i];
      if (text == "}" || text == "{") break;
      if (words.contains(text)) return text;
    }
    return {};
  }

  /// Behind a value that may be missing: what makes it known.
  bool after_value() {
    if (before_.words.empty()) return false;
    const Word& last = before_.words.back();
    if (last.kind != WordKind::name && last.kind != WordKind::soft && before_.texts.back() != ")") return false;
    bool optional = false;
    for (const NamedUse& use : snapshot_.uses) {
      if (use.span.file == file_ && use.span.end == last.end && use.type.optional) optional = true;
    }
    if (!optional) return false;
    add("default", ItemKind::keyword, "a value for when it is missing", {}, 1);
    add("known", ItemKind::keyword, "whether there is a value", {}, 1);
    add("missing", ItemKind::keyword, "whether there is none", {}, 1);
    keywords({"and", "or"});
    return true;
  }

  // ---- what the checker found at the marker ----

  /// What fits the place comes first; what may be missing says so.
  int rank(const Type& type, const Type& hint) const {
    if (hint.is_error()) return 3;
    return type.kind == hint.kind && (hint.id < 0 || type.id == hint.id) ? (type.optional ? 2 : 1) : 4;
  }

  void probed(const sema::Probe& probe) {
    if (probe.member) return members(probe.base);
    literals(probe.hint);
    for (const auto& [name, type] : probe.visible) {
      add(name, ItemKind::value, type.is_error() ? "" : checked::type_name(program_, type) + (type.optional ? ", may be missing" : ""), {},
          rank(type, probe.hint));
    }
    for (const auto& function : program_.functions) {
      add(function.name, ItemKind::function, "function", function.doc, function.root >= 0 ? rank(program_.roots[function.root].type, probe.hint) : 4);
    }
    for (const auto& table : program_.tables) add(table.name, ItemKind::function, "table", table.doc, rank(table.result, probe.hint));
    for (const auto& native : program_.natives) add(native.name, ItemKind::function, "native function", native.doc, rank(native.result, probe.hint));
    for (const auto& builtin : sema::builtin_signatures()) {
      if (!builtin.name.starts_with("format_"))
        add(builtin.name, ItemKind::function, "function", builtin.documentation, builtin.result.generic ? 4 : rank(builtin.result.type, probe.hint) + 1);
    }
    keywords({"count", "sum", "exists", "all", "first", "last", "avg", "if", "not", "match", "today", "now", "true", "false", "missing", "spent"});
    events({});
  }

  void literals(const Type& hint) {
    if (hint.kind == TypeKind::enumeration && hint.id >= 0) {
      for (const std::string& literal : program_.enums[hint.id].literals) add(literal, ItemKind::literal, program_.enums[hint.id].name, {}, 0);
    }
    if (hint.kind == TypeKind::stage) stages();
    if (hint.kind == TypeKind::boolean) keywords({"true", "false"}, 4);
    if (hint.optional) keywords({"missing"}, 1);
  }

  void member(const std::string& name, const Type& type, const std::string& doc) {
    add(name, ItemKind::field, checked::type_name(program_, type) + (type.optional ? ", may be missing" : ""), doc, 2);
  }

  void members(const Type& base) {
    if (base.kind == TypeKind::instance && base.id >= 0) {
      const checked::Entity& entity = program_.entities[base.id];
      for (const auto& field : entity.fields) member(field.name, field.type, field.doc);
      for (const auto& derived : entity.derived) member(derived.name, derived.type, derived.doc);
      for (checked::Index up = entity.parent; up != checked::none; up = program_.entities[up].parent)
        add(program_.entities[up].name, ItemKind::field, "entity", {}, 3);
      for (const checked::Index child : entity.children)
        add(sema::plural(program_.entities[child].name), ItemKind::field, "list of " + program_.entities[child].name, {}, 3);
    } else if (base.kind == TypeKind::event && base.id >= 0) {
      add("at", ItemKind::field, "datetime", "the instant at which it happened", 2);
      for (const auto& field : program_.events[base.id].fields) member(field.name, field.type, field.doc);
      if (program_.events[base.id].queue != checked::none) add("outcome", ItemKind::field, "the leaf of the tree of outcomes", {}, 3);
    } else if (base.kind == TypeKind::record && base.id >= 0) {
      for (const auto& field : program_.records[base.id].fields) member(field.name, field.type, {});
    } else if (base.kind == TypeKind::enumeration && base.id >= 0) {
      literals(base);
    }
  }

  const Snapshot& snapshot_;
  const checked::Program& program_;
  uint32_t file_;
  Before before_;
  std::vector<CompletionItem> items_;
  std::set<std::string> seen_;
};

bool is_of_name(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80); }

}  // namespace

namespace {

/// The name around a place.
std::pair<uint32_t, uint32_t> name_around(std::string_view text, uint32_t offset) {
  uint32_t begin = std::min(offset, static_cast<uint32_t>(text.size())), end = begin;
  while (begin > 0 && is_of_name(text[begin - 1])) --begin;
  while (end < text.size() && is_of_name(text[end])) ++end;
  return {begin, end};
}

/// What is put in where the words before end in `before` and a name would begin at `begin` of the text.
std::string marker_behind(std::string_view text, const Before& before, uint32_t begin) {
  const size_t last = before.words.size();
  // Behind a value no name can stand: a test stands in for it, so that the value is checked.
  const bool behind_value = last > 0 && before.words[last - 1].end < begin &&
                            text.substr(before.words[last - 1].end, begin - before.words[last - 1].end).find('\n') == std::string_view::npos &&
                            (before.words[last - 1].kind == WordKind::name || before.texts[last - 1] == ")");
  return behind_value ? "known" : completion_marker;
}

/// What the placeholder of a letter around a place begins behind; nothing: the place is among the words, or inside a text.
std::optional<uint32_t> placeholder_at(std::string_view text, uint32_t offset) {
  const size_t line_end = offset == 0 ? std::string_view::npos : text.rfind('\n', offset - 1);
  int depth = 0;
  bool quoted = false;
  uint32_t begin = 0;
  for (uint32_t at = line_end == std::string_view::npos ? 0 : static_cast<uint32_t>(line_end) + 1; at < offset; ++at) {
    const char c = text[at];
    if (c == '\\' && (depth == 0 || quoted)) {
      ++at;
    } else if (depth == 0) {
      if (c != '{') continue;
      depth = 1;
      begin = at + 1;
    } else if (quoted || c == '"') {
      if (c == '"') quoted = !quoted;
    } else {
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
    }
  }
  return depth > 0 && !quoted ? std::optional(begin) : std::nullopt;
}

/// The brace that closes it on its line, if one does.
std::optional<uint32_t> end_of_placeholder(std::string_view text, uint32_t from) {
  int depth = 1;
  bool quoted = false;
  for (uint32_t at = from; at < text.size() && text[at] != '\n'; ++at) {
    const char c = text[at];
    if (quoted && c == '\\') {
      ++at;
    } else if (quoted || c == '"') {
      if (c == '"') quoted = !quoted;
    } else {
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      if (depth == 0) return at;
    }
  }
  return std::nullopt;
}

std::string closing(const Before& before, size_t from) {
  std::string brackets;
  for (size_t i = before.open.size(); i-- > 0 && before.words[before.open[i]].begin >= from;) {
    const std::string& bracket = before.texts[before.open[i]];
    brackets += bracket == "(" ? ")" : bracket == "[" ? "]" : " }";
  }
  return brackets;
}

}  // namespace

std::string text_with_marker(std::string_view text, uint32_t offset) {
  const auto [begin, end] = name_around(text, offset);
  size_t line_end = text.find('\n', end);
  if (line_end == std::string_view::npos) line_end = text.size();
  std::string result(text.substr(0, begin));
  const Before before = look_back(text, begin);
  result += marker_behind(text, before, begin);
  const std::string_view rest = text.substr(end, line_end - end);
  if (rest.find_first_not_of(" \t\r") == std::string_view::npos) {
    // What is being written is not finished: close what is open on this line, and let a rule do something.
    result += closing(before, begin == 0 ? 0 : text.rfind('\n', begin - 1) + 1);
    static const std::set<std::string> heads = {"on", "when", "after", "at", "every"};
    const bool rule = before.item < before.texts.size() && heads.contains(before.texts[before.item]) && before.open.size() > 0;
    const bool acts = std::find(before.texts.begin() + static_cast<std::ptrdiff_t>(std::min(before.item, before.texts.size())), before.texts.end(), ":") !=
                      before.texts.end();
    if (rule && !acts) result += " : go back";
  } else {
    result += rest;
  }
  result += text.substr(line_end);
  return result;
}

std::string letter_with_marker(std::string_view text, uint32_t offset) {
  offset = std::min(offset, static_cast<uint32_t>(text.size()));
  const auto from = placeholder_at(text, offset);
  if (!from) return std::string(text);
  auto [begin, end] = name_around(text, offset);
  begin = std::max(begin, *from);
  const std::string_view inside = text.substr(*from);
  const Before before = look_back(inside, begin - *from);
  const auto close = end_of_placeholder(text, *from);
  std::string result(text.substr(0, begin));
  result += marker_behind(inside, before, begin - *from);
  const std::string_view rest = text.substr(end, close ? *close - end : 0);
  if (rest.find_first_not_of(" \t") == std::string_view::npos) result += closing(before, 0);
  if (!close) result += '}';
  result += text.substr(end);
  return result;
}

std::vector<CompletionItem> completions(const Snapshot& probed, uint32_t file, std::string_view text, uint32_t offset) {
  Completer completer(probed, file, look_back(text, std::min(offset, static_cast<uint32_t>(text.size()))));
  return completer.items();
}

std::vector<CompletionItem> letter_completions(const Snapshot& probed, uint32_t file, std::string_view text, uint32_t offset) {
  offset = std::min(offset, static_cast<uint32_t>(text.size()));
  const auto from = placeholder_at(text, offset);
  if (!from) return {};
  Before before = look_back(text.substr(*from), offset - *from);
  for (Word& word : before.words) {  // as they stand in the letter
    word.begin += *from;
    word.end += *from;
  }
  return Completer(probed, file, std::move(before)).items_of_letter();
}

}  // namespace dunlin::service

#include "lang/sema/letters.h"

#include <algorithm>
#include <cctype>
#include <functional>

#include "lang/sema/checked_people.h"
#include "lang/sema/content_hash.h"
#include "lang/sema/data_path.h"
#include "lang/sema/expression.h"
#include "lang/sema/letter_languages.h"
#include "lang/sema/letter_reader.h"
#include "lang/syntax/ast_department.h"
#include "lang/syntax/parse.h"

namespace dunlin::sema {

using checked::Letter;
using checked::LetterPart;
using checked::LetterStyle;
using checked::QueuePolicy;

namespace {

struct StyleName {
  const char* word;
  LetterStyle style;
};
constexpr StyleName style_names[] = {{"plain", LetterStyle::bare}, {"long", LetterStyle::long_}, {"iso", LetterStyle::iso},
                                     {"date", LetterStyle::date},  {"time", LetterStyle::time},  {"percent", LetterStyle::percent}};

/// How values of a type may be written; empty: not at all.
std::vector<LetterStyle> styles_of(TypeKind kind) {
  using enum LetterStyle;
  switch (kind) {
    case TypeKind::text:
    case TypeKind::timezone:
    case TypeKind::location:
    case TypeKind::enumeration:
    case TypeKind::time:
      return {plain};
    case TypeKind::integer:
    case TypeKind::money:
      return {plain, bare};
    case TypeKind::decimal:
    case TypeKind::number:
      return {plain, bare, percent};
    case TypeKind::date:
      return {plain, long_, iso};
    case TypeKind::datetime:
      return {plain, long_, iso, date, time};
    default:
      return {};
  }
}

const char* word_of(LetterStyle style) {
  for (const StyleName& name : style_names) {
    if (name.style == style) return name.word;
  }
  return "";
}

/// One declaration in one of its queues.
class LetterChecker {
 public:
  LetterChecker(Context& context, const ast::TemplateDecl& written, const Placed& placed, Index queue, Privacy& privacy)
      : context_(context), written_(written), placed_(placed), privacy_(privacy) {
    letter_.name = written.title;
    letter_.queue = queue;
    letter_.span = written.title_span;
    letter_.doc = placed.declaration->doc;
    letter_.file = written.file;
  }

  /// Nothing: it has a mistake (reported).
  std::optional<Letter> check() {
    const size_t errors = context_.diagnostics.error_count();
    letter_.entity = entity(written_.entity);
    if (written_.recipient) letter_.recipient = entity(*written_.recipient);
    if (letter_.entity == none || (written_.recipient && letter_.recipient == none)) return std::nullopt;
    settings();
    around_.self_entity = letter_.entity;
    around_.free_now = true;
    if (letter_.recipient != none) around_.parameters.emplace_back("recipient", type_of(TypeKind::instance, letter_.recipient));
    subject();
    const auto file = file_of();
    if (!file) return std::nullopt;
    file_ = *file;
    const bool html = letter_.format == Letter::Format::html;
    for (const WrittenPart& part : read_letter(context_.sources, file_, html, context_.diagnostics)) add(part, around_, false, letter_.body);
    if (context_.diagnostics.error_count() > errors) return std::nullopt;
    letter_.key = key();
    return std::move(letter_);
  }

 private:
  Index entity(const ast::Name& name) {
    const Index found = checked::find_entity(context_.program, name.text);
    if (found != none) return found;
    Diagnostic& diagnostic = context_.error("E0209", name.span, "there is no entity " + in_ticks(name.text));
    std::vector<std::string> candidates;
    for (const checked::Entity& known : context_.program.entities) candidates.push_back(known.name);
    suggest(diagnostic, name.text, candidates);
    return none;
  }

  void settings() {
    for (const auto& setting : written_.settings) {
      if (setting.name.text != "language") {
        Diagnostic& diagnostic = context_.error("E0219", setting.name.span, "a template has no " + in_ticks(setting.name.text));
        suggest(diagnostic, setting.name.text, {"subject", "language"});
        if (diagnostic.help.empty()) diagnostic.help = "it has a `subject` and a `language`";
        continue;
      }
      if (!setting.text.empty() && checked::letter_language(setting.text) != nullptr) {
        letter_.language = setting.text;
        continue;
      }
      Diagnostic& diagnostic = context_.error("E0792", setting.text_span, "the forms of the language \"" + setting.text + "\" are not known");
      std::string known;
      for (const std::string_view name : checked::letter_language_names()) known += (known.empty() ? "" : ", ") + std::string(name);
      diagnostic.help = "known are " + known;
    }
  }

  std::optional<uint32_t> file_of() {
    const std::string& path = written_.file;
    if (path.ends_with(".html") || path.ends_with(".htm")) {
      letter_.format = Letter::Format::html;
    } else if (!path.ends_with(".txt")) {
      context_.error("E0792", written_.file_span, "a letter is a file .txt or .html").help =
          "its ending says whether values are put into plain text or into a page";
      return std::nullopt;
    }
    const auto& files = context_.data_files.by_path;
    const auto found = data_path(context_.sources.path(placed_.file), path, [&](const std::string& one) { return files.contains(one); });
    if (found) {
      const uint32_t file = files.at(*found);
      return file == Span::no_file ? std::nullopt : std::optional(file);
    }
    Diagnostic& diagnostic = context_.error("E0810", written_.file_span, "there is no file \"" + path + "\" in the bundle");
    std::vector<std::string> candidates;
    for (const auto& file : files) {
      if (file.first.ends_with(".txt") || file.first.ends_with(".html") || file.first.ends_with(".htm")) candidates.push_back(file.first);
    }
    suggest(diagnostic, path, candidates);
    if (diagnostic.help.empty() && path.find("templates/") == std::string::npos) diagnostic.help = "letters lie in a folder `templates` of the bundle";
    return std::nullopt;
  }

  // ---- parts ----

  Index piece(const std::string& words) {
    letter_.pieces.push_back(words);
    return static_cast<Index>(letter_.pieces.size()) - 1;
  }

  static LetterPart made(LetterPart::Kind kind, Span span, bool personal) {
    LetterPart part;
    part.kind = kind;
    part.span = span;
    part.personal = personal;
    return part;
  }

  void subject() {
    const auto* text = written_.subject ? std::get_if<ast::TextLit>(&written_.subject->node) : nullptr;
    if (text == nullptr) return;
    letter_.has_subject = true;
    for (const ast::TextLit::Part& part : text->parts) {
      if (!part.expr) {
        LetterPart words = made(LetterPart::Kind::words, written_.subject->span, false);
        words.piece = piece(part.text);
        letter_.subject.push_back(std::move(words));
        continue;
      }
      value(*part.expr, part.expr->span, std::nullopt, false, around_, false, letter_.subject);
    }
  }

  /// `inherited`: what decides whether the part is there is personal, so the part tells of it.
  void add(const WrittenPart& part, const Surroundings& around, bool inherited, std::vector<LetterPart>& out) {
    switch (part.kind) {
      case WrittenPart::Kind::words: {
        LetterPart words = made(LetterPart::Kind::words, part.span, inherited);
        words.piece = piece(part.words);
        out.push_back(std::move(words));
        return;
      }
      case WrittenPart::Kind::value: {
        const ast::ExprPtr written = parse(part.expression);
        if (written) value(*written, part.span, part.style, part.in_url, around, inherited, out);
        return;
      }
      case WrittenPart::Kind::branch:
        return branch(part, around, inherited, out);
      case WrittenPart::Kind::loop:
        return loop(part, around, inherited, out);
    }
  }

  ast::ExprPtr parse(Span expression) {
    if (expression.begin == expression.end) return nullptr;
    return parse_expression(context_.sources, expression, context_.diagnostics);
  }

  Surroundings labelled(const Surroundings& around, Span span) const {
    Surroundings named = around;
    named.label = "template \"" + letter_.name + "\": " + std::string(context_.sources.text(span));
    return named;
  }

  void value(const ast::Expr& written, Span whole, std::optional<Span> style, bool in_url, const Surroundings& around, bool inherited,
             std::vector<LetterPart>& out) {
    const Surroundings named = labelled(around, written.span);
    ExpressionChecker checker(context_, named);
    ExprPtr body = checker.check(written);
    if (body->type.is_error()) return;
    if (body->type.optional) {
      Diagnostic& diagnostic = context_.error("E0401", written.span, "this may be missing, and a letter has no words for that");
      diagnostic.label = "type " + in_ticks(context_.type_text(body->type));
      diagnostic.help = &out == &letter_.subject ? "say what stands there then with `default`"
                                                 : "say what stands there then with `default`, or put the place between `{if … known}` and `{end}`";
      return;
    }
    const TypeKind kind = body->type.kind;
    const std::vector<LetterStyle> styles = styles_of(kind);
    if (styles.empty()) return not_printed(*body, written.span);
    LetterPart part = made(LetterPart::Kind::value, whole, inherited);
    part.in_url = in_url;
    if (style && !read_style(*style, styles, context_.type_text(body->type), part.style)) return;
    if (kind == TypeKind::money && context_.program.bundle.currency_enum != none && part.style != LetterStyle::bare) {
      Diagnostic& diagnostic = context_.error("E0793", written.span, "this amount may be in any currency, and it is not said in which");
      diagnostic.help = &out == &letter_.subject
                            ? "leave the amount to the letter; a subject has no form without a currency"
                            : "write the amount and its currency apart: `{" + std::string(context_.sources.text(written.span)) + " | plain} {currency}`";
      return;
    }
    part.root = add_root(context_, named, std::move(body), checker.locals(), written.span);
    keep(std::move(part), out);
  }

  void not_printed(const checked::Expr& value, Span span) {
    Diagnostic& diagnostic = context_.error("E0793", span, "a value of type " + in_ticks(context_.type_text(value.type)) + " cannot be put into a letter");
    switch (value.type.kind) {
      case TypeKind::boolean:
        diagnostic.help = "say it in words: `{if …}yes{else}no{end}`";
        break;
      case TypeKind::instance:
      case TypeKind::record:
      case TypeKind::event:
        diagnostic.help = "name a field of it behind a dot";
        break;
      case TypeKind::list:
        diagnostic.help = "go through it: `{for a in accounts} … {end}`";
        break;
      default:
        diagnostic.help = "letters print texts, figures, amounts, dates, times and names of enumerations";
    }
  }

  bool read_style(Span written, const std::vector<LetterStyle>& known, const std::string& type, LetterStyle& style) {
    const std::string word(context_.sources.text(written));
    if (context_.symbols != nullptr && !word.empty() && word == context_.symbols->marker) {
      Probe found;
      found.member = true;
      for (const LetterStyle candidate : known) {
        if (candidate != LetterStyle::plain) found.words.emplace_back(word_of(candidate));
      }
      context_.symbols->probe = std::move(found);
      return false;
    }
    for (const LetterStyle candidate : known) {
      if (candidate != LetterStyle::plain && word == word_of(candidate)) {
        style = candidate;
        return true;
      }
    }
    const Span place = written.begin == written.end ? Span{written.file, written.begin - 1, written.end} : written;
    Diagnostic& diagnostic = context_.error("E0793", place, "a value of type " + in_ticks(type) + " has no form " + in_ticks(word));
    std::vector<std::string> words;
    for (const LetterStyle candidate : known) {
      if (candidate != LetterStyle::plain) words.emplace_back(word_of(candidate));
    }
    suggest(diagnostic, word, words);
    if (!diagnostic.help.empty()) return false;
    std::string list;
    for (const std::string& one : words) list += (list.empty() ? "" : ", ") + in_ticks(one);
    diagnostic.help = words.empty() ? "leave the form out" : "write " + list + ", or leave the form out";
    return false;
  }

  void keep(LetterPart part, std::vector<LetterPart>& out) {
    if (privacy_.is_personal(part.root)) {
      part.personal = true;
      may_not_see(part.span);
    }
    letter_.personal = letter_.personal || part.personal;
    out.push_back(std::move(part));
  }

  void may_not_see(Span span) {
    const checked::Queue& queue = context_.program.queues[letter_.queue];
    if (queue.policy && queue.policy->sees_personal) return;
    Diagnostic& diagnostic = context_.error("E0794", span, "personal data in a letter of the queue " + in_ticks(queue.name) + ", which may not see any");
    diagnostic.help = "write `sees personal` in the queue, if whoever works it may see personal data; or leave the place out";
    diagnostic.notes.push_back({written_.title_span, "the letter"});
  }

  void branch(const WrittenPart& written, const Surroundings& around, bool inherited, std::vector<LetterPart>& out) {
    const ast::ExprPtr expression = parse(written.expression);
    if (!expression) return;
    const Surroundings named = labelled(around, written.expression);
    ExpressionChecker checker(context_, named);
    ExprPtr condition = checker.check_condition(*expression);
    Surroundings held = around, failed = around;
    checker.learn(*condition, true, held.known);
    checker.learn(*condition, false, failed.known);
    LetterPart part = made(LetterPart::Kind::branch, written.span, inherited);
    const bool good = !condition->type.is_error();
    part.root = add_root(context_, named, std::move(condition), checker.locals(), expression->span);
    if (good && privacy_.is_personal(part.root)) {
      part.personal = true;
      may_not_see(written.span);
    }
    for (const WrittenPart& one : written.then) add(one, held, part.personal, part.then);
    for (const WrittenPart& one : written.otherwise) add(one, failed, part.personal, part.otherwise);
    letter_.personal = letter_.personal || part.personal;
    out.push_back(std::move(part));
  }

  void loop(const WrittenPart& written, const Surroundings& around, bool inherited, std::vector<LetterPart>& out) {
    const ast::ExprPtr expression = parse(written.expression);
    if (!expression) return;
    const std::string name(context_.sources.text(written.name));
    const bool is_name = !name.empty() && std::ranges::all_of(name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c >= 0x80; }) &&
                         std::isdigit(static_cast<unsigned char>(name[0])) == 0;
    if (!is_name) {
      context_.error("E0792", written.span, "what is gone through has no name").help = "write `{for a in accounts}`";
      return;
    }
    const Surroundings named = labelled(around, written.expression);
    ExpressionChecker checker(context_, named);
    const ExprPtr list = checker.check(*expression);
    if (list->type.is_error()) return;
    const bool is_list = list->type.kind == TypeKind::list && list->op == Op::field;
    const checked::Expr* owner = is_list ? list->args[0].get() : nullptr;
    const bool in_reach = owner != nullptr && (owner->op == Op::self || (owner->op == Op::ancestor && owner->args[0]->op == Op::self));
    if (!in_reach) {
      context_.error("E0712", expression->span, "a list of the instance itself or of something it hangs on is needed here").help =
          "write `{for g in parties}`, or `{for a in debtor.accounts}`";
      return;
    }
    LetterPart part = made(LetterPart::Kind::loop, written.span, inherited);
    part.element = list->index;
    part.list_owner = owner->type.id;
    Surroundings inner = around;
    inner.parameters.emplace_back(name, type_of(TypeKind::instance, part.element));
    if (written.where) where(*written.where, inner, part);
    for (const WrittenPart& one : written.then) add(one, inner, part.personal, part.then);
    letter_.personal = letter_.personal || part.personal;
    out.push_back(std::move(part));
  }

  void where(Span written, Surroundings& inner, LetterPart& part) {
    const ast::ExprPtr expression = parse(written);
    if (!expression) {
      if (written.begin == written.end) context_.error("E0792", part.span, "it is not said which of them");
      return;
    }
    const Surroundings named = labelled(inner, written);
    ExpressionChecker filter(context_, named);
    ExprPtr condition = filter.check_condition(*expression);
    filter.learn(*condition, true, inner.known);
    const bool good = !condition->type.is_error();
    part.root = add_root(context_, named, std::move(condition), filter.locals(), expression->span);
    if (!good || !privacy_.is_personal(part.root)) return;
    part.personal = true;
    may_not_see(part.span);
  }

  /// What is stored with a task counts pieces, so the key is theirs, with all else that makes a difference to the text.
  std::string key() const {
    std::vector<SourceFile> parts;
    parts.push_back({"0", letter_.name + "\n" + context_.program.queues[letter_.queue].name});
    parts.push_back({"1", letter_.format == Letter::Format::html ? "html" : "text"});
    for (size_t i = 0; i < letter_.pieces.size(); ++i) parts.push_back({"2 " + std::to_string(i), letter_.pieces[i]});
    return content_hash(parts).substr(0, 16);
  }

  Context& context_;
  const ast::TemplateDecl& written_;
  const Placed& placed_;
  Privacy& privacy_;
  Letter letter_;
  Surroundings around_;
  uint32_t file_ = Span::no_file;
};

/// The queues that a template is for.
std::vector<Index> queues_of(Context& context, const ast::TemplateDecl& written) {
  std::vector<Index> queues;
  if (written.queues.empty()) {
    context.error("E0798", written.title_span, "it is not said in which queue this letter goes out").help =
        "write it behind the entity: `template \"" + written.title + "\" for " + written.entity.text + " in mail from \"" + written.file + "\"`";
  }
  for (const ast::Path& path : written.queues) {
    const auto found = context.names.queues.find(path.text());
    if (found == context.names.queues.end()) {
      Diagnostic& diagnostic = context.error("E0206", path.span, "there is no queue " + in_ticks(path.text()));
      std::vector<std::string> candidates;
      for (const auto& queue : context.names.queues) candidates.push_back(queue.first);
      suggest(diagnostic, path.text(), candidates);
    } else if (std::ranges::find(queues, found->second) == queues.end()) {
      queues.push_back(found->second);
    }
  }
  return queues;
}

/// `sees personal`, which stands among the words of a queue that the grammar does not know.
bool sees_personal(Context& context, const ast::QueueDecl& queue) {
  bool sees = false;
  for (const auto& setting : queue.other) {
    if (setting.name.text != "sees") continue;
    if (setting.words.size() == 1 && setting.words[0].text == "personal") {
      if (sees) context.error("E0123", setting.span, "`sees personal` stands here twice");
      sees = true;
    } else {
      context.error("E0219", setting.span, "what a queue sees beyond the ordinary is `personal` data").help = "write `sees personal`";
    }
  }
  return sees;
}

void change_policy(checked::Queue& queue, const std::function<void(QueuePolicy&)>& change) {
  auto policy = queue.policy ? std::make_shared<QueuePolicy>(*queue.policy) : std::make_shared<QueuePolicy>();
  change(*policy);
  queue.policy = std::move(policy);
}

void read_rights(Context& context) {
  for (size_t i = 0; i < context.queues.size(); ++i) {
    if (context.queues[i].declaration == nullptr || !sees_personal(context, *context.queues[i].declaration)) continue;
    change_policy(context.program.queues[i], [](QueuePolicy& policy) { policy.sees_personal = true; });
  }
}

/// The field that bears a letter on its way: nobody can name it, since all that names fields was checked before.
void add_field(Context& context, checked::Queue& queue, const std::vector<Letter>& letters) {
  if (const Index taken = checked::find_field(queue.fields, checked::letter_field); taken != none) {
    context.error("E0796", queue.fields[taken].span, "tasks of " + in_ticks(queue.name) + " bear letters, and a field of theirs has that name").help =
        "give the field another name";
    return;
  }
  checked::Field field;
  field.name = checked::letter_field;
  field.type = type_of(TypeKind::text).maybe();
  field.personal = std::ranges::any_of(letters, [](const Letter& letter) { return letter.personal; });
  field.slot = queue.slot_count;
  field.doc = "The letter that the task bears, with the values that were true when it was written.";
  field.span = letters.front().span;
  queue.slot_count += 2;
  queue.fields.push_back(std::move(field));
}

}  // namespace

void check_letters(Context& context) {
  read_rights(context);
  Privacy privacy(context.program);
  std::vector<std::vector<Letter>> made(context.program.queues.size());
  bool all = true;
  context.each<ast::Part<ast::TemplateDecl>>([&](const Placed& placed, const ast::Part<ast::TemplateDecl>& written) {
    for (const Index queue : queues_of(context, *written)) {
      auto letter = LetterChecker(context, *written, placed, queue, privacy).check();
      all = all && letter.has_value();
      if (!letter) continue;
      const auto twin = std::ranges::find_if(made[queue], [&](const Letter& other) { return other.name == letter->name && other.entity == letter->entity; });
      if (twin != made[queue].end()) {
        context.error("E0796", letter->span, "there is already a letter \"" + letter->name + "\" in " + in_ticks(context.program.queues[queue].name))
            .notes.push_back({twin->span, "the other one"});
        continue;
      }
      made[queue].push_back(std::move(*letter));
    }
  });
  for (size_t i = 0; i < made.size(); ++i) {
    if (made[i].empty()) continue;
    std::ranges::stable_sort(made[i], {}, &Letter::name);
    add_field(context, context.program.queues[i], made[i]);
    auto letters = std::make_shared<const std::vector<Letter>>(std::move(made[i]));
    change_policy(context.program.queues[i], [&](QueuePolicy& policy) { policy.letters = letters; });
  }
  if (all) check_letters_of_tasks(context);
}

}  // namespace dunlin::sema

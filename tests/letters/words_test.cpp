// What tasks bear: the same from both backends, word for word what was meant, and nothing but words whatever the values are.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "compiler/abi/calendar.h"
#include "compiler/abi/clock.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"
#include "runtime/engine/letters.h"
#include "tests/support/case_builder.h"

namespace dunlin {

namespace {

const std::string rules = R"(
bundle letters "Letters" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, name : text personal, short_name : text? }
entity account of debtor { key id : text, overdue : money, begun : date?, rate : decimal, share : number, opened : datetime, days_late : int, kind : enum { credit_card, loan } }
queue mail { cost 1, sees personal }
queue sms { cost 1 }
template "demand" for account in mail from "templates/demand.html" { subject "{debtor.name}: account {id}" language "LANGUAGE" }
template "demand" for account in sms from "templates/demand.txt" { language "LANGUAGE" }
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage letters { every 14 days : mail "demand", sms "demand" }
  final stage cured
}
)";
const std::string page = R"(<html><head><style>p { margin: 0 }</style></head>
<body title="{debtor.name}"><p class='{id}'>Dear {debtor.short_name default debtor.name},</p>
{if begun known}
<p>since {begun | long}</p>
{else}
<p>of late</p>
{end}
{for a in debtor.accounts where a.overdue > 0}
<tr><td>{a.id}</td><td>{a.overdue}</td></tr>
{end}
<a href="https://pay.example/{id}?who={debtor.name}">pay</a>
{if length(debtor.name) > 3}<b>long</b>{end}
</body></html>
)";
const std::string message =
    "{id}: {overdue}, {overdue | plain}, {begun default 2026-01-05}, {rate | percent}, {rate}, {share}, {opened}, {opened | time}, "
    "{days_late}, {days_late | plain}, {kind}\n";

class World {
 public:
  explicit World(const std::string& language) {
    std::string text = rules;
    for (size_t at = text.find("LANGUAGE"); at != std::string::npos; at = text.find("LANGUAGE")) text.replace(at, 8, language);
    Diagnostics diagnostics;
    program = check_bundle({{{"main.dun", text}, {"templates/demand.html", page}, {"templates/demand.txt", message}}}, sources_, diagnostics,
                           {.stdlib = {}, .analyse = false});
    INFO(render_text(diagnostics, sources_, {}));
    REQUIRE(program != nullptr);
    ir_ = ir::lower(*program);
    interpreter = make_interpreter(*ir_);
    auto compiled = compile_native(*ir_, {.opt_level = 0});
    REQUIRE(compiled.has_value());
    native = std::move(*compiled);
    abi::CalendarSpec spec;
    spec.timezone = "Europe/Berlin";
    spec.day_start_s = 6 * 3600;
    spec.minor_digits = 2;
    tables_ = std::move(*abi::CalendarTables::make(spec));
  }

  const checked::Letter& letter(const std::string& queue) const {
    return checked::letters_of(program->queues[static_cast<size_t>(checked::find_queue(*program, queue))])[0];
  }

  std::string write(const Evaluator& evaluator, const checked::Letter& letter, test::CaseBuilder& builder, const abi::Instance& about) {
    abi::EvalContext context{};
    context.case_file = &builder.view();
    context.now = abi::zone_of(*tables_->view()).instant(abi::date_of_civil(2026, 2, 3), 12 * 3600);
    context.today = abi::date_of_civil(2026, 2, 3);
    context.calendar = tables_->view();
    context.arena = &arena_;
    int64_t out[8] = {};
    const engine::AskValue ask = [&](checked::RootId root, const abi::Instance& self, std::span<const int64_t> arguments) {
      context.self = &self;
      context.arguments = arguments.data();
      REQUIRE(evaluator.evaluate(root, context, out).ok());
      return static_cast<const int64_t*>(out);
    };
    const auto stored = engine::write_letter(*program, letter, ask, about, nullptr, *tables_->view());
    REQUIRE(stored.has_value());
    return *stored;
  }

  int64_t at(int64_t date, int64_t seconds) const { return abi::zone_of(*tables_->view()).instant(date, seconds); }

  std::unique_ptr<checked::Program> program;
  std::unique_ptr<Interpreter> interpreter;
  std::unique_ptr<Evaluator> native;

 private:
  SourceMap sources_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<abi::CalendarTables> tables_;
  abi::Arena arena_;
};

struct Case {
  explicit Case(const World& world) : builder(*world.program) {
    debtor = builder.add("debtor");
    account = builder.add("account", debtor);
    other = builder.add("account", debtor);
    builder.set(debtor, "id", "D1").set(debtor, "name", "Ada Borg").set(account, "id", "A1").set(other, "id", "A2");
    builder.set(account, "overdue", 123'456'78).set(account, "rate", 125'000).set(account, "days_late", 1234);
    builder.set_number(account, "share", 0.25);
    builder.set(account, "opened", world.at(abi::date_of_civil(2026, 3, 9), 8 * 3600 + 5 * 60));
    builder.set(other, "overdue", -5);
  }
  test::CaseBuilder builder;
  abi::Instance *debtor, *account, *other;
};

engine::LetterText text_of(const checked::Letter& letter, const std::string& stored, bool personal = true) {
  const auto text = engine::letter_text(letter, stored, personal);
  REQUIRE(text.has_value());
  return *text;
}

/// The characters that mark-up is made of.
std::string skeleton(const std::string& html) {
  std::string out;
  for (const char c : html) {
    if (c == '<' || c == '>' || c == '"' || c == '\'') out += c;
  }
  return out;
}

std::string hostile(std::mt19937& dice) {
  static const std::vector<std::string> bits = {
      "<",   ">",   "\"", "'",  "&", "{id}", "{",    "}", "\\", "</p>", "<script>",  "javascript:",      "\n", "\t", "\x01", "ü", "&lt;",
      "{if", "-->", "%",  "\r", "3", "-1",   "null", "[", "]",  ",",    "{\"p\":1}", "\xF0\x9F\x98\x80", " "};
  std::string text;
  for (size_t n = dice() % 7; n > 0; --n) text += bits[dice() % bits.size()];
  return text;
}

std::string unescaped(std::string text) {
  for (const auto& [from, to] :
       std::initializer_list<std::pair<std::string, std::string>>{{"&lt;", "<"}, {"&gt;", ">"}, {"&quot;", "\""}, {"&#39;", "'"}, {"&amp;", "&"}}) {
    for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
  }
  return text;
}

}  // namespace

TEST_CASE("languages write the same values in their own way", "[letters]") {
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"en", "A1: 123,456.78 EUR, 123456.78, 05/01/2026, 12.5%, 0.125, 0.25, 09/03/2026 08:05, 08:05, 1,234, 1234, credit card\n"},
      {"en-US", "A1: 123,456.78 EUR, 123456.78, 01/05/2026, 12.5%, 0.125, 0.25, 03/09/2026 08:05, 08:05, 1,234, 1234, credit card\n"},
      {"de", "A1: 123.456,78 EUR, 123456,78, 05.01.2026, 12,5 %, 0,125, 0,25, 09.03.2026 08:05, 08:05, 1.234, 1234, credit card\n"},
      {"pl", "A1: 123 456,78 EUR, 123456,78, 05.01.2026, 12,5%, 0,125, 0,25, 09.03.2026 08:05, 08:05, 1234, 1234, credit card\n"}};
  for (const auto& [language, text] : expected) {
    World world(language);
    Case made(world);
    const checked::Letter& letter = world.letter("sms");
    CHECK(text_of(letter, world.write(*world.interpreter, letter, made.builder, *made.account)).body == text);
  }
}

TEST_CASE("parts of a page are there or not, as often as there are elements", "[letters]") {
  World world("en");
  Case made(world);
  const checked::Letter& letter = world.letter("mail");
  auto text = text_of(letter, world.write(*world.interpreter, letter, made.builder, *made.account));
  CHECK(text.subject == "Ada Borg: account A1");
  CHECK(text.body.find("p { margin: 0 }") != std::string::npos);
  CHECK(text.body.find("<p>of late</p>\n<tr><td>A1</td><td>123,456.78\u00A0EUR</td></tr>\n<a href") != std::string::npos);
  CHECK(text.body.find("https://pay.example/A1?who=Ada%20Borg") != std::string::npos);
  CHECK(text.body.find("<b>long</b>") != std::string::npos);
  made.builder.set(made.account, "begun", abi::date_of_civil(2026, 1, 5)).set(made.other, "overdue", 100);
  text = text_of(letter, world.write(*world.interpreter, letter, made.builder, *made.account));
  CHECK(text.body.find("<p>since 5 January 2026</p>\n<tr><td>A1</td>") != std::string::npos);
  CHECK(text.body.find("<tr><td>A2</td><td>1.00\u00A0EUR</td></tr>") != std::string::npos);
}

TEST_CASE("personal data is masked, and so is what tells of it", "[letters]") {
  World world("en");
  Case made(world);
  const checked::Letter& letter = world.letter("mail");
  const std::string stored = world.write(*world.interpreter, letter, made.builder, *made.account);
  const auto text = text_of(letter, stored, false);
  CHECK(text.masked);
  CHECK(text.body.find("Ada") == std::string::npos);
  CHECK(text.body.find("long") == std::string::npos);
  CHECK(text.body.find("<td>A1</td>") != std::string::npos);
  CHECK(text.subject == "***: account A1");
  CHECK_FALSE(engine::letter_text(world.letter("sms"), stored, true).has_value());
}

TEST_CASE("whatever a value is, it stays words, and both backends agree on it", "[letters][property]") {
  World world("de");
  std::mt19937 dice(20'261'122);
  for (int round = 0; round < 400; ++round) {
    Case made(world);
    const std::string name = hostile(dice), id = hostile(dice), nick = hostile(dice);
    const auto set = [&](Case& one, const std::string& called, const std::string& known_as, const std::string& account, bool nicked) {
      one.builder.set(one.debtor, "name", called).set(one.account, "id", account);
      if (nicked) one.builder.set(one.debtor, "short_name", known_as);
      return one.account;
    };
    const bool nicked = dice() % 2 == 0, known = dice() % 2 == 0;
    const auto overdue = static_cast<int64_t>(dice()) - 2'000'000'000, rate = static_cast<int64_t>(dice()) - 2'000'000'000;
    set(made, name, nick, id, nicked);
    if (known) made.builder.set(made.account, "begun", static_cast<int64_t>(dice() % 20'000));
    made.builder.set(made.account, "overdue", overdue).set(made.account, "rate", rate).set(made.other, "overdue", overdue);
    for (const char* queue : {"mail", "sms"}) {
      const checked::Letter& letter = world.letter(queue);
      const std::string stored = world.write(*world.interpreter, letter, made.builder, *made.account);
      CHECK(stored == world.write(*world.native, letter, made.builder, *made.account));
      const auto text = text_of(letter, stored);
      if (letter.format == checked::Letter::Format::text) {
        std::string plain = id;
        std::erase(plain, '\0');
        CHECK(text.body.starts_with(plain + ": "));
        continue;
      }
      Case calm(world);
      set(calm, "x", "x", "x", nicked);
      calm.builder.set(calm.account, "overdue", overdue).set(calm.other, "overdue", overdue);
      if (known) calm.builder.set(calm.account, "begun", 5);
      // As many characters as the name has decide over a part of the page: a calm one of the same length.
      const bool is_long = text.body.find("<b>long</b>") != std::string::npos;
      calm.builder.set(calm.debtor, "name", is_long ? "xxxx" : "x");
      const auto other = text_of(letter, world.write(*world.interpreter, letter, calm.builder, *calm.account));
      CHECK(skeleton(text.body) == skeleton(other.body));
      CHECK(text.subject.find_first_of("\r\n\t") == std::string::npos);
      // What was put in comes out again, wherever it stands in a page.
      std::string plain = id;
      std::erase(plain, '\0');
      CHECK(unescaped(text.body).find("class='" + plain + "'") != std::string::npos);
    }
  }
}

TEST_CASE("how many parts a message has", "[letters]") {
  using checked::message_size;
  CHECK(message_size(std::string(160, 'a')).parts() == 1);
  CHECK(message_size(std::string(161, 'a')).parts() == 2);
  CHECK(message_size(std::string(306, 'a')).parts() == 2);
  CHECK(message_size(std::string(307, 'a')).parts() == 3);
  CHECK(message_size(std::string(80, '{')).units == 160);
  CHECK(message_size("ä€").units == 3);
  CHECK_FALSE(message_size("ä€").wide);
  CHECK(message_size("ł").wide);
  CHECK(message_size("\xF0\x9F\x98\x80").units == 2);
  std::string wide = "ł";
  wide += std::string(69, 'a');
  CHECK(message_size(wide).parts() == 1);
  CHECK(message_size(wide + "a").parts() == 2);
}

}  // namespace dunlin

// What the checker says of letters.
#include <catch2/catch.hpp>

#include "lang/sema/checked_letters.h"
#include "lang/sema/checked_people.h"
#include "tests/unit/sema/checking.h"

namespace dunlin::sema_test {

namespace {

struct Bundle {
  std::string letter = "Dear {debtor.name},\nyou owe us {overdue}.\n";
  std::string file = "templates/demand.txt";
  std::string queue = "cost 1, sees personal";
  std::string more = "template \"demand\" for account in mail from \"templates/demand.txt\" { subject \"Your account {id}\" language \"en\" }\n";
  std::string task = "mail \"demand\"";

  Checked check() const {
    const std::string rules = head + R"(
entity debtor { key id : text, name : text personal, short_name : text?, bankrupt : bool, status : enum { widow, not_known } }
entity account of debtor { key id : text, overdue : money, begun : date?, rate : decimal, opened : datetime, score : int? }
entity party of debtor { key id : text, name : text personal, consents : bool }
extend debtor { greeting = "Dear {name}", plain = if bankrupt then "no" else "yes" }
function hidden(d : debtor) -> int = length(d.name)
queue mail { )" + queue + " }\n" +
                              more + R"(
strategy soft "Soft" for account {
  enrol when overdue > 0
  when overdue <= 0 : go cured
  stage letters { every 14 days : )" +
                              task + R"( }
  final stage cured
}
)";
    return check_files({{"main.dun", rules}, {file, letter}});
  }
};

Checked with_letter(const std::string& text) {
  Bundle bundle;
  bundle.letter = text;
  return bundle.check();
}
Checked with_page(const std::string& text) {
  Bundle bundle;
  bundle.letter = text;
  bundle.file = "templates/demand.html";
  bundle.more = "template \"demand\" for account in mail from \"templates/demand.html\" { subject \"Your account {id}\" }\n";
  return bundle.check();
}

}  // namespace

TEST_CASE("a letter is what was written", "[letters]") {
  const Checked made = Bundle().check();
  INFO(made.text());
  REQUIRE(made.program != nullptr);
  const auto& queue = made.program->queues[0];
  REQUIRE(checked::letters_of(queue).size() == 1);
  const checked::Letter& letter = checked::letters_of(queue)[0];
  CHECK(letter.name == "demand");
  CHECK(letter.format == checked::Letter::Format::text);
  CHECK(letter.language == "en");
  CHECK(letter.personal);
  CHECK(letter.has_subject);
  CHECK(letter.key.size() == 16);
  REQUIRE(letter.body.size() == 5);
  CHECK(letter.body[1].personal);
  CHECK_FALSE(letter.body[3].personal);
  REQUIRE(queue.fields.size() == 1);
  CHECK(queue.fields[0].name == "letter");
  CHECK(queue.fields[0].personal);
  CHECK(queue.slot_count == 2);
}

TEST_CASE("mistakes stand in the letter's own file", "[letters]") {
  const Checked made = with_letter("Dear customer,\n\n  you owe us {overdew} since {begun}.\n");
  CHECK(made.codes() == "E0201 E0401");
  CHECK(made.underlined() == "overdew");
  CHECK(made.sources->locate(made.first().span) == "templates/demand.txt:3:15");
  CHECK(made.first().help.find("overdue") != std::string::npos);
}

TEST_CASE("what may be missing is said or asked for", "[letters]") {
  CHECK(with_letter("since {begun default 2026-01-01}").codes() == "");
  CHECK(with_letter("{if begun known}since {begun | long}{end}").codes() == "");
  CHECK(with_letter("{if begun missing}never{else}since {begun | long}{end}").codes() == "");
  CHECK(with_letter("{if begun missing}{begun}{end}").codes() == "E0401");
  CHECK(with_letter("{score}").codes() == "E0401");
}

TEST_CASE("forms belong to types", "[letters]") {
  for (const char* good : {"{overdue | plain}", "{rate | percent}", "{opened | date} {opened | time} {opened | iso}", "{today | long}", "{debtor.status}",
                           "{count(a in debtor.accounts)}"}) {
    INFO(good << "\n" << with_letter(good).text());
    CHECK(with_letter(good).codes() == "");
  }
  for (const char* bad : {"{overdue | percent}", "{begun default today | time}", "{debtor}", "{debtor.bankrupt}", "{debtor.accounts}", "{3 days}",
                          "{id | long}", "{overdue |}"}) {
    INFO(bad);
    CHECK(with_letter(bad).codes() == "E0793");
  }
}

TEST_CASE("blocks are opened and closed", "[letters]") {
  CHECK(with_letter("{if overdue > 100}a{else if overdue > 50}b{else}c{end}").codes() == "");
  CHECK(with_letter("{for p in debtor.parties where p.consents}{p.name}{end}").codes() == "");
  CHECK(with_letter("{if overdue > 100 then \"much\" else \"little\"}").codes() == "");
  CHECK(with_letter("a brace: \\{ and } and \\\\").codes() == "");
  for (const char* bad : {"{if overdue > 100}a", "a{end}", "{else}", "{overdue", "{}", "{if}x{end}", "{for a}x{end}", "{for p in debtor.parties}x",
                          "{overdue\n}", "{if overdue > 1}{else}{else}{end}", "{for p in debtor.parties}{else}{end}"}) {
    INFO(bad);
    CHECK(with_letter(bad).codes().find("E0792") != std::string::npos);
  }
  CHECK(with_letter("{for p in debtor}x{end}").codes() == "E0712");
  CHECK(with_letter("{if debtor.bankrupt and overdue}x{end}").codes() == "E0307");
}

TEST_CASE("personal data needs a queue that may see it", "[letters]") {
  Bundle bundle;
  bundle.queue = "cost 1";
  for (const char* text :
       {"{debtor.name}", "{debtor.greeting}", "{hidden(debtor)}", "{if length(debtor.name) > 3}x{end}",
        "{for p in debtor.parties where length(p.name) > 3}x{end}", "{length(debtor.name) + 1}", "{count(p in debtor.parties where p.name = \"x\")}"}) {
    bundle.letter = text;
    INFO(text << "\n" << bundle.check().text());
    CHECK(bundle.check().codes() == "E0794");
  }
  bundle.letter = "{debtor.plain} {debtor.id} {overdue}{for p in debtor.parties where p.consents}, {p.id}{end}";
  CHECK(bundle.check().codes() == "");
  bundle.letter = "{debtor.name}";
  bundle.queue = "cost 1, sees everything";
  CHECK(bundle.check().codes() == "E0219 E0794");
}

TEST_CASE("every task of a queue with letters bears one", "[letters]") {
  Bundle bundle;
  bundle.task = "mail \"demnad\"";
  CHECK(bundle.check().codes() == "E0795");
  CHECK(bundle.check().first().help.find("demand") != std::string::npos);
  bundle.task = "mail by (if overdue > 100 then \"demand\" else \"other\")";
  CHECK(bundle.check().codes() == "E0795");
  bundle.task = "mail by id";
  CHECK(bundle.check().codes() == "E0795");
  bundle.task = "mail by (if overdue > 100 then \"demand\" else \"demand\")";
  CHECK(bundle.check().codes() == "");
  bundle.task = "note \"nothing\"";
  CHECK(bundle.check().codes() == "E0799");
}

TEST_CASE("a letter is for its entity and for whom it is written to", "[letters]") {
  Bundle bundle;
  bundle.more = "template \"demand\" for party in mail from \"templates/demand.txt\"\n";
  bundle.letter = "x";
  CHECK(bundle.check().codes() == "E0798");
  bundle.more = "template \"demand\" for debtor in mail from \"templates/demand.txt\"\n";
  CHECK(bundle.check().codes() == "");
  bundle.more = "template \"demand\" for account to party in mail from \"templates/demand.txt\"\n";
  bundle.letter = "{recipient.name} {overdue}";
  CHECK(bundle.check().codes() == "E0798");
  bundle.task = "mail \"demand\" to first(debtor.parties)";
  INFO(bundle.check().text());
  CHECK(bundle.check().codes() == "");
  bundle.more += bundle.more;
  CHECK(bundle.check().codes() == "E0796");
}

TEST_CASE("files, languages and names are known", "[letters]") {
  Bundle bundle;
  bundle.more = "template \"demand\" for account in mail from \"templates/demnad.txt\"\n";
  CHECK(bundle.check().codes() == "E0810");
  CHECK(bundle.check().first().help.find("demand.txt") != std::string::npos);
  bundle.more = "template \"demand\" for account in mail from \"templates/demand.doc\"\n";
  CHECK(bundle.check().codes() == "E0792");
  bundle.more = "template \"demand\" for account in mail from \"templates/demand.txt\" { language \"xx\" }\n";
  CHECK(bundle.check().codes() == "E0792");
  bundle.more = "template \"demand\" for acount in mail from \"templates/demand.txt\"\n";
  CHECK(bundle.check().codes() == "E0209");
  bundle.more = "template \"demand\" for account in post from \"templates/demand.txt\"\n";
  CHECK(bundle.check().codes() == "E0206");
  bundle = {};
  bundle.queue = "cost 1, fields { letter : text? }, sees personal";
  CHECK(bundle.check().codes() == "E0796");
  bundle = {};
  bundle.task = "mail \"demand\" { letter: \"mine\" }";
  CHECK(bundle.check().codes() == "E0208");
}

TEST_CASE("a letter has an end", "[letters]") {
  std::string many;
  for (int i = 0; i < 2'600; ++i) many += "a{id}";
  CHECK(with_page(many).codes() == "E0792");
}

TEST_CASE("a value stands only where it stays a value", "[letters]") {
  for (const char* good :
       {"<p>{id}</p>", "<p title=\"{id}\" lang='{id}'>x</p>", "<a href=\"https://pay.example/a/{id}\">x</a>", "<a href=\"mailto:{id}\">x</a>",
        "<a href=\"/a?b={id}\">x</a>", "<style>p { color: red }</style><p>{id}</p>", "<script>if (a) { b() }</script>{id}",
        "<p {if overdue > 1}class=\"a\"{else}class=\"b\"{end}>{id}</p>", "<textarea>{id}</textarea>", "{if overdue > 1}<b>{id}</b>{end}", "a < b {id}",
        "<p {if overdue > 1}class=\"late\"{end}>{id}</p>", "<a {if overdue > 1}href=\"https://a.example/1\"{else}href=\"https://b.example/2\"{end}>{id}</a>"}) {
    INFO(good << "\n" << with_page(good).text());
    CHECK(with_page(good).codes().find("E0797") == std::string::npos);
  }
  for (const char* bad :
       {"<{id}>", "<p {id}>", "<p title={id}>", "<p {id}=\"x\">", "<a href=\"{id}\">", "<a href=\"https://{id}\">", "<a href=\"javascript:{id}\">",
        "<a href=\"//{id}\">", "<p onclick=\"f('{id}')\">", "<p style=\"color: {id}\">", "<!-- {id} -->", "<!doctype {id}>", "<meta content=\"{id}\">",
        "<iframe srcdoc=\"{id}\">", "{if overdue > 1}<b{end}", "{if overdue > 1}<p title=\"{end}\">", "<a href=\"https://x.example/{if overdue > 1}a{end}\">",
        "<IMG SRC='{id}'>", "{for p in debtor.parties}<p {end}>"}) {
    INFO(bad);
    CHECK(with_page(bad).codes().find("E0797") != std::string::npos);
  }
}

}  // namespace dunlin::sema_test

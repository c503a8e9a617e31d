// Completion between the braces of a letter: what the checker knows there, and nothing among the words.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "lang/service/features.h"
#include "lang/service/position.h"
#include "tests/lsp/client.h"

namespace dunlin {

namespace {

using test::Client;
using test::has;
using Json = nlohmann::json;
using Labels = std::vector<std::string>;

const std::string letter =
    "<html><head><style>p { margin: 0 }</style></head><body>\n"
    "<p>Dear {debtor.name},</p>\n"
    "{if overdue > 10}\n"
    "<p>{overdue | plain} since {begun default today | long}</p>\n"
    "{end}\n"
    "{for p in debtor.parties}\n"
    "<p>{p.role}</p>\n"
    "{end}\n"
    "</body></html>\n";

std::map<std::string, std::string> bundle() {
  return {{"bundle.dun",
           "bundle writing \"Letters\" { timezone UTC, currency EUR, calendar none, day starts 06:00 }\n"
           "entity debtor { key id : text, name : text personal }\n"
           "entity party of debtor { key id : text, role : enum { heir, guarantor } }\n"
           "entity account of debtor { key id : text, overdue : money, begun : date?, opened : datetime }\n"
           "function owed(sum : money) -> money = sum\n"
           "queue mail { cost 1, sees personal }\n"
           "template \"demand\" for account in mail from \"templates/demand.html\"\n"
           "template \"notice\" for debtor to party in mail from \"templates/notice.txt\"\n"
           "strategy soft \"Soft\" for account { enrol when overdue > 0, stage letters { every 7 days : mail \"demand\" } }\n"},
          {"templates/demand.html", letter},
          {"templates/notice.txt", "To {recipient.role}\n"}};
}

/// What is offered at the `@`, where the letter reads so; the letter is open in the editor and not saved.
Labels offered(const std::string& text_with_at, const std::string& file = "templates/demand.html") {
  Client client(bundle());
  const size_t at = text_with_at.find('@');
  REQUIRE(at != std::string::npos);
  const std::string text = text_with_at.substr(0, at) + text_with_at.substr(at + 1);
  client.notify("textDocument/didOpen", {{"textDocument", {{"uri", client.uri(file)}, {"languageId", "html"}, {"version", 1}, {"text", text}}}});
  const auto position = service::LineMap(text).position(static_cast<uint32_t>(at));
  const Json answer = client.request(
      "textDocument/completion", {{"textDocument", {{"uri", client.uri(file)}}}, {"position", {{"line", position.line}, {"character", position.character}}}});
  INFO(answer.dump());
  REQUIRE(answer.contains("items"));
  return test::labels(answer);
}

Labels in_demand(const std::string& written, const std::string& with_at) {
  std::string text = letter;
  const size_t place = text.find(written);
  REQUIRE(place != std::string::npos);
  return offered(text.replace(place, written.size(), with_at));
}

}  // namespace

TEST_CASE("in a letter: names of its entity, functions, and the words that begin a block") {
  const Labels all = in_demand("{debtor.name}", "{@}");
  for (const char* word : {"overdue", "begun", "debtor", "owed", "if", "for", "end"}) {
    INFO(word);
    CHECK(has(all, word));
  }
  CHECK_FALSE(has(all, "p"));                                 // of a loop further down
  const Labels begun = in_demand("{debtor.name}", "{over@");  // the brace is not there yet, and words follow
  CHECK(has(begun, "overdue"));
  CHECK(has(in_demand("{overdue | plain}", "{owed(@}"), "overdue"));
  CHECK(has(in_demand("{if overdue > 10}", "{if @}"), "overdue"));
  CHECK_FALSE(has(in_demand("{if overdue > 10}", "{if @}"), "for"));
}

TEST_CASE("in a letter: members behind a dot, elements of loops, and literals that are compared") {
  const Labels members = in_demand("{debtor.name}", "{debtor.@}");
  CHECK(has(members, "name"));
  CHECK(has(members, "parties"));
  CHECK_FALSE(has(members, "overdue"));
  CHECK(in_demand("{p.role}", "{p.@}").size() >= 2);
  CHECK(has(in_demand("{p.role}", "{p.@}"), "role"));
  CHECK(has(in_demand("{p.role}", "{@}"), "p"));
  CHECK(has(in_demand("{p.role}", "{if p.role = @}x{end}"), "guarantor"));
  CHECK(has(offered("To {recipient.@\n", "templates/notice.txt"), "role"));
  CHECK(has(offered("To {@}\n", "templates/notice.txt"), "recipient"));
}

TEST_CASE("in a letter: forms of a value, and what makes a missing one known") {
  CHECK(in_demand("{overdue | plain}", "{overdue | @}") == Labels{"plain"});
  CHECK(in_demand("{begun default today | long}", "{begun default today | lo@}") == Labels{"long", "iso"});
  CHECK(in_demand("{overdue | plain}", "{opened | @}") == Labels{"long", "iso", "date", "time"});
  CHECK(in_demand("{debtor.name}", "{debtor.name | @}").empty());
  const Labels missing = in_demand("{begun default today | long}", "{begun @}");
  CHECK(has(missing, "default"));
  CHECK(has(missing, "known"));
  CHECK(in_demand("{debtor.name}", "{debtor.name @}").empty());
  CHECK(in_demand("{for p in debtor.parties}", "{for p @}") == Labels{"in"});
  CHECK(has(in_demand("{for p in debtor.parties}", "{for p in debtor.@}"), "parties"));
  CHECK(in_demand("{for p in debtor.parties}", "{for p in debtor.parties @}") == Labels{"where"});
  CHECK(has(in_demand("{for p in debtor.parties}", "{for p in debtor.parties where p.@}"), "role"));
}

TEST_CASE("among the words of a letter nothing is offered") {
  CHECK(in_demand("Dear", "De@ar").empty());
  CHECK(in_demand("{debtor.name},", "{debtor.name},@").empty());
  CHECK(in_demand("Dear", "\\{ov@").empty());
  CHECK(in_demand("{debtor.name}", "{\"to ov@\"}").empty());
  CHECK(in_demand("margin: 0", "mar@gin: 0").empty());  // code of the page
  CHECK(offered("{ov@}", "templates/nobody.txt").empty());
}

TEST_CASE("a page that belongs to no bundle is passed over") {
  const std::map<std::string, std::string> files = {{"other/templates/page.html", "<p>{{ name }}</p>"}};
  Client client(files);
  const std::string uri = client.uri("other/templates/page.html");
  const size_t before = client.sent.size();
  client.notify("textDocument/didOpen", {{"textDocument", {{"uri", uri}, {"languageId", "html"}, {"version", 1}, {"text", "<p>{{ name }}</p>"}}}});
  client.notify("textDocument/didChange",
                {{"textDocument", {{"uri", uri}, {"version", 2}}}, {"contentChanges", Json::array({{{"text", "<p>{{ title }}</p>"}}})}});
  CHECK(client.diagnostics("other/templates/page.html").empty());
  CHECK(client.sent.size() == before);
}

TEST_CASE("asking at every place of a letter answers, whatever is broken there") {
  for (uint32_t offset = 0; offset <= letter.size(); offset += 3) {
    std::string broken = letter.substr(0, offset) + "@" + letter.substr(std::min<size_t>(letter.size(), offset + offset % 7));
    (void)offered(broken);
    CHECK_NOTHROW(service::letter_with_marker(broken, offset));
  }
}

}  // namespace dunlin

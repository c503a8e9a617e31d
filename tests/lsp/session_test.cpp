// A session over a small bundle with Cyrillic names: what each request answers.
#include <catch2/catch.hpp>

#include "lang/format/format.h"
#include "tests/lsp/client.h"

using namespace dunlin;
using test::Client;
using test::Json;

namespace {

/// The text that a range covers.
std::string covered(const Client& client, const std::string& file, const Json& range) {
  const std::string text = client.text(file);
  const service::LineMap lines(text);
  const auto offset = [&](const Json& place) { return lines.offset({place.at("line"), place.at("character")}); };
  return text.substr(offset(range.at("start")), offset(range.at("end")) - offset(range.at("start")));
}

}  // namespace

TEST_CASE("the bundle is good, mistakes come and go with the text, in every file they touch") {
  Client client(test::small_bundle());
  for (const char* file : {"bundle.dun", "data.dun", "strategy.dun"}) {
    for (const Json& diagnostic : client.diagnostics(file)) {
      INFO(diagnostic.dump());
      CHECK(diagnostic.at("severity") == 2);
    }
  }
  const std::string data = client.text("data.dun");
  std::string broken = data;
  broken.replace(broken.find("dpd = days"), 3, "dpb");
  client.change("data.dun", broken);
  const Json found = client.diagnostics("strategy.dun");
  INFO(found.dump());
  REQUIRE_FALSE(found.empty());
  CHECK(found[0].at("code") == "E0201");
  CHECK(covered(client, "strategy.dun", found[0].at("range")) == "dpd");

  const Json actions =
      client.request("textDocument/codeAction",
                     {{"textDocument", {{"uri", client.uri("strategy.dun")}}}, {"range", found[0].at("range")}, {"context", {{"diagnostics", found}}}});
  REQUIRE_FALSE(actions.empty());
  const auto mended = client.applied(actions[0].at("edit"));
  CHECK(mended.at("strategy.dun").find("enrol when dpb > 0") != std::string::npos);

  client.change("data.dun", data);
  for (const Json& diagnostic : client.diagnostics("strategy.dun")) CHECK(diagnostic.at("severity") == 2);
}

TEST_CASE("changes of parts are the same as a change of the whole, also behind letters of several bytes") {
  Client client(test::small_bundle());
  const std::string file = "data.dun";
  const Json begin = client.position(file, "  @баланс  : money");
  Json end = begin;
  end["character"] = begin.at("character").get<int>() + 6;
  client.notify("textDocument/didChange", {{"textDocument", {{"uri", client.uri(file)}, {"version", 2}}},
                                           {"contentChanges", Json::array({{{"range", {{"start", begin}, {"end", end}}}, {"text", "остаток"}}})}});
  const Json symbols = client.request("textDocument/documentSymbol", {{"textDocument", {{"uri", client.uri(file)}}}});
  CHECK(symbols.dump().find("остаток") != std::string::npos);
  CHECK(client.diagnostics("strategy.dun").dump().find("баланс") != std::string::npos);
}

TEST_CASE("hover tells type, documentation and whether a value may be missing") {
  Client client(test::small_bundle());
  const auto text = [&](const std::string& file, const std::string& place) {
    const Json answer = client.at("textDocument/hover", file, place);
    return answer.is_null() ? std::string() : answer.at("contents").at("value").get<std::string>();
  };
  CHECK(text("strategy.dun", "enrol when d@pd").find("Дней просрочки") != std::string::npos);
  CHECK(text("strategy.dun", "enrol when d@pd").find("`int`") != std::string::npos);
  CHECK(text("data.dun", "days(beg@un").find("may be missing") != std::string::npos);
  CHECK(text("data.dun", "dpd = da@ys(").find("date, date -> int") == std::string::npos);
  CHECK(text("data.dun", "dpd = da@ys(").find("days(date, date) -> int") != std::string::npos);
  CHECK(text("strategy.dun", "risk = hi@gh").find("risk.high") != std::string::npos);
  CHECK(text("strategy.dun", "keep ca@ll").find("queue") != std::string::npos);
  CHECK(text("strategy.dun", "go cal@ling").find("stage") != std::string::npos);
  CHECK(text("strategy.dun", "st@rategy soft").empty());
  const Json hover = client.at("textDocument/hover", "strategy.dun", "and бал@анс > smallest");
  CHECK(covered(client, "strategy.dun", hover.at("range")) == "баланс");
}

TEST_CASE("definition and references go across files, into the library too") {
  Client client(test::small_bundle());
  const Json definition = client.at("textDocument/definition", "strategy.dun", "and бал@анс > smallest");
  CHECK(definition.at("uri") == client.uri("data.dun"));
  CHECK(covered(client, "data.dun", definition.at("range")) == "баланс");
  CHECK(client.at("textDocument/definition", "strategy.dun", "> small@est").at("uri") == client.uri("bundle.dun"));
  CHECK(client.at("textDocument/definition", "data.dun", "сумма * ча@сть").at("uri") == client.uri("data.dun"));
  CHECK(covered(client, "data.dun", client.at("textDocument/definition", "data.dun", "сумма * ча@сть").at("range")) == "часть");
  CHECK(covered(client, "data.dun", client.at("textDocument/definition", "data.dun", "where @a.dpd").at("range")) == "a");
  CHECK(covered(client, "data.dun", client.at("textDocument/definition", "strategy.dun", "on prom@ise").at("range")) == "promises");
  CHECK(client.at("textDocument/definition", "data.dun", "= da@ys(").is_null());

  const Json references = client.at("textDocument/references", "data.dun", "  dp@d = days", {{"context", {{"includeDeclaration", true}}}});
  CHECK(references.size() == 9);
  const Json highlights = client.at("textDocument/documentHighlight", "strategy.dun", "stage cal@ling");
  CHECK(highlights.size() == 2);
}

TEST_CASE("renaming changes every place and nothing else: the renamed bundle is as good as before") {
  const std::vector<std::pair<std::string, std::string>> places = {
      {"data.dun", "  @баланс  : money"}, {"data.dun", "  dp@d = days"},       {"data.dun", "segmentation ri@sk"},    {"data.dun", "  hi@gh when"},
      {"data.dun", "queue ca@ll"},        {"data.dun", "table wait@_for"},     {"data.dun", "function до@ля"},        {"data.dun", "entity acc@ount of"},
      {"data.dun", "event pay@ment"},     {"strategy.dun", "stage re@minder"}, {"strategy.dun", "strategy ha@rd"},    {"strategy.dun", "var let@ters"},
      {"data.dun", "доля(су@мма"},        {"data.dun", "prod@uct : enum"},     {"bundle.dun", "parameter small@est"}, {"data.dun", "for @a in debtor"},
      {"data.dun", "as prom@ise"}};
  for (const auto& [file, place] : places) {
    if (place == "as prom@ise") continue;  // an alias is renamed by hand
    Client client(test::small_bundle());
    INFO(place);
    const Json edit = client.at("textDocument/rename", file, place, {{"newName", place == "entity acc@ount of" ? "loan" : "новое_имя"}});
    INFO(edit.dump());
    REQUIRE(edit.contains("changes"));
    for (const auto& [name, text] : client.applied(edit)) client.change(name, text);
    for (const char* name : {"bundle.dun", "data.dun", "strategy.dun"}) {
      for (const Json& diagnostic : client.diagnostics(name)) {
        INFO(client.text(name));
        INFO(diagnostic.dump());
        CHECK(diagnostic.at("severity") == 2);
      }
    }
  }
}

TEST_CASE("renaming refuses what cannot be: no name, a name of the library, one that is taken") {
  Client client(test::small_bundle());
  CHECK(client.at("textDocument/rename", "data.dun", "  dp@d = days", {{"newName", "two words"}}).contains("error"));
  CHECK(client.at("textDocument/rename", "data.dun", "  dp@d = days", {{"newName", "begun"}}).contains("error"));
  CHECK(client.at("textDocument/rename", "data.dun", "= da@ys(", {{"newName", "x"}}).contains("error"));
  const Json quoted = client.at("textDocument/rename", "data.dun", "  dp@d = days", {{"newName", "stage"}});
  CHECK(quoted.dump().find("`stage`") != std::string::npos);
}

TEST_CASE("outline, folding, colours, hints, lenses") {
  Client client(test::small_bundle(), {.run_test = [](const auto&, const auto&) { return std::string("ran"); },
                                       .live_counts =
                                           [] {
                                             return std::map<std::string, int64_t>{{"soft.calling", 7}};
                                           }});
  const Json of_strategy = {{"textDocument", {{"uri", client.uri("strategy.dun")}}}};
  const Json symbols = client.request("textDocument/documentSymbol", of_strategy);
  REQUIRE(symbols.size() == 3);
  CHECK(symbols[0].at("name") == "soft");
  CHECK(symbols[0].at("children").size() == 5);  // a variable and four stages
  CHECK(symbols[2].at("name") == "тест");
  CHECK(client.request("workspace/symbol", {{"query", "clng"}})[0].at("name") == "calling");
  CHECK(client.request("textDocument/foldingRange", of_strategy).size() >= 5);

  const Json tokens = client.request("textDocument/semanticTokens/full", of_strategy).at("data");
  REQUIRE(tokens.size() % 5 == 0);
  const std::string text = client.text("strategy.dun");
  const service::LineMap lines(text);
  uint32_t line = 0, character = 0;
  size_t names = 0;
  for (size_t i = 0; i < tokens.size(); i += 5) {
    line += tokens[i].get<uint32_t>();
    character = (tokens[i] == 0 ? character : 0) + tokens[i + 1].get<uint32_t>();
    const uint32_t begin = lines.offset({line, character});
    const std::string word = text.substr(begin, lines.offset({line, character + tokens[i + 2].get<uint32_t>()}) - begin);
    if (word == "баланс") ++names;
    CHECK(word.find(' ') == std::string::npos);
  }
  CHECK(names == 2);  // in a condition and in a test

  const Json hints = client.request("textDocument/inlayHint", {{"textDocument", {{"uri", client.uri("data.dun")}}}});
  REQUIRE(hints.size() == 3);
  CHECK(hints[0].at("label") == " : int");
  const Json lenses = client.request("textDocument/codeLens", of_strategy);
  CHECK(lenses.dump().find("run this test") != std::string::npos);
  CHECK(lenses.dump().find("7 stand here") != std::string::npos);
  CHECK(client.request("workspace/executeCommand", {{"command", "dunlin.runTest"}, {"arguments", Json::array({client.folder.string(), "тест"})}}) == "ran");
}

TEST_CASE("signatures count the arguments") {
  Client client(test::small_bundle());
  const Json answer = client.at("textDocument/signatureHelp", "data.dun", "half = доля(баланс, @50%)");
  REQUIRE(answer.at("signatures").size() == 1);
  CHECK(answer.at("activeParameter") == 1);
  CHECK(answer.at("signatures")[0].at("label").get<std::string>().find("доля(сумма : money, часть : decimal)") != std::string::npos);
  CHECK(client.at("textDocument/signatureHelp", "data.dun", "dpd = days(@begun").at("signatures")[0].at("label") == "days(date, date) -> int");
  CHECK(client.at("textDocument/signatureHelp", "data.dun", "баланс  : mo@ney").is_null());
}

TEST_CASE("formatting gives what dunlin fmt gives") {
  Client client(test::small_bundle());
  for (const char* file : {"bundle.dun", "data.dun", "strategy.dun"}) {
    const Json edits = client.request("textDocument/formatting", {{"textDocument", {{"uri", client.uri(file)}}}, {"options", {{"tabSize", 2}}}});
    SourceMap sources;
    Diagnostics diagnostics;
    const auto expected = format_file(sources, sources.add(file, client.text(file)), diagnostics);
    REQUIRE(expected.has_value());
    CHECK(client.applied({{"changes", {{client.uri(file), edits}}}}).at(file) == *expected);
  }
}

TEST_CASE("stages call each other") {
  Client client(test::small_bundle());
  const Json item = client.at("textDocument/prepareCallHierarchy", "strategy.dun", "  stage cal@ling");
  REQUIRE(item.size() == 1);
  CHECK(item[0].at("name") == "soft.calling");
  const Json incoming = client.request("callHierarchy/incomingCalls", {{"item", item[0]}});
  REQUIRE(incoming.size() == 1);
  CHECK(incoming[0].at("from").at("name") == "soft.reminder");
  std::vector<std::string> outgoing;
  for (const Json& call : client.request("callHierarchy/outgoingCalls", {{"item", item[0]}})) outgoing.push_back(call.at("to").at("name"));
  CHECK(test::has(outgoing, "soft.promised"));
  CHECK(test::has(outgoing, "soft.reminder"));
  CHECK(test::has(outgoing, "hard.triage"));  // a rule of the strategy acts in each stage
}

#include "tests/lsp/client.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include "lang/service/position.h"

namespace dunlin::test {

namespace fs = std::filesystem;

Client::Client(const std::map<std::string, std::string>& files, lsp::Ports ports) : texts_(files) {
  static int number = 0;
  folder = fs::temp_directory_path() / ("dunlin lsp " + std::to_string(getpid()) + "-" + std::to_string(++number));
  for (const auto& [name, text] : files) {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name, std::ios::binary) << text;
  }
  lsp::SessionOptions options{.stdlib = fs::path(DUNLIN_SOURCE_DIR) / "stdlib"};
  options.interrupted = [this] { return somebody_waits; };
  session_ = std::make_unique<lsp::Session>(std::move(options), std::move(ports), [this](const std::string& message) { sent.push_back(Json::parse(message)); });
  request("initialize", {{"processId", nullptr}, {"rootUri", nullptr}, {"capabilities", Json::object()}});
  notify("initialized", Json::object());
  for (const auto& [name, text] : files) {
    if (!name.ends_with(".dun")) continue;
    notify("textDocument/didOpen", {{"textDocument", {{"uri", uri(name)}, {"languageId", "dunlin"}, {"version", 1}, {"text", text}}}});
  }
}

Client::~Client() {
  std::error_code error;
  fs::remove_all(folder, error);
}

Json Client::request(const std::string& method, Json params) {
  const int id = next_id_++;
  session_->handle(Json{{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", std::move(params)}}.dump());
  for (auto message = sent.rbegin(); message != sent.rend(); ++message) {
    if (!message->contains("id") || message->at("id") != id) continue;
    return message->contains("error") ? *message : message->at("result");
  }
  FAIL("no answer to " << method);
  return nullptr;
}

void Client::notify(const std::string& method, const Json& params) {
  session_->handle(Json{{"jsonrpc", "2.0"}, {"method", method}, {"params", params}}.dump());
}

std::string Client::uri(const std::string& file) const {
  std::string path = (folder / file).string();
  std::string made = "file://";
  for (const char c : path) made += c == ' ' ? "%20" : std::string(1, c);
  return made;
}

Json Client::position(const std::string& file, const std::string& part_with_at) const {
  const size_t mark = part_with_at.find('@');
  REQUIRE(mark != std::string::npos);
  std::string part = part_with_at;
  part.erase(mark, 1);
  const size_t found = texts_.at(file).find(part);
  INFO(part);
  REQUIRE(found != std::string::npos);
  const service::LineMap lines(texts_.at(file));
  const auto position = lines.position(static_cast<uint32_t>(found + mark));
  return {{"line", position.line}, {"character", position.character}};
}

Json Client::at(const std::string& method, const std::string& file, const std::string& part_with_at, Json more) {
  more["textDocument"] = {{"uri", uri(file)}};
  more["position"] = position(file, part_with_at);
  return request(method, std::move(more));
}

void Client::change(const std::string& file, const std::string& text) {
  texts_[file] = text;
  notify("textDocument/didChange", {{"textDocument", {{"uri", uri(file)}, {"version", ++version_}}}, {"contentChanges", Json::array({{{"text", text}}})}});
}

Json Client::diagnostics(const std::string& file) {
  session_->tick(lsp::Clock::now() + std::chrono::hours(1));
  for (auto message = sent.rbegin(); message != sent.rend(); ++message) {
    if (message->value("method", "") == "textDocument/publishDiagnostics" && message->at("params").at("uri") == uri(file))
      return message->at("params").at("diagnostics");
  }
  return Json::array();
}

std::map<std::string, std::string> Client::applied(const Json& workspace_edit) const {
  std::map<std::string, std::string> result = texts_;
  for (auto& [name, text] : result) {
    const auto found = workspace_edit.at("changes").find(uri(name));
    if (found == workspace_edit.at("changes").end()) continue;
    std::vector<std::tuple<uint32_t, uint32_t, std::string>> edits;
    const service::LineMap lines(text);
    for (const Json& edit : *found) {
      const auto offset = [&](const Json& place) { return lines.offset({place.at("line"), place.at("character")}); };
      edits.emplace_back(offset(edit.at("range").at("start")), offset(edit.at("range").at("end")), edit.at("newText"));
    }
    std::sort(edits.rbegin(), edits.rend());
    std::string changed = text;
    for (const auto& [begin, end, replacement] : edits) changed.replace(begin, end - begin, replacement);
    text = changed;
  }
  return result;
}

std::map<std::string, std::string> small_bundle() {
  return {{"bundle.dun",
           "bundle mały \"Small\" {\n  timezone UTC\n  currency EUR\n  calendar none\n  day starts 06:00\n}\n"
           "use std.finance\n"
           "parameter smallest : money = 50\n"},
          {"data.dun",
           "/// Кто должен.\nentity debtor { key id : text, bankrupt : bool }\n"
           "/// Один долг.\nentity account of debtor {\n  key id  : text\n  баланс  : money  // остаток\n  begun   : date?\n  product : enum { card, auto }\n\n"
           "  /// Дней просрочки.\n  dpd = days(begun, today) default 0\n}\n"
           "event payment of account { amount : money }\n"
           "outcomes call of account { reached { promises as promise (amount : money), refuses }, not_reached { busy } }\n"
           "queue call { outcomes call, cost 3 }\n"
           "queue mail { cost 1 }\n"
           "segmentation risk for account {\n  high when dpd > 60\n  otherwise low\n}\n"
           "/// How long to wait.\ntable wait_for(risk : risk, product : product) -> (days_to_wait : int) unique {\n"
           "  | risk | product || days_to_wait |\n  | high | any || 3 |\n  | low | any || 7 |\n}\n"
           "function доля(сумма : money, часть : decimal) -> money = сумма * часть\n"
           "extend account { half = доля(баланс, 50%), total = sum(a.баланс for a in debtor.accounts where a.dpd > 0) }\n"},
          {"strategy.dun",
           "strategy soft \"Soft\" for account {\n  enrol when dpd > 0 and баланс > smallest\n  var letters : int = 0\n\n"
           "  when risk = high and dpd > 90 : go hard\n\n"
           "  stage reminder {\n    on entry : mail \"reminder\"\n    after 3 days : go calling\n  }\n"
           "  stage calling {\n    keep call \"script\" while dpd > 0\n    on promise : go promised\n    after 30 days when letters > 2 : go reminder\n"
           "    every 7 days : set letters = letters + 1, mail \"demand\"\n  }\n"
           "  stage promised {\n    after 10 days : go back\n    when dpd = 0 : go cured\n  }\n"
           "  final stage cured\n}\n"
           "strategy hard \"Hard\" for account {\n  stage triage { when dpd = 0 : go closed }\n  final stage closed\n}\n"
           "test \"тест\" {\n  given account { баланс: 100, begun: 2026-01-01 }\n  at 2026-01-05 : expect stage reminder, dpd = 4\n}\n"}};
}

std::vector<std::string> labels(const Json& completion) {
  std::vector<std::string> list;
  for (const Json& item : completion.at("items")) list.push_back(item.at("label"));
  return list;
}

bool has(const std::vector<std::string>& list, const std::string& word) { return std::find(list.begin(), list.end(), word) != list.end(); }

}  // namespace dunlin::test

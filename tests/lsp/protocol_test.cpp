// What comes over the wire may be anything.
#include <catch2/catch.hpp>
#include <sstream>

#include "lang/diag/source.h"
#include "server/lsp/inbox.h"
#include "tests/fuzz/mutations.h"
#include "tests/lsp/client.h"

using namespace dunlin;
using test::Client;
using test::Json;

namespace {

struct Bare {
  std::vector<Json> sent;
  lsp::Session session{{.stdlib = {}, .message_bytes_max = 100'000}, {}, [this](const std::string& message) { sent.push_back(Json::parse(message)); }};
  int code() const { return sent.back().at("error").at("code"); }
};

}  // namespace

TEST_CASE("broken messages are answered as JSON-RPC says and change nothing") {
  Bare bare;
  bare.session.handle("{\"jsonrpc\":");
  CHECK(bare.code() == -32700);
  CHECK(bare.sent.back().at("id").is_null());
  bare.session.handle("[1, 2]");
  CHECK(bare.code() == -32600);
  bare.session.handle(R"({"id": 7, "method": 5})");
  CHECK(bare.code() == -32600);
  CHECK(bare.sent.back().at("id") == 7);
  bare.session.handle(R"({"id": 8, "method": "textDocument/hover", "params": {}})");
  CHECK(bare.code() == -32002);
  bare.session.handle(R"({"id": 1, "method": "initialize", "params": {}})");
  CHECK(bare.sent.back().at("result").contains("capabilities"));
  bare.session.handle(R"({"id": 2, "method": "initialize", "params": {}})");
  CHECK(bare.code() == -32600);
  bare.session.handle(R"({"id": 3, "method": "no/such", "params": {}})");
  CHECK(bare.code() == -32601);
  bare.session.handle(R"({"id": 4, "method": "textDocument/hover", "params": {"textDocument": 5}})");
  CHECK(bare.code() == -32602);
  bare.session.handle(
      R"({"id": 5, "method": "textDocument/hover", "params": {"textDocument": {"uri": "untitled:x"}, "position": {"line": 0, "character": 0}}})");
  CHECK(bare.code() == -32602);
  bare.session.handle(std::string(200'000, 'x'));
  CHECK(bare.code() == -32600);
  const size_t before = bare.sent.size();
  bare.session.handle(R"({"method": "no/such"})");      // a notification is never answered
  bare.session.handle(R"({"id": 9, "result": null})");  // nor an answer
  bare.session.handle(R"({"method": "textDocument/didChange", "params": {"textDocument": {"uri": "file:///none"}, "contentChanges": 3}})");
  CHECK(bare.sent.size() == before);
  bare.session.handle(R"({"id": 6, "method": "shutdown"})");
  bare.session.handle(R"({"id": 10, "method": "workspace/symbol", "params": {}})");
  CHECK(bare.code() == -32600);
  CHECK_FALSE(bare.session.ended());
  bare.session.handle(R"({"method": "exit"})");
  CHECK(bare.session.ended());
  CHECK(bare.session.exit_code() == 0);
}

TEST_CASE("a cancelled request is answered as cancelled, once") {
  Client client(test::small_bundle());
  client.session().cancel("77");
  client.session().handle(R"({"id": 77, "method": "workspace/symbol", "params": {"query": ""}})");
  CHECK(client.sent.back().at("error").at("code") == -32800);
  client.session().handle(R"({"id": 77, "method": "workspace/symbol", "params": {"query": ""}})");
  CHECK(client.sent.back().contains("result"));
  CHECK(lsp::cancelled_id(R"({"method": "$/cancelRequest", "params": {"id": "a"}})") == "\"a\"");
  CHECK_FALSE(lsp::cancelled_id(R"({"method": "$/cancelRequest"})"));
}

TEST_CASE("cancelling overtakes what waits") {
  lsp::Inbox inbox;
  inbox.push(R"({"id": 1, "method": "workspace/symbol", "params": {}})");
  inbox.push(R"({"method": "$/cancelRequest", "params": {"id": 1}})");
  CHECK(inbox.take_cancelled() == std::deque<std::string>{"1"});
  std::string message;
  bool closed = true;
  CHECK(inbox.wait(message, std::nullopt, closed));
  CHECK_FALSE(inbox.wait(message, lsp::Clock::now(), closed));
  CHECK_FALSE(closed);
  inbox.close();
  CHECK_FALSE(inbox.wait(message, std::nullopt, closed));
  CHECK(closed);
}

TEST_CASE("frames: lengths in bytes, other headers, too long, cut off") {
  const auto read = [](const std::string& bytes, size_t max = 1'000) {
    std::istringstream in(bytes);
    std::string message;
    std::vector<std::pair<lsp::Framing, std::string>> all;
    for (;;) {
      const lsp::Framing framing = lsp::read_message(in, message, max);
      all.emplace_back(framing, framing == lsp::Framing::message ? message : "");
      if (framing == lsp::Framing::end || framing == lsp::Framing::broken) return all;
    }
  };
  using lsp::Framing;
  CHECK(read(lsp::framed("{\"ж\":1}") + lsp::framed("{}")) ==
        std::vector<std::pair<Framing, std::string>>{{Framing::message, "{\"ж\":1}"}, {Framing::message, "{}"}, {Framing::end, ""}});
  CHECK(read("content-length: 2\r\nContent-Type: x\r\n\r\n{}").front().second == "{}");
  CHECK(read("Content-Length: 5000\r\n\r\n" + std::string(5000, 'x') + lsp::framed("{}")) ==
        std::vector<std::pair<Framing, std::string>>{{Framing::too_large, ""}, {Framing::message, "{}"}, {Framing::end, ""}});
  for (const char* bytes : {"Content-Length: 10\r\n\r\n{}", "Content-Length: x\r\n\r\n{}", "hello\r\n\r\n", "Content-Length: -1\r\n\r\n",
                            "Content-Length: 99999999999999999999\r\n\r\n"}) {
    INFO(bytes);
    CHECK(read(bytes).back().first == Framing::broken);
  }
  CHECK(read("").back().first == Framing::end);
}

TEST_CASE("spoiled texts in an open file: every request is answered") {
  Client client(test::small_bundle());
  fuzz::Random random(11);
  const std::vector<std::string> corpus = {client.text("data.dun"), client.text("strategy.dun")};
  for (int i = 0; i < 25; ++i) {
    std::string text = fuzz::mutated(corpus, random);
    if (find_invalid_utf8(text) != std::string::npos || text.size() > 20'000) continue;
    client.change("data.dun", text);
    const Json document = {{"textDocument", {{"uri", client.uri("data.dun")}}}};
    const service::LineMap lines(text);
    for (const char* method : {"textDocument/documentSymbol", "textDocument/foldingRange", "textDocument/semanticTokens/full", "textDocument/inlayHint",
                               "textDocument/codeLens", "textDocument/formatting"}) {
      INFO(method);
      const Json answer = client.request(method, document);
      CHECK_FALSE((answer.is_object() && answer.contains("error")));
    }
    const auto position = lines.position(static_cast<uint32_t>(random.below(text.size())));
    Json place = document;
    place["position"] = {{"line", position.line}, {"character", position.character}};
    for (const char* method :
         {"textDocument/hover", "textDocument/definition", "textDocument/references", "textDocument/signatureHelp", "textDocument/prepareRename"}) {
      INFO(method);
      const Json answer = client.request(method, place);
      CHECK_FALSE((answer.is_object() && answer.contains("error")));
    }
    client.diagnostics("data.dun");
  }
}

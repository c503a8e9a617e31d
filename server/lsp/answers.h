// Answers of the language service as the protocol wants them. Private to server/lsp.
#pragma once

#include <nlohmann/json.hpp>

#include "lang/service/features.h"
#include "server/lsp/workspace.h"

namespace dunlin::lsp {

using Json = nlohmann::json;

/// A request that cannot be answered, as JSON-RPC says it.
struct RequestError {
  int code = 0;
  std::string message;
};
constexpr int parse_error = -32700, invalid_request = -32600, method_not_found = -32601, invalid_params = -32602, internal_error = -32603;
constexpr int server_not_initialized = -32002, request_cancelled = -32800, request_failed = -32803;

/// One document and what is known about it, for the time of one request.
struct Place {
  Workspace& workspace;
  OpenBundle& bundle;
  const service::Snapshot& snapshot;
  std::filesystem::path stdlib;
  std::string path;
  uint32_t file = Span::no_file;
  std::string_view text() const { return snapshot.sources.text(file); }
};

Json range_json(const service::Snapshot& snapshot, Span span);
Json location_json(const Place& place, Span span);
std::string uri_of(const Place& place, uint32_t file);
uint32_t offset_of(const Place& place, const Json& position);

Json capabilities(bool with_tests);
Json diagnostics_json(const Place& place, const std::vector<Diagnostic>& diagnostics);

/// Answers a request about one document; throws RequestError.
Json answer(const std::string& method, const Json& params, const Place& place, const Ports& ports);
/// The methods `answer` knows.
bool answers(const std::string& method);
Json workspace_symbols(const Place& any, const std::string& query);
Json stage_calls(const std::string& method, const Json& params, const Place& place);

}  // namespace dunlin::lsp

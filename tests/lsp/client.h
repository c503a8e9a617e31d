// A client of the language server inside the test's process, over a bundle in a folder of its own.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lang/service/position.h"
#include "server/lsp/session.h"

namespace dunlin::test {

using Json = nlohmann::json;

class Client {
 public:
  /// Writes the files into a new folder, starts a session and opens all `.dun` files.
  explicit Client(const std::map<std::string, std::string>& files, lsp::Ports ports = {});
  ~Client();

  /// The result, or the error, of a request.
  Json request(const std::string& method, Json params);
  void notify(const std::string& method, const Json& params);
  /// At the place of `@` in `line_with_at`, which must be (without the `@`) a part of the file.
  Json at(const std::string& method, const std::string& file, const std::string& part_with_at, Json more = Json::object());
  /// Replaces the whole text.
  void change(const std::string& file, const std::string& text);
  /// Lets all debounce times pass; returns the diagnostics of a file as last sent.
  Json diagnostics(const std::string& file);

  std::string uri(const std::string& file) const;
  std::string text(const std::string& file) const { return texts_.at(file); }
  Json position(const std::string& file, const std::string& part_with_at) const;
  /// Applies the edits of a WorkspaceEdit to the texts as the client knows them.
  std::map<std::string, std::string> applied(const Json& workspace_edit) const;

  lsp::Session& session() { return *session_; }
  std::vector<Json> sent;  // by the server, in order
  std::filesystem::path folder;
  bool somebody_waits = false;  // what the server is told when it asks

 private:
  std::map<std::string, std::string> texts_;
  std::unique_ptr<lsp::Session> session_;
  int next_id_ = 1;
  int64_t version_ = 1;
};

/// A small bundle with everything that is asked about.
std::map<std::string, std::string> small_bundle();

std::vector<std::string> labels(const Json& completion);
bool has(const std::vector<std::string>& list, const std::string& word);

}  // namespace dunlin::test

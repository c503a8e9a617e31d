#include "server/lsp/session.h"

#include <algorithm>
#include <set>

#include "lang/sema/letter_file.h"
#include "server/lsp/answers.h"

namespace dunlin::lsp {

namespace {

using service::LineMap;

std::string dumped(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

bool is_later_analysis(const Diagnostic& diagnostic) {
  if (diagnostic.code == "E0734") return true;
  return diagnostic.severity == Severity::warning && (diagnostic.code.starts_with("E05") || diagnostic.code.starts_with("E06"));
}

}  // namespace

class Session::State {
 public:
  State(SessionOptions options, Ports ports, std::function<void(const std::string&)> send)
      : options_(options), ports_(std::move(ports)), send_(std::move(send)), workspace_(options) {}

  void handle(const std::string& message) {
    if (message.size() > options_.message_bytes_max) return refuse(nullptr, {invalid_request, "the message is too large"});
    const Json request = Json::parse(message, nullptr, false);
    if (request.is_discarded()) return refuse(nullptr, {parse_error, "the message is not JSON"});
    if (!request.is_object() || !request.contains("method") || !request.at("method").is_string()) {
      if (request.is_object() && request.contains("id") && (request.contains("result") || request.contains("error"))) return;  // an answer to us
      return refuse(request.is_object() && request.contains("id") ? request.at("id") : Json(nullptr), {invalid_request, "the message is no request"});
    }
    const Json id = request.contains("id") ? request.at("id") : Json();
    const bool wants_answer = request.contains("id");
    const Json params = request.contains("params") ? request.at("params") : Json::object();
    try {
      if (wants_answer && cancelled_.erase(dumped(id)) > 0) throw RequestError{request_cancelled, "cancelled"};
      const Json result = dispatch(request.at("method").get<std::string>(), params, wants_answer);
      if (wants_answer) send_(dumped({{"jsonrpc", "2.0"}, {"id", id}, {"result", result}}));
    } catch (const RequestError& error) {
      if (wants_answer) refuse(id, error);
    } catch (const Json::exception&) {
      if (wants_answer) refuse(id, {invalid_params, "the parameters are not as the protocol says"});
    } catch (const std::exception& error) {
      if (wants_answer) refuse(id, {internal_error, std::string("a mistake inside dunlin: ") + error.what()});
    }
  }

  void cancel(const std::string& id) {
    if (cancelled_.size() < 1'000) cancelled_.insert(id);
  }

  std::optional<Clock::time_point> next_tick() const {
    std::optional<Clock::time_point> next;
    for (const auto& [folder, bundle] : workspace_.bundles) {
      for (const auto& due : {bundle.check_due, bundle.analysis_due}) {
        if (due && (!next || *due < *next)) next = due;
      }
    }
    return next;
  }

  void tick(Clock::time_point now) {
    for (auto& [folder, bundle] : workspace_.bundles) {
      if (bundle.check_due && *bundle.check_due <= now) {
        bundle.check_due.reset();
        publish(bundle, false);
      }
      if (bundle.analysis_due && *bundle.analysis_due <= now) {
        bundle.analysis_due.reset();
        if (workspace_.analyse(bundle, now)) publish(bundle, true);
      }
    }
  }

  bool ended = false;
  bool shut_down = false;
  CheckTime last_check() const { return workspace_.last_check; }

 private:
  void refuse(const Json& id, const RequestError& error) {
    send_(dumped({{"jsonrpc", "2.0"}, {"id", id}, {"error", {{"code", error.code}, {"message", error.message}}}}));
  }
  void notify(const std::string& method, const Json& params) { send_(dumped({{"jsonrpc", "2.0"}, {"method", method}, {"params", params}})); }

  Json dispatch(const std::string& method, const Json& params, bool wants_answer) {
    if (method == "exit") {
      ended = true;
      return nullptr;
    }
    if (method == "initialize") {
      if (initialized_) throw RequestError{invalid_request, "the session is initialized"};
      initialized_ = true;
      return {{"capabilities", capabilities(static_cast<bool>(ports_.run_test))}, {"serverInfo", {{"name", "dunlin"}}}};
    }
    if (!initialized_) throw RequestError{server_not_initialized, "`initialize` comes first"};
    if (shut_down) throw RequestError{invalid_request, "the session is shut down"};
    if (method == "shutdown") {
      shut_down = true;
      return nullptr;
    }
    if (method == "$/cancelRequest") {
      cancel(dumped(params.at("id")));
      return nullptr;
    }
    if (method == "textDocument/didOpen") return opened(params);
    if (method == "textDocument/didChange") return changed(params);
    if (method == "textDocument/didClose") return closed(params);
    if (method == "textDocument/didSave" || method == "workspace/didChangeWatchedFiles") return disk_changed();
    if (method == "workspace/symbol") return symbols(params);
    if (method == "workspace/executeCommand") return execute(params);
    if (method == "callHierarchy/incomingCalls" || method == "callHierarchy/outgoingCalls") {
      return stage_calls(method, params, place_of(params.at("item").at("uri").get<std::string>()));
    }
    if (method == "textDocument/completion") {
      const std::string path = path_in(params);
      if (is_letter_file(path) && !workspace_.has_bundle(path)) return nullptr;  // as in opened(): a page of another program makes no bundle
    }
    if (answers(method)) return answer(method, params, place_of(params.at("textDocument").at("uri").get<std::string>()), ports_);
    if (wants_answer) throw RequestError{method_not_found, "there is no method `" + method + "`"};
    return nullptr;  // notifications that nobody knows are passed over
  }

  // ---- documents ----

  static std::string path_in(const Json& params) { return path_of_uri(params.at("textDocument").at("uri").get<std::string>()); }

  Json opened(const Json& params) {
    const std::string path = path_in(params);
    if (path.empty()) return nullptr;
    // A page in a folder `templates` may be of another program.
    if (is_letter_file(path) && !workspace_.has_bundle(path)) return nullptr;
    const Json& document = params.at("textDocument");
    workspace_.documents[path] = {document.at("text").get<std::string>(), document.value("version", int64_t{0})};
    workspace_.changed(workspace_.bundle_of(path), Clock::now(), true);
    return nullptr;
  }

  Json changed(const Json& params) {
    const auto found = workspace_.documents.find(path_in(params));
    if (found == workspace_.documents.end()) return nullptr;
    std::string text = found->second.text;  // all changes or none
    for (const Json& change : params.at("contentChanges")) {
      const std::string written = change.at("text").get<std::string>();
      if (!change.contains("range")) {
        text = written;
        continue;
      }
      const LineMap lines(text);
      const auto place = [&](const char* end) {
        const Json& position = change.at("range").at(end);
        return lines.offset({position.at("line").get<uint32_t>(), position.at("character").get<uint32_t>()});
      };
      const uint32_t begin = place("start");
      const uint32_t end = std::max(begin, place("end"));
      text.replace(begin, end - begin, written);
    }
    found->second = {std::move(text), params.at("textDocument").value("version", int64_t{0})};
    workspace_.changed(workspace_.bundle_of(found->first), Clock::now(), false);
    return nullptr;
  }

  Json closed(const Json& params) {
    const std::string path = path_in(params);
    if (workspace_.documents.erase(path) > 0) workspace_.changed(workspace_.bundle_of(path), Clock::now(), true);
    return nullptr;
  }

  Json disk_changed() {
    for (auto& [folder, bundle] : workspace_.bundles) workspace_.changed(bundle, Clock::now(), true);
    return nullptr;
  }

  Place place_of(const std::string& uri) {
    const std::string path = path_of_uri(uri);
    if (path.empty()) throw RequestError{invalid_params, "`" + uri + "` is no file"};
    // A file of the library is shown as part of the bundle that uses it.
    for (auto& [folder, bundle] : workspace_.bundles) {
      const service::Snapshot& snapshot = workspace_.snapshot(bundle, false);
      for (uint32_t file = 0; file < snapshot.sources.size(); ++file) {
        if (Workspace::path_of(bundle, options_.stdlib, snapshot, file) == path) return {workspace_, bundle, snapshot, options_.stdlib, path, file};
      }
    }
    OpenBundle& bundle = workspace_.bundle_of(path);
    const service::Snapshot& snapshot = workspace_.snapshot(bundle, false);
    const uint32_t file = snapshot.file(Workspace::name_in(bundle, path));
    if (file == Span::no_file) throw RequestError{invalid_params, "`" + path + "` is not open and no file of a bundle"};
    return {workspace_, bundle, snapshot, options_.stdlib, path, file};
  }

  Json symbols(const Json& params) {
    Json list = Json::array();
    for (auto& [folder, bundle] : workspace_.bundles) {
      const Place any{workspace_, bundle, workspace_.snapshot(bundle, false), options_.stdlib, {}, 0};
      for (auto& symbol : workspace_symbols(any, params.value("query", std::string()))) list.push_back(std::move(symbol));
    }
    return list;
  }

  Json execute(const Json& params) {
    const std::string command = params.at("command").get<std::string>();
    if (command != "dunlin.runTest" || !ports_.run_test) throw RequestError{invalid_params, "there is no command `" + command + "`"};
    const Json& arguments = params.at("arguments");
    const std::string said = ports_.run_test(arguments.at(0).get<std::string>(), arguments.at(1).get<std::string>());
    notify("window/showMessage", {{"type", 3}, {"message", said}});
    return said;
  }

  // ---- diagnostics ----

  void publish(OpenBundle& bundle, bool analyse) {
    const service::Snapshot& snapshot = workspace_.snapshot(bundle, analyse, false);
    std::map<uint32_t, std::vector<Diagnostic>> by_file;
    uint32_t home = Span::no_file;  // where what has no place is shown
    for (uint32_t file = 0; file < snapshot.sources.size(); ++file) {
      if (home == Span::no_file && workspace_.documents.contains(Workspace::path_of(bundle, options_.stdlib, snapshot, file))) home = file;
    }
    for (const Diagnostic& diagnostic : snapshot.diagnostics.all()) {
      const uint32_t file = diagnostic.span.known() ? diagnostic.span.file : home;
      if (file != Span::no_file && !snapshot.is_library(file)) by_file[file].push_back(diagnostic);
    }
    if (!snapshot.analysed && snapshot.good && bundle.analysed) keep_analysis(*bundle.analysed, snapshot, by_file);
    std::set<std::string> sent;
    for (const auto& [file, diagnostics] : by_file) {
      const Place place{workspace_, bundle, snapshot, options_.stdlib, {}, file};
      const std::string path = Workspace::path_of(bundle, options_.stdlib, snapshot, file);
      const std::string uri = uri_of_path(path);
      Json params{{"uri", uri}, {"diagnostics", diagnostics_json(place, diagnostics)}};
      if (const auto open = workspace_.documents.find(path); open != workspace_.documents.end()) params["version"] = open->second.version;
      notify("textDocument/publishDiagnostics", params);
      sent.insert(uri);
    }
    for (const std::string& uri : bundle.with_diagnostics) {
      if (!sent.contains(uri)) notify("textDocument/publishDiagnostics", {{"uri", uri}, {"diagnostics", Json::array()}});
    }
    bundle.with_diagnostics = std::move(sent);
    bundle.retired = nullptr;
  }

  /// Between two analyses their warnings stay in files that did not change.
  static void keep_analysis(const service::Snapshot& before, const service::Snapshot& now, std::map<uint32_t, std::vector<Diagnostic>>& by_file) {
    for (const Diagnostic& diagnostic : before.diagnostics.all()) {
      const uint32_t file = diagnostic.span.file;
      if (!is_later_analysis(diagnostic) || !diagnostic.span.known() || file >= now.sources.size()) continue;
      const bool same = before.sources.path(file) == now.sources.path(file) && before.sources.text(file) == now.sources.text(file);
      if (same && !now.is_library(file)) by_file[file].push_back(diagnostic);
    }
  }

  SessionOptions options_;
  Ports ports_;
  std::function<void(const std::string&)> send_;
  Workspace workspace_;
  std::set<std::string> cancelled_;
  bool initialized_ = false;
};

Session::Session(SessionOptions options, Ports ports, std::function<void(const std::string& message)> send)
    : state_(std::make_unique<State>(std::move(options), std::move(ports), std::move(send))) {}
Session::~Session() = default;
void Session::handle(const std::string& message) { state_->handle(message); }
void Session::cancel(const std::string& id) { state_->cancel(id); }
std::optional<Clock::time_point> Session::next_tick() const { return state_->next_tick(); }
void Session::tick(Clock::time_point now) { state_->tick(now); }
bool Session::ended() const { return state_->ended; }
int Session::exit_code() const { return state_->shut_down ? 0 : 1; }
Session::CheckTime Session::last_check() const { return state_->last_check(); }

std::optional<std::string> cancelled_id(const std::string& message) {
  if (message.size() > 1'000 || message.find("$/cancelRequest") == std::string::npos) return std::nullopt;
  const Json request = Json::parse(message, nullptr, false);
  if (!request.is_object() || request.value("method", std::string()) != "$/cancelRequest" || !request.contains("params")) return std::nullopt;
  const Json& params = request.at("params");
  if (!params.is_object() || !params.contains("id")) return std::nullopt;
  return dumped(params.at("id"));
}

}  // namespace dunlin::lsp

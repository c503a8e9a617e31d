#include "server/plan/all_ready.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <thread>

namespace dunlin::server {

namespace {

using Json = nlohmann::ordered_json;
using store::Ask;

std::expected<Json, NotDone> rows_of(store::Service& service, Ask what, const store::Parameters& parameters) {
  auto rows = service.ask(what, parameters);
  if (!rows) return std::unexpected(NotDone{NotDone::Kind::environment, rows.error().message, rows.error().hint});
  return Json::parse(*rows);
}

}  // namespace

std::expected<void, NotDone> all_nodes_ready(store::Service& service, const Runner& next, std::chrono::seconds patience) {
  const std::string& hash = next.program().content_hash;
  auto nodes = rows_of(service, Ask::nodes_not_ready, {""});  // all that live
  if (!nodes) return std::unexpected(nodes.error());
  if (nodes->empty()) return {};
  Json files = Json::array();
  for (const auto& file : next.bundle->files.files) files.push_back({{"path", file.path}, {"text", file.text}});
  auto announced = rows_of(service, Ask::announce_candidate, {hash, files.dump(-1, ' ', false, Json::error_handler_t::replace)});
  if (!announced) return std::unexpected(announced.error());
  const auto end = std::chrono::steady_clock::now() + patience;
  for (;;) {
    nodes = rows_of(service, Ask::nodes_not_ready, {hash});
    if (!nodes) return std::unexpected(nodes.error());
    if (nodes->empty()) return {};
    for (const Json& node : *nodes) {
      if (node["trouble"].is_string()) {
        return std::unexpected(NotDone{NotDone::Kind::conflict,
                                       fmt::format("node {} cannot run this version: {}", node["node"].get<std::string>(), node["trouble"].get<std::string>()),
                                       "nothing was changed; mend that node, or stop it"});
      }
    }
    if (std::chrono::steady_clock::now() > end) {
      return std::unexpected(NotDone{NotDone::Kind::conflict,
                                     fmt::format("node {} has not compiled this version within {} s", (*nodes)[0]["node"].get<std::string>(), patience.count()),
                                     "nothing was changed; look at that node's log, or stop it, and try again"});
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
}

}  // namespace dunlin::server

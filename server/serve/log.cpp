#include "server/serve/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

namespace dunlin::server::log {

void start(const std::string& level) {
  auto logger = spdlog::get("dunlin");
  if (!logger) logger = spdlog::stderr_logger_mt("dunlin");
  // The message is the inside of a JSON object already.
  logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%fZ","level":"%l",%v})", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::info);
}

void write(Level level, const std::string& message, const Fields& fields) {
  const auto logger = spdlog::get("dunlin");
  if (!logger) return;
  nlohmann::ordered_json body{{"message", message}};
  for (const auto& [name, value] : fields) body[name] = value;
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  static constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  logger->log(levels[static_cast<int>(level)], "{}", text.substr(1, text.size() - 2));
}

}  // namespace dunlin::server::log

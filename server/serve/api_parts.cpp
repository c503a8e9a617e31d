#include "server/serve/api_parts.h"

#include <fmt/format.h>

#include "server/serve/instant.h"
#include "server/serve/number_text.h"
#include "server/serve/personal.h"

namespace dunlin::server {

std::string now_text(Api& api) { return precise_text(api.context().scheduler.now()); }

void hide_personal(Api& api, const Call& call, Json& body) {
  if (!call.caller.may("personal")) mask(body, api.active()->personal());
}

std::string whole_number(const Call& call, const char* name, int64_t otherwise, int64_t low, int64_t high) {
  const auto found = call.body.find(name);
  if (found == call.body.end() || found->is_null()) return std::to_string(otherwise);
  // A figure beyond 64 bits is no integer to the reader, or an unsigned one.
  const bool huge = found->is_number_unsigned() && found->get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t value = huge ? INT64_MAX : found->get<int64_t>();
  if (huge || value < low || value > high) throw Problem{422, fmt::format("`{}` is a whole number from {} to {}", name, low, high), "", ""};
  return std::to_string(value);
}

std::string number_in_path(const Call& call, const char* name, const char* of, int64_t high) {
  const auto value = number_in_text(call.path.at(name));
  if (!value || *value < 1 || *value > high) throw Problem{404, fmt::format("{} have numbers", of), "", ""};
  return std::to_string(*value);
}

std::optional<std::string> number_asked(const Call& call, const char* name) {
  const auto given = call.asked(name);
  if (given && !number_in_text(*given)) throw Problem{422, fmt::format("`{}` is the `next` of the page before", name), "", ""};
  return given;
}

std::optional<std::string> external_id_of(const Call& call) {
  if (auto given = call.maybe_text("external_id")) return given;
  return call.request.idempotency_key.empty() ? std::nullopt : std::optional(call.request.idempotency_key);
}

bool flag_of(const Call& call, const char* name) {
  const auto found = call.body.find(name);
  return found != call.body.end() && found->is_boolean() && found->get<bool>();
}

std::string entity_of_call(const Call& call) {
  const auto given = call.maybe_text("entity");
  return given ? *given : call.asked("entity").value_or("account");
}

Json one_row(Json rows, const std::string& otherwise) {
  if (rows.empty()) throw Problem{404, otherwise, "", ""};
  return std::move(rows[0]);
}

const Json& rows_of_body(const Call& call, const char* name, size_t most) {
  const Json& rows = call.body.at(name);
  if (rows.size() > most) throw Problem{413, fmt::format("`{}` has {} rows at most", name, most), "send them in several requests", ""};
  for (const Json& row : rows) {
    if (!row.is_object()) throw Problem{422, fmt::format("each of `{}` is an object", name), "", ""};
  }
  return rows;
}

}  // namespace dunlin::server

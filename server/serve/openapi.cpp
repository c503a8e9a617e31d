#include "server/serve/openapi.h"

#include <algorithm>
#include <cctype>

#include "server/serve/answers.h"
#include "server/serve/split.h"

namespace dunlin::server {

namespace {

bool has_field(const Route& route, const char* name) { return std::ranges::find(route.query, name, &QueryField::name) != route.query.end(); }

/// What a good answer looks like, by media type.
Json content_of(const Route& route) {
  const auto text = [](const char* format = nullptr) {
    Json schema{{"type", "string"}};
    if (format != nullptr) schema["format"] = format;
    return Json{{"schema", std::move(schema)}};
  };
  if (route.streams) return {{"text/event-stream", Json::object()}};
  if (route.pattern == "/metrics") return {{"text/plain", text()}};
  Json content{{"application/json", {{"schema", answer_schema(route.method, route.pattern)}}}};
  if (!has_field(route, "format")) return content;
  if (route.pattern.starts_with("/v1/reports/")) {
    content["text/csv"] = text();
    content["application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"] = text("binary");
  } else {
    content["text/html"] = text();
    content["text/plain"] = text();
  }
  return content;
}

Json responses_of(const Route& route) {
  Json responses = Json::object();
  // What makes or begins something has that one good answer; the other ones stand beside 200.
  const bool alone = std::ranges::any_of(route.also, [](const auto& one) { return one.second == "made" || one.second == "begun"; });
  if (!alone) responses["200"] = {{"description", "done"}, {"content", content_of(route)}};
  for (const auto& [status, what] : route.also) responses[std::to_string(status)] = {{"description", what}, {"content", content_of(route)}};
  const Json any{{"$ref", "#/components/schemas/Problem"}};
  const auto problem_of = [](const Json& schema) {
    return Json{{"description", "what is wrong"}, {"content", {{"application/problem+json", {{"schema", schema}}}}}};
  };
  const Json problem = problem_of(any);
  responses["default"] = problem;
  if (Json more = problem_schema(route.method, route.pattern); !more.is_null()) responses["422"] = problem_of({{"oneOf", Json::array({any, std::move(more)})}});
  if (!route.edits) return responses;
  for (const auto& [status, what] : {std::pair{"412", "it has changed since it was read"}, std::pair{"428", "If-Match is missing"}}) {
    responses[status] = problem;
    responses[status]["description"] = what;
  }
  return responses;
}

/// What the body of a request looks like.
Json body_of(const Route& route) {
  Json properties = Json::object(), required = Json::array();
  for (const BodyField& field : route.body) {
    properties[field.name] = {{"type", field.type}, {"description", field.what}};
    if (!field.each.empty()) properties[field.name]["items"] = shape_schema(field.each);
    if (field.required) required.push_back(field.name);
  }
  Json schema{{"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return {{"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

}  // namespace

Json openapi_document(const std::vector<Route>& routes) {
  Json paths = Json::object();
  for (const Route& route : routes) {
    Json operation{{"summary", route.summary}};
    Json parameters = Json::array();
    for (const std::string& part : split(route.pattern, '/')) {
      if (part.starts_with('{'))
        parameters.push_back({{"name", part.substr(1, part.size() - 2)}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
    }
    for (const QueryField& field : route.query)
      parameters.push_back(
          {{"name", field.name}, {"in", "query"}, {"description", field.what}, {"schema", {{"type", field.name == "limit" ? "integer" : "string"}}}});
    if (route.edits)
      parameters.push_back(
          {{"name", "If-Match"}, {"in", "header"}, {"required", true}, {"description", "ETag of the state that is changed"}, {"schema", {{"type", "string"}}}});
    if (!parameters.empty()) operation["parameters"] = std::move(parameters);
    if (route.method != "GET") operation["requestBody"] = body_of(route);
    operation["responses"] = responses_of(route);
    if (route.right == "-") {
      operation["security"] = Json::array();
    } else if (!route.right.empty()) {
      operation["x-right"] = route.right;
    }
    std::string method = route.method;
    std::ranges::transform(method, method.begin(), [](unsigned char c) { return std::tolower(c); });
    paths[route.pattern][method] = std::move(operation);
  }
  return {{"openapi", "3.1.0"},
          {"info", {{"title", "Dunlin"}, {"version", "1"}}},
          {"security", Json::array({Json{{"token", Json::array()}}, Json{{"password", Json::array()}}})},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"token", {{"type", "http"}, {"scheme", "bearer"}, {"description", "a token of ours, or one of the OpenID provider"}}},
              {"password", {{"type", "http"}, {"scheme", "basic"}, {"description", "name and password of the directory, where the server has one ([ldap])"}}}}},
            {"schemas", named_schemas()}}}};
}

}  // namespace dunlin::server

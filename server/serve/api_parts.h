// What the handlers of the desk share.
#pragma once

#include "server/serve/api.h"

namespace dunlin::server {

/// By the server's clock, which may have been set.
std::string now_text(Api& api);
/// Masks fields marked `personal` for callers without the right to see them.
void hide_personal(Api& api, const Call& call, Json& body);
/// A whole number of the body as a parameter; `otherwise` where it is not given. Throws Problem 422 outside of low … high.
std::string whole_number(const Call& call, const char* name, int64_t otherwise, int64_t low, int64_t high);
/// A number in the path. Throws Problem 404 where it is none, or greater than any can be: `of` are known by numbers.
std::string number_in_path(const Call& call, const char* name, const char* of, int64_t high = INT64_MAX);
/// Where a page begins, of a list that goes by numbers. Throws Problem 422 where it is none.
std::optional<std::string> number_asked(const Call& call, const char* name);
/// `external_id` of the body, else the header Idempotency-Key.
std::optional<std::string> external_id_of(const Call& call);
bool flag_of(const Call& call, const char* name);
/// Kind of instance that a key is of: from the body, else from the query, else account.
std::string entity_of_call(const Call& call);
/// One row, or Problem 404.
Json one_row(Json rows, const std::string& otherwise);
/// Throws Problem 422 where a table of the body has more rows than one request may bring.
const Json& rows_of_body(const Call& call, const char* name, size_t most);

/// The bundle in `files` of the body, checked and compiled. Throws Problem 422 where it has errors.
std::unique_ptr<Runner> runner_of_files(Api& api, const Call& call);
/// A stored version as it would become active again, with those who are pinned.
std::unique_ptr<Runner> runner_of_stored(Api& api, store::Store& store, int32_t version);

}  // namespace dunlin::server

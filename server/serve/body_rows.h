// Text that PostgreSQL cannot keep (a NUL character), in what a request brings: refused with where it stands, alone where rows are judged one by one.
#pragma once

#include <functional>

#include "server/serve/api.h"

namespace dunlin::server {

/// A text anywhere in it, or a name, has a NUL character.
bool has_nul(const Json& value);
/// Throws Problem 422 where a field of the body has one; arrays named in `by_rows` are left to judged_rows().
void refuse_nul(const Json& body, const std::string& by_rows);
/// The name of the array of this route whose rows are judged one by one; empty: none is.
std::string rows_judged_alone(const Route& route);

/// Sends the rows that can be sent and gives the answers in the order of all of `rows`: those that cannot are refused by themselves, with `result`, `code`,
/// `message` and what else `sent` names of a row. `send` answers each of its rows in their order; `nth` in an answer is put right.
Json judged_rows(const Json& rows, const char* named, const std::function<Json(const Json&)>& send);

}  // namespace dunlin::server

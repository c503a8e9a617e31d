// The statements behind store::Ask.
#pragma once

#include "runtime/store/service.h"

namespace dunlin::store {

/// The statement without its frame; its rows become a JSON array.
const char* statement_of(Ask what);
/// Those of the desk: people, files, lists, what was set aside. Empty: it stands among the others.
const char* desk_statement_of(Ask what);

}  // namespace dunlin::store

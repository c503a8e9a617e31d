// Opens the database for small questions (store::Service), its schema brought up to date.
#pragma once

#include <memory>

#include "runtime/store/service.h"
#include "server/open_store.h"
#include "server/plan/second_person.h"

namespace dunlin::server {

/// Whether an answer may take as long as it takes; else a minute.
enum class Patient { no, yes };
/// Null: `exit` is set and all is said.
std::unique_ptr<store::Service> open_service_or_exit(const StoreOptions& given, const CommonOptions& common, int& exit, Patient patient = Patient::no);
Exit exit_of(const NotDone& error);

}  // namespace dunlin::server

// Personal data on its way out: masked for callers without the right to see it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>

namespace dunlin::server {

constexpr const char* masked = "***";

/// Replaces the values of these fields (Runner::personal), wherever they stand in the object.
void mask(nlohmann::ordered_json& body, const std::set<std::string>& names);
/// A stop of contact, as it stands or in the audit: addresses are people's; what a field says is, where the field is.
void mask_stop(nlohmann::ordered_json& stop, const std::set<std::string>* names);  // null: nobody knows what is personal, so all of it may be
/// "debtor.name" reads a personal field.
bool reads_personal(const std::string& read, const std::set<std::string>& names);

}  // namespace dunlin::server

// The work behind `dunlin import --feed`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "runtime/store/service.h"
#include "server/feed_delivery.h"
#include "server/feed_judge.h"
#include "server/open_service.h"
#include "server/plan/proposal.h"

namespace dunlin::server {

using Json = nlohmann::json;
using store::Ask;
using store::Parameters;

namespace {

int refuse(const CommonOptions& common, const store::ServiceError& error) {
  const bool environment = error.kind == store::ServiceError::Kind::unavailable;
  return fail(common, environment ? Exit::environment : Exit::input, error.message, error.hint);
}

}  // namespace

FeedDelivery::FeedDelivery() = default;
FeedDelivery::~FeedDelivery() = default;
FeedDelivery::FeedDelivery(FeedDelivery&&) noexcept = default;
FeedDelivery& FeedDelivery::operator=(FeedDelivery&&) noexcept = default;

std::optional<FeedDelivery> FeedDelivery::begin(const StoreOptions& store, const CommonOptions& common, const FeedFile& file, int& exit) {
  FeedDelivery made;
  made.file_ = file.file;
  const auto hash = import::file_hash(file.file);
  if (!hash) return exit = fail(common, Exit::input, hash.error()), std::nullopt;
  made.hash_ = *hash;
  made.service_ = open_service_or_exit(store, common, exit);
  if (!made.service_) return std::nullopt;
  const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  const std::string name = std::filesystem::path(file.file).filename().string();
  auto answer = made.service_->ask(Ask::feed_begin, {file.feed, given(file.day), name, *hash, user_name(), given(file.at), file.again ? "true" : "false"});
  if (!answer) return exit = refuse(common, answer.error()), std::nullopt;
  const Json row = Json::parse(*answer).at(0);
  made.id_ = row.at("delivery").dump();
  made.day_ = row.at("of_day").get<std::string>();
  made.refusals_ = row.at("refusals").dump();
  const std::string status = row.at("status");
  made.status_ = status == "known" ? Status::known : status == "refused" ? Status::refused : Status::taking;
  if (row.at("reason").is_string()) made.reason_ = row.at("reason");
  return made;
}

std::optional<std::string> FeedDelivery::judge(const import::ImportSummary& tried, const import::ControlTotals* totals) const {
  return feed_refusal(refusals_, tried, totals);
}

int FeedDelivery::end(const CommonOptions& common, const char* status, const import::ImportSummary* tried, const import::ControlTotals* totals,
                      const std::string& reason) {
  Parameters parameters{id_, status, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt, std::nullopt};
  if (tried != nullptr) {
    parameters[2] = std::to_string(tried->rows_read);
    parameters[3] = std::to_string(tried->rows_rejected);
  }
  if (totals != nullptr) {
    if (totals->rows_told) parameters[4] = std::to_string(*totals->rows_told);
    parameters[5] = import::millionths_text(totals->total);
    if (totals->total_told) parameters[6] = import::millionths_text(*totals->total_told);
  }
  if (!reason.empty()) parameters[7] = reason;
  auto answer = service_->ask(Ask::feed_end, parameters);
  if (!answer) return refuse(common, answer.error());
  woken_ = Json::parse(*answer).at(0).at("woken").get<int64_t>();
  return 0;
}

bool FeedDelivery::unchanged() const {
  const auto now = import::file_hash(file_);
  return now && *now == hash_;
}

}  // namespace dunlin::server

// A file of a feed on its way in: tried whole, judged by what the feed says, then taken or refused (docs/guides/import-mapping.md, "Feeds").
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "server/import/control.h"
#include "server/import/importer.h"
#include "server/open_store.h"

namespace dunlin::store {
class Service;
}

namespace dunlin::server {

struct FeedFile {
  std::string feed, day, file;  // day empty: the day of `at`
  std::string at;               // business time, RFC 3339; empty: now
  bool again = false;           // the same bytes may come a second time
};

class FeedDelivery {
 public:
  /// What became of it so far. `known`: these bytes were taken for this day before.
  enum class Status { taking, known, refused };

  FeedDelivery();
  ~FeedDelivery();
  FeedDelivery(FeedDelivery&&) noexcept;
  FeedDelivery& operator=(FeedDelivery&&) noexcept;

  /// Notes that the file is there. Nullopt: `exit` is set and all is said.
  static std::optional<FeedDelivery> begin(const StoreOptions& store, const CommonOptions& common, const FeedFile& file, int& exit);
  Status status() const { return status_; }
  const std::string& day() const { return day_; }
  const std::string& reason() const { return reason_; }

  /// Why the file is refused, after it was tried; nullopt: it is taken. `totals` null: the mapping names none.
  std::optional<std::string> judge(const import::ImportSummary& tried, const import::ControlTotals* totals) const;
  /// Ends it, and with it the hold if it was taken. `tried` null: it was not read. Exit code 0 if that could be written.
  int end(const CommonOptions& common, const char* status, const import::ImportSummary* tried, const import::ControlTotals* totals, const std::string& reason);
  /// Tasks that joined the line because the file came.
  int64_t woken() const { return woken_; }
  /// The file is still what it was when it was tried.
  bool unchanged() const;

 private:
  std::unique_ptr<store::Service> service_;
  std::string id_, day_, reason_, refusals_, hash_, file_;
  Status status_ = Status::taking;
  int64_t woken_ = 0;
};

}  // namespace dunlin::server

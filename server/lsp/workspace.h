// Open documents over the files on disk, and the bundles they belong to. Private to server/lsp.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "lang/service/snapshot.h"
#include "server/lsp/session.h"

namespace dunlin::lsp {

struct Document {
  std::string text;
  int64_t version = 0;
};

/// A folder that is checked as a whole.
struct OpenBundle {
  std::filesystem::path folder;
  BundleSources on_disk;
  bool read = false;  // on_disk is as the disk was when it was last looked at
  ParseCache cache, probe_cache;
  std::shared_ptr<service::Snapshot> snapshot;        // null: the text has changed since
  std::shared_ptr<const service::Snapshot> retired;   // the one before: taken apart when the diagnostics are out, not before somebody waits for them
  std::shared_ptr<const service::Snapshot> analysed;  // the last with gaps and the like looked for
  std::optional<Clock::time_point> check_due, analysis_due;
  int put_off = 0;                         // how often in a row the search for gaps and the like was given up
  std::set<std::string> with_diagnostics;  // uris that were sent some
};

class Workspace {
 public:
  explicit Workspace(SessionOptions options) : options_(std::move(options)) {}

  std::map<std::string, Document> documents;  // by path
  std::map<std::string, OpenBundle> bundles;  // by folder

  /// The bundle a file belongs to: the nearest folder above it in which a file opens a bundle; else the file's own folder.
  OpenBundle& bundle_of(const std::string& path);
  /// Whether a folder above the file opens a bundle: texts that are no rules belong to one, or are nobody's.
  bool has_bundle(const std::string& path) const { return bundle_folder(path).has_value(); }
  /// Name of a file inside its bundle; empty if it is elsewhere.
  static std::string name_in(const OpenBundle& bundle, const std::string& path);
  static std::string path_of(const OpenBundle& bundle, const std::filesystem::path& stdlib, const service::Snapshot& snapshot, uint32_t file);

  /// What is known now. `analyse`: with gaps and the like. Diagnostics need no `names`, and go out before they are looked up.
  const service::Snapshot& snapshot(OpenBundle& bundle, bool analyse, bool names = true);
  /// As snapshot(bundle, true, false), unless somebody waits: then false, nothing is changed, and it is due again after a pause.
  bool analyse(OpenBundle& bundle, Clock::time_point now);
  /// A snapshot in which the file has this text; it is not kept.
  std::shared_ptr<const service::Snapshot> probe(OpenBundle& bundle, const std::string& name, std::string text);
  void changed(OpenBundle& bundle, Clock::time_point now, bool disk);

  Session::CheckTime last_check;

 private:
  BundleSources sources(OpenBundle& bundle);
  bool opens_bundle(const std::filesystem::path& folder) const;
  std::optional<std::filesystem::path> bundle_folder(const std::string& path) const;

  SessionOptions options_;
};

/// file:///a/b%20c -> /a/b c; empty if it is no file.
std::string path_of_uri(const std::string& uri);
std::string uri_of_path(const std::string& path);

}  // namespace dunlin::lsp

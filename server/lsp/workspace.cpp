#include "server/lsp/workspace.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "lang/sema/interruption.h"
#include "lang/service/features.h"

namespace dunlin::lsp {

namespace fs = std::filesystem;

namespace {

/// Whether a line of the text begins with `bundle`.
bool opens(std::string_view text) {
  for (size_t at = text.find("bundle"); at != std::string_view::npos; at = text.find("bundle", at + 1)) {
    size_t begin = at;
    while (begin > 0 && (text[begin - 1] == ' ' || text[begin - 1] == '\t')) --begin;
    const bool first = begin == 0 || text[begin - 1] == '\n';
    if (first && at + 6 < text.size() && (text[at + 6] == ' ' || text[at + 6] == '\t')) return true;
  }
  return false;
}

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string path_of_uri(const std::string& uri) {
  constexpr std::string_view scheme = "file://";
  if (!uri.starts_with(scheme)) return {};
  std::string path;
  for (size_t i = uri.find('/', scheme.size()); i < uri.size(); ++i) {
    if (uri[i] == '%' && i + 2 < uri.size() && hex(uri[i + 1]) >= 0 && hex(uri[i + 2]) >= 0) {
      path += static_cast<char>(hex(uri[i + 1]) * 16 + hex(uri[i + 2]));
      i += 2;
    } else {
      path += uri[i];
    }
  }
  if (find_invalid_utf8(path) != std::string::npos || path.find('\0') != std::string::npos) return {};
  return fs::path(path).lexically_normal().string();
}

std::string uri_of_path(const std::string& path) {
  std::string uri = "file://";
  for (const char c : path) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) || std::string_view("/-._~").find(c) != std::string_view::npos;
    uri += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return uri;
}

bool Workspace::opens_bundle(const fs::path& folder) const {
  for (const auto& [path, document] : documents) {
    if (fs::path(path).parent_path() == folder && path.ends_with(".dun") && opens(document.text)) return true;
  }
  std::error_code error;
  for (fs::directory_iterator walk(folder, error), end; !error && walk != end; walk.increment(error)) {
    if (walk->path().extension() != ".dun" || documents.contains(walk->path().string())) continue;
    std::ifstream in(walk->path(), std::ios::binary);
    std::string text(64u << 10, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(in.gcount()));
    if (opens(text)) return true;
  }
  return false;
}

std::optional<fs::path> Workspace::bundle_folder(const std::string& path) const {
  constexpr int levels_max = 6;
  fs::path candidate = fs::path(path).parent_path();
  for (int level = 0; level < levels_max && candidate.has_relative_path(); ++level, candidate = candidate.parent_path()) {
    if (opens_bundle(candidate)) return candidate;
  }
  return std::nullopt;
}

OpenBundle& Workspace::bundle_of(const std::string& path) {
  for (auto& [folder, bundle] : bundles) {
    const fs::path relative = fs::path(path).lexically_relative(folder);
    if (!relative.empty() && *relative.begin() != "..") return bundle;
  }
  const fs::path folder = bundle_folder(path).value_or(fs::path(path).parent_path());
  OpenBundle& made = bundles[folder.string()];
  made.folder = folder;
  return made;
}

std::string Workspace::name_in(const OpenBundle& bundle, const std::string& path) {
  const fs::path relative = fs::path(path).lexically_relative(bundle.folder);
  if (relative.empty() || *relative.begin() == "..") return {};
  return relative.generic_string();
}

std::string Workspace::path_of(const OpenBundle& bundle, const fs::path& stdlib, const service::Snapshot& snapshot, uint32_t file) {
  const std::string& name = snapshot.sources.path(file);
  return (snapshot.is_library(file) ? stdlib / name : bundle.folder / name).lexically_normal().string();
}

BundleSources Workspace::sources(OpenBundle& bundle) {
  if (!bundle.read) {
    Diagnostics unheard;
    SourceMap unused;
    bundle.on_disk = read_bundle(bundle.folder, unheard, unused);
    bundle.read = true;
  }
  BundleSources current = bundle.on_disk;
  for (const auto& [path, document] : documents) {
    const std::string name = name_in(bundle, path);
    if (name.empty()) continue;
    const auto place =
        std::lower_bound(current.files.begin(), current.files.end(), name, [](const SourceFile& file, const std::string& n) { return file.path < n; });
    if (place != current.files.end() && place->path == name) {
      place->text = document.text;
    } else {
      current.files.insert(place, {name, document.text});
    }
  }
  return current;
}

const service::Snapshot& Workspace::snapshot(OpenBundle& bundle, bool analyse, bool names) {
  if (bundle.snapshot && (!analyse || bundle.snapshot->analysed)) {
    if (names) service::name_things(*bundle.snapshot);
    return *bundle.snapshot;
  }
  const auto begin = Clock::now();
  const size_t parsed = bundle.cache.parsed();
  service::SnapshotOptions options;
  options.check.stdlib = options_.stdlib;
  options.check.analyse = analyse;
  options.names = names;
  bundle.snapshot = service::take_snapshot(sources(bundle), options, bundle.cache);
  if (analyse) bundle.analysed = bundle.snapshot;
  last_check = {std::chrono::duration<double, std::milli>(Clock::now() - begin).count(), bundle.cache.parsed() - parsed, analyse};
  return *bundle.snapshot;
}

bool Workspace::analyse(OpenBundle& bundle, Clock::time_point now) {
  constexpr int put_off_max = 20;  // an editor that asks without a pause is told, too
  const sema::Interruptible asked(bundle.put_off < put_off_max ? options_.interrupted : nullptr);
  try {
    snapshot(bundle, true, false);
    bundle.put_off = 0;
    return true;
  } catch (const sema::Interrupted&) {
    ++bundle.put_off;
    bundle.analysis_due = now + options_.analysis_debounce;
    return false;
  }
}

std::shared_ptr<const service::Snapshot> Workspace::probe(OpenBundle& bundle, const std::string& name, std::string text) {
  BundleSources marked = sources(bundle);
  for (SourceFile& file : marked.files) {
    if (file.path == name) file.text = std::move(text);
  }
  service::SnapshotOptions options;
  options.check.stdlib = options_.stdlib;
  options.check.analyse = false;
  options.marker = service::completion_marker;
  return service::take_snapshot(marked, options, bundle.probe_cache);
}

void Workspace::changed(OpenBundle& bundle, Clock::time_point now, bool disk) {
  if (bundle.snapshot) bundle.retired = std::move(bundle.snapshot);
  bundle.snapshot = nullptr;
  if (disk) bundle.read = false;
  bundle.check_due = now + options_.debounce;
  bundle.analysis_due = now + options_.analysis_debounce;
}

}  // namespace dunlin::lsp

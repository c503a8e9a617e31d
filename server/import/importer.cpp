#include "server/import/importer.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/diag/source.h"

namespace dunlin::import {
namespace {

uint64_t mixed(uint64_t seed, uint64_t value) {
  uint64_t z = seed + 0x9E3779B97F4A7C15ull + value;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
  return z ^ (z >> 31);
}

uint64_t hash_text(uint64_t seed, std::string_view text) {
  uint64_t hash = seed ^ 0xCBF29CE484222325ull;
  for (unsigned char c : text) hash = (hash ^ c) * 0x100000001B3ull;
  return mixed(hash, text.size());
}

std::string utc_text(store::Instant at) {
  const int64_t seconds = at / abi::us_per_second, day = seconds / 86'400, rest = seconds % 86'400;
  return fmt::format("{}T{:02}:{:02}:{:02}Z", date_text(day), rest / 3600, rest / 60 % 60, rest % 60);
}

/// A rejected row may hold any bytes; what is kept of it must be text that a database takes.
std::string as_text(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    size_t good = std::min(find_invalid_utf8(bytes), bytes.find('\0'));
    text += bytes.substr(0, good);
    if (good >= bytes.size()) break;
    text += fmt::format("\\x{:02X}", static_cast<unsigned char>(bytes[good]));
    bytes.remove_prefix(good + 1);
  }
  return text;
}

std::string with_end(const std::string& line, bool crlf) { return line + (crlf ? "\r\n" : "\n"); }

bool is_text(const checked::Type& type) {
  using checked::TypeKind;
  return type.kind == TypeKind::text || type.kind == TypeKind::timezone || type.kind == TypeKind::file || type.kind == TypeKind::location;
}

/// Texts are pointers in the slots: their bytes count, not their place.
uint64_t hash_slots(uint64_t seed, const std::vector<checked::Field>& fields, const std::vector<int64_t>& slots) {
  for (const auto& field : fields) {
    size_t at = static_cast<size_t>(field.slot);
    if (field.type.optional) {
      seed = mixed(seed, static_cast<uint64_t>(slots[at]));
      if (slots[at++] == 0) continue;
    }
    if (is_text(field.type)) {
      const auto* text = reinterpret_cast<const abi::Text*>(slots[at]);
      seed = hash_text(seed, text ? text->view() : std::string_view());
    } else {
      seed = mixed(seed, static_cast<uint64_t>(slots[at]));
    }
  }
  return seed;
}

void add_counts(store::ImportCounts& sum, const store::ImportCounts& more) {
  sum.inserted += more.inserted;
  sum.changed += more.changed;
  sum.unchanged += more.unchanged;
  sum.duplicates += more.duplicates;
  sum.set_aside += more.set_aside;
  sum.older += more.older;
  sum.differs += more.differs;
}

class Import {
 public:
  /// `store` null: nothing is written.
  Import(store::Store* store, const checked::Program& program, RowMapper& mapper, RowSource& source, const ImportOptions& options)
      : store_(store), program_(program), mapper_(mapper), source_(source), options_(options) {
    instances_.resize(program.entities.size());
  }

  store::Result<ImportSummary> run() {
    Row row;
    Rejection rejection;
    while (true) {
      auto next = source_.next(row, rejection);
      if (next == RowSource::Next::end) break;
      ++summary_.rows_read;
      if (next == RowSource::Next::rejected) {
        reject(std::move(rejection));
      } else {
        take(row);
      }
      if (++in_batch_ >= options_.batch_rows) {
        if (auto done = flush(); !done) return std::unexpected(done.error());
      }
    }
    if (auto done = flush(); !done) return std::unexpected(done.error());
    return std::move(summary_);
  }

 private:
  void take(const Row& row) {
    auto done = mapper_.map(row, source_.header(), arena_, mapped_);
    if (!done) return reject(std::move(done.error()), row.crlf);
    for (const auto& event : mapped_.events) {
      auto refusal = options_.refuses ? options_.refuses(event) : std::nullopt;
      if (refusal)
        return reject({row.line, "", fmt::format("{}: {}", program_.events[static_cast<size_t>(event.type)].name, *refusal), row_text(row), row.crlf});
    }
    if (!without_contradiction(row)) return;
    ++summary_.rows_taken;
    if ((options_.rejected || options_.older || !mapped_.events.empty()) && store_ != nullptr) remember_lines(row);
    for (size_t i = 0; i < mapped_.instances.size(); ++i) {
      if (fresh_instances_[i]) instances_[static_cast<size_t>(mapped_.instances[i].entity)].push_back(std::move(mapped_.instances[i]));
    }
    for (size_t i = 0; i < mapped_.events.size(); ++i) {
      if (!fresh_events_[i]) continue;
      ++summary_.event_rows[program_.events[static_cast<size_t>(mapped_.events[i].type)].name];
      events_.push_back(std::move(mapped_.events[i]));
    }
  }

  /// Finds what the file said before. A row that says something else of a known key is set aside whole.
  bool without_contradiction(const Row& row) {
    fresh_instances_.clear();
    fresh_events_.clear();
    int64_t before = 0;
    bool repeated = false;
    auto contradicts = [&](std::string_view what, const std::string& key, std::string column) {
      seen_.forget();
      reject({row.line, std::move(column), fmt::format("{} `{}` stands in line {} with other values", what, key, before), row_text(row), row.crlf});
      return false;
    };
    for (const auto& instance : mapped_.instances) {
      auto seen = seen_.look(program_, instance, row.line, before);
      if (seen == SeenKeys::Seen::contradicts)
        return contradicts(program_.entities[static_cast<size_t>(instance.entity)].name, instance.key, mapper_.key_column(instance));
      fresh_instances_.push_back(seen == SeenKeys::Seen::first);
      repeated = repeated || (seen == SeenKeys::Seen::same && is_subject(instance));
    }
    for (const auto& event : mapped_.events) {
      auto seen = seen_.look(program_, event, row.line, before);
      if (seen == SeenKeys::Seen::contradicts)
        return contradicts(program_.events[static_cast<size_t>(event.type)].name, event.external_id, mapper_.key_column(event));
      fresh_events_.push_back(seen == SeenKeys::Seen::first);
      repeated = repeated || seen == SeenKeys::Seen::same;
    }
    seen_.keep();
    if (repeated) ++summary_.rows_repeated;
    return true;
  }

  /// A debtor that comes again with each account is ordinary; the lowest entity of a row coming again is a repetition.
  bool is_subject(const store::InstanceRow& instance) const { return &instance == &mapped_.instances.back() && mapped_.events.empty(); }

  void reject(Rejection rejection, bool crlf) {
    rejection.crlf = crlf;
    reject(std::move(rejection));
  }

  void reject(Rejection rejection) {
    ++summary_.rows_rejected;
    if (options_.rejected && rejection.whole) rejection.bytes = with_end(rejection.body, rejection.crlf);
    rejection.reason = as_text(rejection.reason);
    rejection.body = as_text(rejection.body);
    store::SetAside aside;
    aside.kind = "row";
    aside.where = fmt::format("{}:{}", source_.name(), rejection.line);
    aside.reason = rejection.reason;
    aside.body = rejection.body;
    aside.at = options_.as_of;
    aside_.push_back(std::move(aside));
    if (options_.rejected) options_.rejected(rejection, false);
    rejection.bytes.clear();
    if (summary_.first_rejections.size() < 20) summary_.first_rejections.push_back(std::move(rejection));
  }

  store::Result<void> flush() {
    if (store_ != nullptr) {
      if (auto done = write(); !done) return done;
    }
    for (auto& rows : instances_) rows.clear();
    events_.clear();
    aside_.clear();
    arena_.clear();
    lines_.clear();
    in_batch_ = 0;
    if (options_.progress) options_.progress(source_.position(), source_.total());
    return {};
  }

  store::Result<void> write() {
    if (!aside_.empty()) {
      if (auto done = store_->set_aside(aside_); !done) return done;
    }
    // Parents stand before children in the program, so what hangs on something comes after it.
    for (size_t i = 0; i < instances_.size(); ++i) {
      if (instances_[i].empty()) continue;
      std::vector<store::OlderRow> older;
      auto counts =
          store_->put_rows(program_, instances_[i], {.as_of = options_.as_of, .correct = options_.correct, .older = options_.older ? &older : nullptr});
      if (!counts) return std::unexpected(counts.error());
      for (const auto& row : older) {
        const auto line = lines_.find(row.entity + " " + row.key);
        options_.older(row, line == lines_.end() ? 0 : line->second.number);
      }
      add_counts(summary_.entities[program_.entities[i].name], *counts);
      tell_set_aside(counts->set_aside, "row");
    }
    if (!events_.empty()) {
      auto counts = store_->post_events(program_, events_);
      if (!counts) return std::unexpected(counts.error());
      add_counts(summary_.events, *counts);
      tell_events(*counts);
    }
    return {};
  }

  /// Which line a row came from, by what the store will call it.
  void remember_lines(const Row& row) {
    const KnownLine line{row.line, row_text(row), row.crlf};
    for (const auto& instance : mapped_.instances) lines_[program_.entities[static_cast<size_t>(instance.entity)].name + " " + instance.key] = line;
    for (const auto& event : mapped_.events) {
      const auto owner = program_.events[static_cast<size_t>(event.type)].owner;
      if (owner >= 0) lines_[program_.entities[static_cast<size_t>(owner)].name + " " + event.owner_key] = line;
    }
  }

  /// Events without their account, and those that are known with other content.
  void tell_events(const store::ImportCounts& counts) {
    if (counts.differs > 0) {
      const auto newest = store_->quarantine(counts.differs + counts.set_aside);
      for (size_t i = newest ? newest->size() : 0; i-- > 0 && summary_.first_differing.size() < 20;) {
        const store::SetAside& aside = (*newest)[i];
        if (aside.kind != "row") continue;
        const auto line = lines_.find(aside.where);
        const std::string place = line == lines_.end() ? "" : fmt::format("{}:{}: ", source_.name(), line->second.number);
        summary_.first_differing.push_back(place + aside.where + ": " + aside.reason);
      }
    }
    tell_set_aside(counts.set_aside + counts.differs, "");
  }

  void tell_set_aside(int64_t count, const std::string& kind) {
    if (!options_.rejected || count == 0) return;
    const auto newest = store_->quarantine(count);
    if (!newest) return;
    for (const auto& aside : *newest) {
      if (!kind.empty() && aside.kind != kind) continue;
      const auto line = lines_.find(aside.where);
      const bool known = line != lines_.end();
      Rejection rejection{0, "", aside.where + ": " + aside.reason, aside.body, false, known};
      if (known) {
        rejection.line = line->second.number;
        rejection.body = line->second.text;
        rejection.bytes = with_end(line->second.text, line->second.crlf);
      }
      options_.rejected(rejection, true);
    }
  }

  store::Store* store_;
  const checked::Program& program_;
  RowMapper& mapper_;
  RowSource& source_;
  const ImportOptions& options_;
  ImportSummary summary_;
  SeenKeys seen_;
  abi::Arena arena_;
  MappedRow mapped_;
  std::vector<bool> fresh_instances_, fresh_events_;
  std::vector<std::vector<store::InstanceRow>> instances_;
  std::vector<store::EventRow> events_;
  std::vector<store::SetAside> aside_;
  struct KnownLine {
    int64_t number = 0;
    std::string text;
    bool crlf = false;
  };
  std::unordered_map<std::string, KnownLine> lines_;  // of the batch
  size_t in_batch_ = 0;
};

}  // namespace

SeenKeys::Seen SeenKeys::remember(uint64_t key, uint64_t content, int64_t line, int64_t& line_before) {
  auto found = entries_.find(key);
  if (found != entries_.end()) {
    line_before = found->second.line;
    return found->second.content == content ? Seen::same : Seen::contradicts;
  }
  if (entries_.size() < limit_) {
    entries_.emplace(key, Entry{content, line});
    tentative_.push_back(key);
  }
  return Seen::first;
}

void SeenKeys::forget() {
  for (uint64_t key : tentative_) entries_.erase(key);
  tentative_.clear();
}

SeenKeys::Seen SeenKeys::look(const checked::Program& program, const store::InstanceRow& row, int64_t line, int64_t& line_before) {
  uint64_t key = hash_text(static_cast<uint64_t>(row.entity) + 1, row.key);
  uint64_t content = hash_slots(hash_text(hash_text(7, row.root_key), row.parent_key), program.entities[static_cast<size_t>(row.entity)].fields, row.slots);
  return remember(key, content, line, line_before);
}

SeenKeys::Seen SeenKeys::look(const checked::Program& program, const store::EventRow& row, int64_t line, int64_t& line_before) {
  uint64_t key = mixed(hash_text(hash_text(hash_text(0, row.source), row.external_id), row.owner_key), static_cast<uint64_t>(row.entity));
  uint64_t content = mixed(hash_text(hash_text(7, row.root_key), row.owner_key), static_cast<uint64_t>(row.at));
  content = mixed(content, static_cast<uint64_t>(row.type));
  return remember(key, hash_slots(content, program.events[static_cast<size_t>(row.type)].fields, row.slots), line, line_before);
}

int64_t ImportSummary::older() const {
  int64_t sum = 0;
  for (const auto& [name, counts] : entities) sum += counts.older;
  return sum;
}

std::optional<std::string> ahead_of_clock(store::Instant as_of, store::Instant clock) {
  constexpr store::Instant day = 25LL * 3600 * 1'000'000;
  if (as_of <= clock + day) return std::nullopt;
  return fmt::format("{} lies ahead: it is {} now, and nothing is known of later yet", utc_text(as_of), utc_text(clock));
}

store::Result<ImportSummary> import_rows(store::Store& store, const checked::Program& program, RowMapper& mapper, RowSource& source,
                                         const ImportOptions& options) {
  return Import(&store, program, mapper, source, options).run();
}

ImportSummary try_rows(const checked::Program& program, RowMapper& mapper, RowSource& source, const ImportOptions& options) {
  return *Import(nullptr, program, mapper, source, options).run();
}

}  // namespace dunlin::import

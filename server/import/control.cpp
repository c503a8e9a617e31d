#include "server/import/control.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <fstream>

#include "server/import/exact_figure.h"

namespace dunlin::import {

namespace {

constexpr int digits = 6;

std::string trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

class Controlled : public RowSource {
 public:
  Controlled(std::unique_ptr<RowSource> source, const std::filesystem::path& file, const ControlSettings& settings, ControlTotals& totals)
      : source_(std::move(source)), settings_(settings), totals_(totals) {
    totals_ = {};
    if (!settings_.beside.empty()) read_beside(file);
    column_ = settings_.total_of.empty() ? -1 : source_->header().find(settings_.total_of);
  }

  const std::string& name() const override { return source_->name(); }
  const Header& header() const override { return source_->header(); }
  std::string head() const override { return source_->head(); }
  bool header_is_complete() const override { return source_->header_is_complete(); }
  int64_t position() const override { return source_->position(); }
  int64_t total() const override { return source_->total(); }

  Next next(Row& row, Rejection& rejection) override {
    row.cells.clear();
    row.text.clear();
    const Next got = source_->next(row, rejection);
    if (got == Next::end) {
      if (!settings_.trailer.empty() && !totals_.found && totals_.trouble.empty())
        totals_.trouble = fmt::format("the last line, which begins with `{}`, is missing: the file is not whole", settings_.trailer);
      return got;
    }
    if (ended_) {
      totals_.found = false;
      totals_.trouble = "there are lines behind the last one";
      if (got == Next::row) rejection = {row.line, "", "", row_text(row), row.crlf};
      rejection.reason = "this line stands behind the last one";
      return Next::rejected;
    }
    // A trailer has fewer cells than a row, so the reader hands it over as rejected, with its cells.
    if (!settings_.trailer.empty() && !row.cells.empty() && trimmed(row.cells.front()) == settings_.trailer) {
      read_trailer(row);
      ended_ = true;
      return next(row, rejection);
    }
    ++totals_.rows;
    if (!settings_.total_of.empty()) sum(got, row);
    return got;
  }

 private:
  void sum(Next got, const Row& row) {
    if (column_ < 0) column_ = source_->header().find(settings_.total_of);  // JSON lines learn their columns on the way
    const bool there = got == Next::row && column_ >= 0 && static_cast<size_t>(column_) < row.cells.size();
    if (there && trimmed(row.cells[static_cast<size_t>(column_)]).empty()) return;
    const auto figure =
        there ? read_figure(trimmed(row.cells[static_cast<size_t>(column_)]), settings_.format, digits, "figure") : std::unexpected(std::string());
    if (!figure || __builtin_add_overflow(totals_.total, *figure, &totals_.total)) ++totals_.unsummed;
  }

  std::optional<int64_t> figure(const std::string& text, const char* what, int places) {
    const auto read = read_figure(text, settings_.format, places, what);
    if (read) return *read;
    totals_.trouble = fmt::format("the control totals cannot be read: {} `{}`", what, text);
    return std::nullopt;
  }

  void read_trailer(const Row& row) {
    const auto cell = [&](size_t at) { return at == 0 || at > row.cells.size() ? "" : trimmed(row.cells[at - 1]); };
    if (!cell(settings_.rows_at).empty()) totals_.rows_told = figure(cell(settings_.rows_at), "number of rows", 0);
    if (!cell(settings_.total_at).empty()) totals_.total_told = figure(cell(settings_.total_at), "total", digits);
    const bool told_total = settings_.total_of.empty() || settings_.total_at == 0 || !cell(settings_.total_at).empty();
    if (!told_total && totals_.rows_told && totals_.trouble.empty())
      totals_.trouble = fmt::format("the last line (line {}) tells no total of `{}`: it was cut off", row.line, settings_.total_of);
    finish(fmt::format("the last line tells neither rows nor a total (line {})", row.line));
  }

  /// Lines `rows = 1200` and `total = 45210.55`; `:`, `;` and `,` do as well as `=`.
  void read_beside(const std::filesystem::path& file) {
    std::string name = settings_.beside;
    if (const size_t at = name.find("{file}"); at != std::string::npos) name.replace(at, 6, file.filename().string());
    const std::filesystem::path path = file.parent_path() / name;
    std::ifstream in(path, std::ios::binary);
    if (!in) {
      totals_.trouble = fmt::format("`{}`, which has the control totals, is not there", path.string());
      return;
    }
    std::string line;
    for (int count = 0; std::getline(in, line) && count < 100; ++count) {
      const size_t sign = line.find_first_of("=:;,");
      if (sign == std::string::npos) continue;
      const std::string word = trimmed(std::string_view(line).substr(0, sign)), value = trimmed(std::string_view(line).substr(sign + 1));
      if (word == "rows") totals_.rows_told = figure(value, "number of rows", 0);
      if (word == "total") totals_.total_told = figure(value, "total", digits);
    }
    if (totals_.rows_told && !totals_.total_told && !settings_.total_of.empty() && totals_.trouble.empty())
      totals_.trouble = fmt::format("`{}` tells no `total` of `{}`", path.string(), settings_.total_of);
    finish(fmt::format("`{}` tells neither `rows` nor `total`", path.string()));
  }

  void finish(const std::string& nothing) {
    if (!totals_.trouble.empty()) return;
    if (!totals_.rows_told && !totals_.total_told) {
      totals_.trouble = nothing;
    } else if (totals_.total_told && settings_.total_of.empty()) {
      totals_.trouble = "a total is told, and the mapping does not say of which column: `total_of`";
    }
    totals_.found = totals_.trouble.empty();
  }

  std::unique_ptr<RowSource> source_;
  const ControlSettings settings_;
  ControlTotals& totals_;
  int column_ = -1;
  bool ended_ = false;
};

}  // namespace

std::string millionths_text(int64_t value) {
  const bool minus = value < 0;
  const uint64_t size = minus ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string text = fmt::format("{}{}.{:06}", minus ? "-" : "", size / 1'000'000, size % 1'000'000);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string ControlTotals::difference() const {
  if (!found) return trouble;
  if (rows_told && *rows_told != rows) return fmt::format("the control totals tell of {} rows, and {} came", *rows_told, rows);
  if (total_told && (*total_told != total || unsummed > 0)) {
    return fmt::format("the control total is {}, and the rows come to {}{}", millionths_text(*total_told), millionths_text(total),
                       unsummed == 0 ? std::string() : fmt::format(" ({} of them have no figure that can be read)", unsummed));
  }
  return "";
}

std::unique_ptr<RowSource> controlled(std::unique_ptr<RowSource> source, const std::filesystem::path& file, const ControlSettings& settings,
                                      ControlTotals& totals) {
  return std::make_unique<Controlled>(std::move(source), file, settings, totals);
}

std::expected<std::string, std::string> file_hash(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) return std::unexpected(fmt::format("`{}` cannot be read", file.string()));
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> digest(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(digest.get(), EVP_sha256(), nullptr);
  std::array<char, 1 << 16> piece;
  while (in.read(piece.data(), piece.size()) || in.gcount() > 0) EVP_DigestUpdate(digest.get(), piece.data(), static_cast<size_t>(in.gcount()));
  if (in.bad()) return std::unexpected(fmt::format("`{}` cannot be read to its end", file.string()));
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes;
  unsigned int count = 0;
  EVP_DigestFinal_ex(digest.get(), bytes.data(), &count);
  std::string hex;
  for (unsigned int i = 0; i < count; ++i) hex += fmt::format("{:02x}", bytes[i]);
  return hex;
}

}  // namespace dunlin::import

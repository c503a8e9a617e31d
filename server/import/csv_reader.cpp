#include "server/import/csv_reader.h"

#include <optional>

#include <fmt/format.h>

#include "lang/diag/source.h"
#include "server/import/line_reader.h"

namespace dunlin::import {
namespace {

/// What is kept of a line that is too long: enough to see what it was.
constexpr size_t kept_bytes_max = 64u << 10;

enum class Parsed { done, quote_open, text_after_quote };

/// Splits one record into cells. `quote_open`: the record ends inside quotes and goes on in the next line.
Parsed split(std::string_view record, char delimiter, std::vector<std::string>& cells) {
  cells.clear();
  size_t at = 0;
  while (true) {
    std::string& cell = cells.emplace_back();
    if (at < record.size() && record[at] == '"') {
      ++at;
      while (true) {
        size_t quote = record.find('"', at);
        if (quote == std::string_view::npos) return Parsed::quote_open;
        cell += record.substr(at, quote - at);
        at = quote + 1;
        if (at >= record.size() || record[at] != '"') break;
        cell += '"';
        ++at;
      }
      if (at < record.size() && record[at] != delimiter) return Parsed::text_after_quote;
    } else {
      size_t end = record.find(delimiter, at);
      if (end == std::string_view::npos) end = record.size();
      cell = record.substr(at, end - at);
      at = end;
    }
    if (at >= record.size()) return Parsed::done;
    ++at;
  }
}

class CsvReader final : public RowSource {
 public:
  CsvReader(std::string name, LineReader lines, const CsvOptions& options) : name_(std::move(name)), lines_(std::move(lines)), options_(options) {}

  const std::string& name() const override { return name_; }
  const Header& header() const override { return header_; }
  std::string head() const override { return head_; }
  int64_t position() const override { return lines_.bytes_read(); }
  int64_t total() const override { return lines_.bytes_total(); }

  /// One sentence if there is something wrong with the first line.
  std::string read_header() {
    Row row;
    Rejection rejection;
    Next got = read_record(row, rejection);
    if (got == Next::end) return "the file holds only empty lines";
    if (got == Next::rejected) return rejection.reason;
    head_ = lines_.mark();
    if (!options_.header) {
      for (size_t i = 0; i < row.cells.size(); ++i) header_.add(std::to_string(i + 1));
      first_ = std::move(row);
      return "";
    }
    head_ += row.text + (row.crlf ? "\r\n" : "\n");
    for (auto& cell : row.cells) {
      auto name = trimmed(cell);
      if (name.empty()) return fmt::format("column {} has no name", header_.size() + 1);
      if (header_.find(name) >= 0) return fmt::format("two columns are called `{}`", name);
      header_.add(name);
    }
    return "";
  }

  Next next(Row& row, Rejection& rejection) override {
    if (first_) {
      row = std::move(*first_);
      first_.reset();
      return Next::row;
    }
    Next got = read_record(row, rejection);
    if (got != Next::row || row.cells.size() == header_.size()) return got;
    reject(rejection, row.line, fmt::format("the row has {} columns where {} are expected", row.cells.size(), header_.size()), row_text(row), row.crlf);
    return Next::rejected;
  }

 private:
  static std::string trimmed(std::string_view text) {
    auto first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return "";
    return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
  }

  static void reject(Rejection& rejection, int64_t line, std::string reason, std::string body, bool crlf) {
    rejection = {line, "", std::move(reason), std::move(body), crlf};
  }

  Next reject_long(Rejection& rejection, const Line& line) {
    reject(rejection, line.number, fmt::format("the line is longer than {} bytes", options_.record_bytes_max), line.text.substr(0, kept_bytes_max), false);
    rejection.whole = false;
    return Next::rejected;
  }

  Next read_record(Row& row, Rejection& rejection) {
    Line line;
    do {
      if (!lines_.next(line)) return Next::end;
    } while (line.text.empty() && !line.too_long);
    if (line.too_long) return reject_long(rejection, line);
    row.line = line.number;
    row.text.clear();
    Parsed parsed = split(line.text, options_.delimiter, row.cells);
    std::string record = line.text;
    row.crlf = line.crlf;
    std::string came;  // a record of several lines with their ends
    if (parsed == Parsed::quote_open) parsed = join_lines(record, row, line.crlf, came);
    if (parsed == Parsed::quote_open) {
      reject(rejection, line.number, "a quote is opened and never closed", line.text, line.crlf);
      return Next::rejected;
    }
    if (parsed == Parsed::text_after_quote) {
      reject(rejection, line.number, "there is text behind a closing quote", came.empty() ? record : came, row.crlf);
      return Next::rejected;
    }
    if (size_t bad = find_invalid_utf8(record); bad != std::string_view::npos) {
      reject(rejection, line.number, fmt::format("byte {} of the row is not valid UTF-8; save the file as UTF-8", bad + 1), came.empty() ? record : came,
             row.crlf);
      return Next::rejected;
    }
    if (size_t zero = record.find('\0'); zero != std::string::npos) {
      reject(rejection, line.number, fmt::format("byte {} of the row is zero; no text has one", zero + 1), came.empty() ? record : came, row.crlf);
      return Next::rejected;
    }
    row.text = came.empty() ? std::move(record) : std::move(came);
    return Next::row;
  }

  /// Adds lines until the quote closes. Where it does not, all but the first line are read again as rows of their own.
  Parsed join_lines(std::string& record, Row& row, bool crlf, std::string& came) {
    std::vector<Line> taken;
    const std::string first = record;
    const bool first_crlf = crlf;
    came = record;
    Parsed parsed = Parsed::quote_open;
    Line line;
    while (parsed == Parsed::quote_open && lines_.next(line)) {
      taken.push_back(line);
      if (line.too_long || record.size() + line.text.size() > options_.record_bytes_max) break;
      record += '\n';
      record += line.text;
      came += crlf ? "\r\n" : "\n";
      came += line.text;
      crlf = line.crlf;
      // Only a line with a quote in it can end the cell: splitting at every line would be quadratic.
      if (line.text.find('"') != std::string::npos) parsed = split(record, options_.delimiter, row.cells);
    }
    bool swallowed =
        parsed == Parsed::text_after_quote || (parsed == Parsed::done && options_.header && header_.size() > 0 && row.cells.size() != header_.size());
    row.crlf = crlf;
    if (parsed == Parsed::done && !swallowed) return parsed;
    lines_.put_back(std::move(taken));
    record = first;
    came.clear();
    row.crlf = first_crlf;
    return Parsed::quote_open;
  }

  std::string name_;
  LineReader lines_;
  CsvOptions options_;
  Header header_;
  std::string head_;
  std::optional<Row> first_;
};

}  // namespace

std::expected<std::unique_ptr<RowSource>, std::string> open_csv(const std::filesystem::path& file, const CsvOptions& options) {
  auto lines = LineReader::open(file, options.record_bytes_max);
  if (!lines) return std::unexpected(lines.error());
  auto reader = std::make_unique<CsvReader>(file.filename().string(), std::move(*lines), options);
  if (auto problem = reader->read_header(); !problem.empty()) return std::unexpected("`" + file.string() + "` cannot be read: " + problem);
  return reader;
}

}  // namespace dunlin::import

#include "server/import/json_lines_reader.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "lang/diag/source.h"
#include "server/import/line_reader.h"

namespace dunlin::import {
namespace {

/// Rejects text that would make the JSON reader go deep before it is asked to read it.
bool nested_too_deep(std::string_view text) {
  constexpr int nesting_max = 8;
  int depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (quoted) {
      if (c == '\\') ++i;
      if (c == '"') quoted = false;
    } else if (c == '"') {
      quoted = true;
    } else if (c == '{' || c == '[') {
      if (++depth > nesting_max) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

class JsonLinesReader final : public RowSource {
 public:
  JsonLinesReader(std::string name, LineReader lines, size_t line_bytes_max)
      : name_(std::move(name)), lines_(std::move(lines)), line_bytes_max_(line_bytes_max) {}

  const std::string& name() const override { return name_; }
  const Header& header() const override { return header_; }
  std::string head() const override { return lines_.mark(); }
  bool header_is_complete() const override { return false; }
  int64_t position() const override { return lines_.bytes_read(); }
  int64_t total() const override { return lines_.bytes_total(); }

  Next next(Row& row, Rejection& rejection) override {
    Line line;
    do {
      if (!lines_.next(line)) return Next::end;
    } while (line.text.find_first_not_of(" \t") == std::string::npos && !line.too_long);
    std::string reason = read(line, row);
    row.crlf = line.crlf;
    if (reason.empty()) {
      row.text = std::move(line.text);
      return Next::row;
    }
    rejection = {line.number, "", std::move(reason), std::move(line.text), line.crlf, !line.too_long};
    return Next::rejected;
  }

 private:
  std::string read(const Line& line, Row& row) {
    if (line.too_long) return fmt::format("the line is longer than {} bytes", line_bytes_max_);
    if (size_t bad = find_invalid_utf8(line.text); bad != std::string_view::npos) return fmt::format("byte {} of the line is not valid UTF-8", bad + 1);
    if (size_t zero = line.text.find('\0'); zero != std::string::npos) return fmt::format("byte {} of the line is zero; no text has one", zero + 1);
    if (nested_too_deep(line.text)) return "the line is nested too deeply";
    auto value = nlohmann::json::parse(line.text, nullptr, false);
    if (value.is_discarded()) return "the line is not JSON";
    if (!value.is_object()) return "the line is not a JSON object";
    row.line = line.number;
    row.cells.assign(header_.size(), "");
    std::string reason;
    put(value, "", row, reason);
    row.cells.resize(header_.size());
    return reason;
  }

  void put(const nlohmann::json& object, const std::string& prefix, Row& row, std::string& reason) {
    for (auto& [key, value] : object.items()) {
      std::string name = prefix + key;
      if (value.is_object()) {
        put(value, name + ".", row, reason);
      } else if (value.is_array()) {
        reason = fmt::format("`{}` is a list; a value is expected", name);
      } else if (!value.is_null()) {
        auto position = static_cast<size_t>(header_.add(name));
        if (position >= row.cells.size()) row.cells.resize(position + 1);
        row.cells[position] = value.is_string() ? value.get<std::string>() : value.dump();
        if (row.cells[position].find('\0') != std::string::npos) reason = fmt::format("`{}` holds a zero character; no text has one", name);
      }
    }
  }

  std::string name_;
  LineReader lines_;
  size_t line_bytes_max_;
  Header header_;
};

}  // namespace

std::expected<std::unique_ptr<RowSource>, std::string> open_json_lines(const std::filesystem::path& file, size_t line_bytes_max) {
  auto lines = LineReader::open(file, line_bytes_max);
  if (!lines) return std::unexpected(lines.error());
  return std::make_unique<JsonLinesReader>(file.filename().string(), std::move(*lines), line_bytes_max);
}

}  // namespace dunlin::import

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <memory>
#include <pugixml.hpp>

#include "lang/sheets/workbook.h"

namespace dunlin::sheets {

namespace {

constexpr uint64_t part_bytes_max = 120u << 20, all_bytes_max = 200u << 20;
constexpr size_t rows_max = 1'100'000, cells_max = 4'000'000, columns_max = 1'000;
constexpr zip_int64_t parts_max = 5'000;

/// Thrown while a workbook is read.
struct Refusal {
  std::string reason;
};

std::string_view local_name(std::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}
pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_node& one : node.children()) {
    if (local_name(one.name()) == name) return one;
  }
  return {};
}

/// The packed parts of a workbook.
class Archive {
 public:
  explicit Archive(std::string_view bytes) {
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error);
    zip_ = source == nullptr ? nullptr : zip_open_from_source(source, ZIP_RDONLY, &error);
    if (zip_ == nullptr && source != nullptr) zip_source_free(source);
    zip_error_fini(&error);
    if (zip_ == nullptr) throw Refusal{"it is no workbook (.xlsx)"};
    if (zip_get_num_entries(zip_, 0) > parts_max) throw Refusal{"it has more than 5,000 parts"};
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;
  ~Archive() {
    if (zip_ != nullptr) zip_discard(zip_);
  }

  bool has(const std::string& name) const { return zip_name_locate(zip_, name.c_str(), 0) >= 0; }

  /// What the part says of its size is not believed: reading ends at the limit.
  std::string read(const std::string& name) {
    zip_stat_t stat;
    if (zip_stat(zip_, name.c_str(), 0, &stat) != 0) throw Refusal{"the workbook lacks its part `" + name + "`"};
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) throw Refusal{"it is encrypted"};
    std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen(zip_, name.c_str(), 0), zip_fclose);
    if (!file) throw Refusal{"its part `" + name + "` cannot be unpacked"};
    std::string bytes;
    std::string buffer(1u << 16, '\0');
    while (true) {
      const zip_int64_t got = zip_fread(file.get(), buffer.data(), buffer.size());
      if (got < 0) throw Refusal{"its part `" + name + "` is damaged"};
      if (got == 0) break;
      bytes.append(buffer, 0, static_cast<size_t>(got));
      all_ += static_cast<uint64_t>(got);
      if (bytes.size() > part_bytes_max || all_ > all_bytes_max) throw Refusal{"it is larger than 200 MB when unpacked"};
    }
    return bytes;
  }

 private:
  zip_t* zip_ = nullptr;
  uint64_t all_ = 0;
};

/// Elements nest a handful deep in workbooks; a part that nests deeper is refused before it is built.
bool too_deep(std::string_view text) {
  int depth = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    if (next == '/') {
      --depth;
    } else if (next != '?' && next != '!') {
      const size_t end = text.find('>', at);
      if (end == std::string_view::npos || text[end - 1] != '/') ++depth;
      if (depth > 64) return true;
    }
  }
  return false;
}

pugi::xml_document parse(std::string& text, const std::string& name) {
  if (too_deep(text)) throw Refusal{"its part `" + name + "` is nested too deeply"};
  pugi::xml_document document;
  const auto done = document.load_buffer_inplace(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype | pugi::parse_ws_pcdata);
  if (!done) throw Refusal{"its part `" + name + "` is not well-formed: " + done.description()};
  for (const pugi::xml_node& node : document.children()) {
    if (node.type() == pugi::node_doctype) throw Refusal{"its part `" + name + "` has a document type"};
  }
  return document;
}

/// All texts below a string item, but not the hints how to pronounce it.
void append_texts(const pugi::xml_node& node, std::string& out) {
  for (const pugi::xml_node& one : node.children()) {
    const std::string_view name = local_name(one.name());
    if (name == "t") out += one.text().get();
    if (name == "r") append_texts(one, out);
  }
}

enum class Format { figure, date, time, both };

/// What a number format shows: codes between quotes, in brackets and behind backslashes are signs only.
Format format_of(std::string_view code) {
  bool date = false, time = false;
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == '"') {
      i = std::min(code.find('"', i + 1), code.size());
    } else if (c == '[') {
      const size_t end = std::min(code.find(']', i), code.size());
      const std::string_view inside = code.substr(i + 1, end - i - 1);
      if (inside == "h" || inside == "hh" || inside == "mm" || inside == "ss") time = true;
      i = end;
    } else if (c == '\\' || c == '_' || c == '*') {
      ++i;
    } else if (c == 'y' || c == 'd' || c == 'Y' || c == 'D') {
      date = true;
    } else if (c == 'h' || c == 's' || c == 'H' || c == 'S') {
      time = true;
    } else if ((c == 'm' || c == 'M') && !time) {
      date = date || code.find_first_of("hHsS") == std::string_view::npos;
    } else if (c == ';') {
      break;  // only the first section: positive figures
    }
  }
  return date && time ? Format::both : date ? Format::date : time ? Format::time : Format::figure;
}

Format built_in_format(int id) {
  if (id >= 14 && id <= 17) return Format::date;
  if ((id >= 18 && id <= 21) || (id >= 45 && id <= 47)) return Format::time;
  return id == 22 ? Format::both : Format::figure;
}

std::string plain_figure(double value) {
  if (value == 0) return "0";
  std::string digits = fmt::format("{:.14e}", value);  // fifteen significant digits: what a spreadsheet shows
  const size_t e = digits.find('e');
  int exponent = 0;
  const size_t from = digits[e + 1] == '+' ? e + 2 : e + 1;
  std::from_chars(digits.data() + from, digits.data() + digits.size(), exponent);
  const bool negative = digits.front() == '-';
  std::string mantissa;
  for (const char c : digits.substr(0, e)) {
    if (c >= '0' && c <= '9') mantissa += c;
  }
  while (mantissa.size() > 1 && mantissa.back() == '0') mantissa.pop_back();
  std::string out;
  const int point = exponent + 1;
  const int size = static_cast<int>(mantissa.size());
  if (point <= 0) {
    out = "0." + std::string(static_cast<size_t>(-point), '0') + mantissa;
  } else if (point >= size) {
    out = mantissa + std::string(static_cast<size_t>(point - size), '0');
  } else {
    out = mantissa.substr(0, static_cast<size_t>(point)) + "." + mantissa.substr(static_cast<size_t>(point));
  }
  return (negative ? "-" : "") + out;
}

std::string date_text(int64_t days) {  // since 1970-01-01; H. Hinnant's civil_from_days
  const int64_t z = days + 719'468, era = (z >= 0 ? z : z - 146'096) / 146'097, of_era = z - era * 146'097;
  const int64_t year = (of_era - of_era / 1'460 + of_era / 36'524 - of_era / 146'096) / 365, of_year = of_era - (365 * year + year / 4 - year / 100);
  const int64_t shifted = (5 * of_year + 2) / 153, month = shifted < 10 ? shifted + 3 : shifted - 9;
  return fmt::format("{:04}-{:02}-{:02}", year + era * 400 + (month <= 2 ? 1 : 0), month, of_year - (153 * shifted + 2) / 5 + 1);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes) : archive_(bytes) {}

  Workbook read() {
    read_styles();
    read_strings();
    const auto targets = relations();
    std::string text = archive_.read("xl/workbook.xml");
    const auto document = parse(text, "xl/workbook.xml");
    const pugi::xml_node root = document.document_element();
    from_1904_ = child(root, "workbookPr").attribute("date1904").as_bool();
    Workbook book;
    for (const pugi::xml_node& node : child(root, "sheets").children()) {
      std::string id;
      for (const pugi::xml_attribute& attribute : node.attributes()) {
        if (local_name(attribute.name()) == "id" && attribute.name() != std::string_view("id")) id = attribute.value();
      }
      const auto target = targets.find(id);
      if (target == targets.end() || target->second.find("worksheets/") == std::string::npos) continue;  // a chart
      book.sheets.push_back({node.attribute("name").value(), sheet(target->second)});
    }
    if (book.sheets.empty()) throw Refusal{"it has no sheets"};
    return book;
  }

 private:
  std::map<std::string, std::string> relations() {
    std::string text = archive_.read("xl/_rels/workbook.xml.rels");
    const auto document = parse(text, "xl/_rels/workbook.xml.rels");
    std::map<std::string, std::string> targets;
    for (const pugi::xml_node& node : document.document_element().children()) {
      std::string target = node.attribute("Target").value();
      targets[node.attribute("Id").value()] = target.starts_with('/') ? target.substr(1) : "xl/" + target;
    }
    return targets;
  }

  void read_styles() {
    if (!archive_.has("xl/styles.xml")) return;
    std::string text = archive_.read("xl/styles.xml");
    const auto document = parse(text, "xl/styles.xml");
    const pugi::xml_node root = document.document_element();
    std::map<int, Format> own;
    for (const pugi::xml_node& node : child(root, "numFmts").children())
      own[node.attribute("numFmtId").as_int()] = format_of(node.attribute("formatCode").value());
    for (const pugi::xml_node& node : child(root, "cellXfs").children()) {
      const int id = node.attribute("numFmtId").as_int();
      const auto found = own.find(id);
      styles_.push_back(found != own.end() ? found->second : built_in_format(id));
    }
  }

  void read_strings() {
    if (!archive_.has("xl/sharedStrings.xml")) return;
    std::string text = archive_.read("xl/sharedStrings.xml");
    const auto document = parse(text, "xl/sharedStrings.xml");
    for (const pugi::xml_node& node : document.document_element().children()) {
      if (local_name(node.name()) != "si") continue;
      strings_.emplace_back();
      append_texts(node, strings_.back());
    }
  }

  static size_t column_of(std::string_view reference) {
    size_t column = 0;
    for (const char c : reference) {
      if (c < 'A' || c > 'Z') break;
      column = column * 26 + static_cast<size_t>(c - 'A') + 1;
      if (column > columns_max) throw Refusal{"it has more than 1,000 columns"};
    }
    return column;
  }

  std::vector<std::vector<std::string>> sheet(const std::string& part) {
    std::string text = archive_.read(part);
    const auto document = parse(text, part);
    std::vector<std::vector<std::string>> rows;
    size_t next = 1;
    for (const pugi::xml_node& row : child(document.document_element(), "sheetData").children()) {
      if (local_name(row.name()) != "row") continue;
      const size_t number = row.attribute("r") ? row.attribute("r").as_ullong() : next;
      if (number < next || number > rows_max) throw Refusal{"its rows are out of order, or more than 1,100,000"};
      std::vector<std::string> cells = row_cells(row);
      next = number + 1;
      if (cells.empty()) continue;
      rows.resize(number);
      rows.back() = std::move(cells);
    }
    return rows;
  }

  std::vector<std::string> row_cells(const pugi::xml_node& row) {
    std::vector<std::string> cells;
    for (const pugi::xml_node& cell : row.children()) {
      if (local_name(cell.name()) != "c") continue;
      const size_t column = cell.attribute("r") ? column_of(cell.attribute("r").value()) : cells.size() + 1;
      if (column == 0) throw Refusal{"a cell has no place"};
      std::string text = cell_text(cell);
      if (text.empty()) continue;
      if (++cells_ > cells_max) throw Refusal{"it has more than 4,000,000 cells"};
      if (cells.size() < column) cells.resize(column);
      cells[column - 1] = std::move(text);
    }
    return cells;
  }

  std::string cell_text(const pugi::xml_node& cell) const {
    const std::string_view type = cell.attribute("t").value();
    if (type == "inlineStr") {
      std::string text;
      append_texts(child(cell, "is"), text);
      return text;
    }
    const std::string_view value = child(cell, "v").text().get();
    if (type == "s") {
      size_t index = 0;
      const auto read = std::from_chars(value.data(), value.data() + value.size(), index);
      if (read.ec != std::errc{} || index >= strings_.size()) throw Refusal{"a cell names a text that is not there"};
      return strings_[index];
    }
    if (type == "b") return value == "1" ? "true" : "false";
    if (type == "str" || type == "e") return std::string(value);
    if (type == "d") {
      std::string text(value);
      if (const size_t t = text.find('T'); t != std::string::npos) text[t] = ' ';
      return text;
    }
    if (value.empty()) return {};
    double figure = 0;
    const auto read = std::from_chars(value.data(), value.data() + value.size(), figure);
    if (read.ec != std::errc{} || !std::isfinite(figure)) throw Refusal{fmt::format("a cell has the figure `{}`, which is none", value)};
    const auto style = static_cast<size_t>(cell.attribute("s").as_uint());
    const Format format = style < styles_.size() ? styles_[style] : Format::figure;
    return format == Format::figure ? plain_figure(figure) : moment(figure, format);
  }

  std::string moment(double serial, Format format) const {
    if (serial < 0 || serial > 3'000'000) return plain_figure(serial);
    auto day = static_cast<int64_t>(std::floor(serial));
    auto second = static_cast<int64_t>(std::llround((serial - std::floor(serial)) * 86'400));
    if (second == 86'400) {
      ++day;
      second = 0;
    }
    std::string clock = fmt::format("{:02}:{:02}", second / 3600, second / 60 % 60);
    if (second % 60 != 0) clock += fmt::format(":{:02}", second % 60);
    if (format == Format::time && day == 0) return clock;
    // In the system of 1900 day 60 is a 29 February that never was.
    const int64_t since = from_1904_ ? day - 24'107 : day >= 61 ? day - 25'569 : day - 25'568;
    if (format == Format::date && second == 0) return date_text(since);
    return date_text(since) + " " + clock;
  }

  Archive archive_;
  std::vector<Format> styles_;
  std::vector<std::string> strings_;
  bool from_1904_ = false;
  size_t cells_ = 0;
};

}  // namespace

std::expected<Workbook, std::string> read_workbook(std::string_view bytes) {
  try {
    return Reader(bytes).read();
  } catch (const Refusal& refusal) {
    return std::unexpected(refusal.reason);
  }
}

std::string cell_name(size_t row, size_t column) {
  std::string letters;
  for (; column > 0; column = (column - 1) / 26) letters.insert(letters.begin(), static_cast<char>('A' + (column - 1) % 26));
  return letters + std::to_string(row);
}

std::string csv_text(const Sheet& sheet) {
  std::string out;
  for (const auto& row : sheet.rows) {
    for (size_t i = 0; i < std::max<size_t>(row.size(), 1); ++i) {
      const std::string_view cell = i < row.size() ? std::string_view(row[i]) : std::string_view();
      if (i > 0) out += ',';
      const bool plain = !cell.empty() && cell.find_first_of(",;\t\"\r\n") == std::string_view::npos;
      if (plain || (cell.empty() && i > 0)) {
        out += cell;
        continue;
      }
      out += '"';  // an empty first cell too: so that an empty row is no empty line
      for (const char c : cell) {
        if (c == '"') out += '"';
        out += c == '\r' ? ' ' : c;
      }
      out += '"';
    }
    out += '\n';
  }
  return out;
}

}  // namespace dunlin::sheets

#include "server/import/rejects_file.h"

#include <system_error>

namespace dunlin::import {

namespace {

constexpr const char* head = "line,column,reason,row";

bool rejects_of_before(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return true;
  std::ifstream file(path);
  std::string first;
  return std::filesystem::is_regular_file(path, error) && std::getline(file, first) && first == head;
}

bool can_append(const std::filesystem::path& path) {
  std::error_code error;
  const bool before = std::filesystem::exists(path, error);
  const bool opened = std::ofstream(path, std::ios::binary | std::ios::app).is_open();
  if (!before) std::filesystem::remove(path, error);
  return opened;
}

}  // namespace

/// Not there yet, or a file of rejected rows from before: anything else of that name is not ours to write over.
bool RejectsFile::ours() const {
  std::error_code error;
  const bool is_source = !source_.empty() && (std::filesystem::equivalent(path_, source_, error) || std::filesystem::equivalent(rows_path_, source_, error));
  return !is_source && rejects_of_before(path_);
}

bool RejectsFile::writable() const { return ours() && can_append(path_) && (rows_path_.empty() || can_append(rows_path_)); }

bool RejectsFile::good() {
  out_.flush();
  if (!rows_path_.empty() && rows_ > 0) rows_out_.flush();
  return rows_ == 0 || (!out_.fail() && !rows_out_.fail());
}

void RejectsFile::with_rows(const std::string& head, const std::filesystem::path& source) {
  head_ = head;
  source_ = source;
  rows_path_ = path_;
  rows_path_.replace_extension(".rows" + source.extension().string());
}

void RejectsFile::add(const Rejection& rejection) {
  if (rows_++ == 0) {
    if (!ours()) {
      out_.setstate(std::ios::failbit);
    } else {
      std::error_code error;
      const bool before = std::filesystem::exists(path_, error);
      if (!rows_path_.empty()) {
        // The second file is ours if the first one was there.
        if (before || !std::filesystem::exists(rows_path_, error)) {
          rows_out_.open(rows_path_, std::ios::binary | std::ios::trunc);
          rows_out_ << head_;
        } else {
          rows_out_.setstate(std::ios::failbit);
        }
      }
      out_.open(path_, std::ios::binary | std::ios::trunc);
      out_ << head << "\n";
    }
  }
  Row row;
  row.cells = {rejection.line == 0 ? "" : std::to_string(rejection.line), rejection.column, rejection.reason, rejection.body};
  out_ << row_text(row) << "\n";
  if (!rows_path_.empty()) rows_out_ << rejection.bytes;
}

bool RejectsFile::close() {
  if (rows_ == 0) {
    std::error_code ignored;
    if (ours() && std::filesystem::remove(path_, ignored) && !rows_path_.empty()) std::filesystem::remove(rows_path_, ignored);
    return true;
  }
  out_.close();
  if (!rows_path_.empty()) rows_out_.close();
  return !out_.fail() && !rows_out_.fail();
}

}  // namespace dunlin::import

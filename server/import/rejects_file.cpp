#include "server/import/rejects_file.h"

#include <system_error>

namespace dunlin::import {

namespace {

constexpr const char* head = "line,column,reason,row";

/// Not there yet, or a file of rejected rows from before: anything else of that name is not ours to write over.
bool ours(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return true;
  std::ifstream file(path);
  std::string first;
  return std::filesystem::is_regular_file(path, error) && std::getline(file, first) && first == head;
}

}  // namespace

void RejectsFile::add(const Rejection& rejection) {
  if (rows_++ == 0) {
    if (!ours(path_)) {
      out_.setstate(std::ios::failbit);
    } else {
      out_.open(path_, std::ios::binary | std::ios::trunc);
      out_ << head << "\n";
    }
  }
  Row row;
  row.cells = {rejection.line == 0 ? "" : std::to_string(rejection.line), rejection.column, rejection.reason, rejection.body};
  out_ << row_text(row) << "\n";
}

bool RejectsFile::close() {
  if (rows_ == 0) {
    std::error_code ignored;
    if (ours(path_)) std::filesystem::remove(path_, ignored);
    return true;
  }
  out_.close();
  return !out_.fail();
}

}  // namespace dunlin::import

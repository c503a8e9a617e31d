#include "server/import/rejects_file.h"

#include <system_error>

namespace dunlin::import {

void RejectsFile::add(const Rejection& rejection) {
  if (rows_++ == 0) {
    out_.open(path_, std::ios::binary | std::ios::trunc);
    out_ << "line,column,reason,row\n";
  }
  Row row;
  row.cells = {rejection.line == 0 ? "" : std::to_string(rejection.line), rejection.column, rejection.reason, rejection.body};
  out_ << row_text(row) << "\n";
}

bool RejectsFile::close() {
  if (rows_ == 0) {
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    return true;
  }
  out_.close();
  return !out_.fail();
}

}  // namespace dunlin::import

// What a file could not give, as a CSV file for whoever sent it: line, column, reason and the row as it came.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/import/row_source.h"

namespace dunlin::import {

/// The file is made with the first row that is rejected; without any there is none, and one from an earlier try goes. A file of that name that is no
/// file of rejected rows is left alone, and close() says so.
class RejectsFile {
 public:
  explicit RejectsFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// The rows alone, as they came, under the line that names the columns, go to a second file beside it: to be mended and sent again.
  void with_rows(const std::string& head, const std::filesystem::path& source);
  void add(const Rejection& rejection);
  int64_t rows() const { return rows_; }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& rows_path() const { return rows_path_; }
  /// False: it could not be written.
  bool close();

 private:
  std::filesystem::path path_, rows_path_;  // rows_path_ empty: there is no second file
  std::string head_;
  std::ofstream out_, rows_out_;
  int64_t rows_ = 0;
};

}  // namespace dunlin::import

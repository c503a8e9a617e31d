// What a file could not give, as a CSV file for whoever sent it: line, column, reason and the row as it came.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include "server/import/row_source.h"

namespace dunlin::import {

/// The file is made with the first row that is rejected; without any there is none, and one from an earlier try goes. A file of that name that is no
/// file of rejected rows is left alone, and so is the file that the rows come from: close() says so.
class RejectsFile {
 public:
  explicit RejectsFile(std::filesystem::path path) : path_(std::move(path)) {}
  /// The rows alone, as they came, behind what stood before them (`head`), go to a second file beside it: to be mended and sent again. Rows of which the
  /// bytes are not known are not among them.
  void with_rows(const std::string& head, const std::filesystem::path& source);
  /// Whether it could be written now. Leaves everything as it is.
  bool writable() const;
  /// False: what has come so far could not be written.
  bool good();
  void add(const Rejection& rejection);
  int64_t rows() const { return rows_; }
  const std::filesystem::path& path() const { return path_; }
  const std::filesystem::path& rows_path() const { return rows_path_; }
  /// False: it could not be written.
  bool close();

 private:
  bool ours() const;

  std::filesystem::path path_, rows_path_, source_;  // rows_path_ empty: there is no second file
  std::string head_;
  std::ofstream out_, rows_out_;
  int64_t rows_ = 0;
};

}  // namespace dunlin::import

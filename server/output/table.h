// A table of texts for people to read: columns as wide as their content, figures to the right.
#pragma once

#include <string>
#include <vector>

namespace dunlin::server {

class Table {
 public:
  enum class Align { left, right };
  struct Column {
    std::string title;
    Align align = Align::left;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  /// Missing cells at the end are empty.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  /// Each line ends with a line feed; titles are bold with `color`.
  std::string text(bool color) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace dunlin::server

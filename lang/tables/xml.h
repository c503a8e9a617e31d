// Reading XML from hostile hands: no document type, so no entities of its own; bounded size and depth.
#pragma once

#include <expected>
#include <memory>
#include <string_view>
#include <vector>

#include "lang/tables/problem.h"

namespace pugi {
class xml_document;
class xml_node;
}  // namespace pugi

namespace dunlin::tables {

class Xml {
 public:
  static std::expected<Xml, Problem> read(std::string_view text);
  Xml(Xml&&) noexcept;
  Xml& operator=(Xml&&) noexcept;
  ~Xml();

  const pugi::xml_document& document() const { return *document_; }
  /// Of the text as given, from 1.
  int line_of(const pugi::xml_node& node) const;

 private:
  Xml();
  std::unique_ptr<pugi::xml_document> document_;
  std::vector<size_t> lines_;  // where each begins
};

/// A name without its namespace prefix.
std::string_view local_name(std::string_view name);

}  // namespace dunlin::tables

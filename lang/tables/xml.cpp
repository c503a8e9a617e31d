#include "lang/tables/xml.h"

#include <algorithm>
#include <pugixml.hpp>

#include "lang/diag/source.h"

namespace dunlin::tables {

namespace {

constexpr size_t bytes_max = 64u << 20;
constexpr int depth_max = 100;

/// Depth is counted on the text, before anything is built from it. Only elements matter: `<a>` opens, `</a>` closes, `<a/>` neither.
bool too_deep(std::string_view text) {
  int depth = 0;
  for (size_t at = text.find('<'); at != std::string_view::npos; at = text.find('<', at + 1)) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<!--")) {
      at = std::min(text.find("-->", at), text.size() - 1);
    } else if (rest.starts_with("<![CDATA[")) {
      at = std::min(text.find("]]>", at), text.size() - 1);
    } else if (rest.starts_with("</")) {
      --depth;
    } else if (rest.size() > 1 && rest[1] != '?' && rest[1] != '!') {
      const size_t end = text.find('>', at);
      if (end == std::string_view::npos || text[end - 1] != '/') ++depth;
      if (depth > depth_max) return true;
    }
  }
  return false;
}

int line_at(const std::vector<size_t>& lines, size_t offset) { return static_cast<int>(std::upper_bound(lines.begin(), lines.end(), offset) - lines.begin()); }

bool has_document_type(const pugi::xml_document& document) {
  return std::any_of(document.begin(), document.end(), [](const pugi::xml_node& node) { return node.type() == pugi::node_doctype; });
}

}  // namespace

Xml::Xml() : document_(std::make_unique<pugi::xml_document>()) {}
Xml::Xml(Xml&&) noexcept = default;
Xml& Xml::operator=(Xml&&) noexcept = default;
Xml::~Xml() = default;

std::expected<Xml, Problem> Xml::read(std::string_view text) {
  if (text.size() > bytes_max) return std::unexpected(Problem{0, "", "the file is larger than 64 MB", ""});
  if (too_deep(text)) return std::unexpected(Problem{0, "", "its elements are nested more than 100 deep", ""});
  Xml xml;
  xml.lines_.push_back(0);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') xml.lines_.push_back(i + 1);
  }
  const auto options = pugi::parse_default | pugi::parse_doctype;
  const auto done = xml.document_->load_buffer(text.data(), text.size(), options, pugi::encoding_auto);
  if (!done) {
    return std::unexpected(Problem{line_at(xml.lines_, static_cast<size_t>(std::max<ptrdiff_t>(done.offset, 0))), "",
                                   std::string("the file is not well-formed XML: ") + done.description(), "save it again from your modeller"});
  }
  if (const size_t bad = done.encoding == pugi::encoding_utf8 ? find_invalid_utf8(text) : std::string_view::npos; bad != std::string_view::npos) {
    return std::unexpected(Problem{line_at(xml.lines_, bad), "", "the file is not valid UTF-8", "save it as UTF-8, or say its encoding in the first line"});
  }
  if (has_document_type(*xml.document_)) {
    return std::unexpected(Problem{1, "", "the file has a document type, which could define entities", "take the `<!DOCTYPE …>` away"});
  }
  return xml;
}

int Xml::line_of(const pugi::xml_node& node) const {
  const ptrdiff_t offset = node.offset_debug();
  return offset < 0 ? 0 : line_at(lines_, static_cast<size_t>(offset));
}

std::string_view local_name(std::string_view name) {
  const size_t colon = name.rfind(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace dunlin::tables

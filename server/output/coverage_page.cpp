#include "server/output/coverage_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "lang/diag/markup.h"

namespace dunlin::server {

namespace {

constexpr const char* style =
    "body{font:14px/1.45 system-ui,sans-serif;color:#1c2733;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{padding:.2rem .7rem;text-align:left;border-bottom:1px solid #e1e5e9}"
    "pre{font:13px/1.5 ui-monospace,Consolas,monospace;border:1px solid #e1e5e9;border-radius:6px;overflow-x:auto;padding:.4rem 0}"
    "pre span{display:block;padding:0 "
    ".8rem;white-space:pre}.hit{background:#e6f4e4}.miss{background:#fbe3e0}.n{display:inline-block!important;width:3.2rem;color:#8a96a1;padding:0!important}"
    ".bar{display:inline-block;width:9rem;height:.7rem;background:#fbe3e0;border-radius:3px;overflow:hidden}.bar "
    "i{display:block;height:100%;background:#7cb36f}"
    "@media print{pre span{white-space:pre-wrap}h2{break-before:page}}";

struct Share {
  int64_t reached = 0, all = 0;
};

/// What is known of one line: how often its parts were reached.
struct Line {
  bool hit = false, miss = false;
  std::string note;
};

std::string summary(const std::vector<CoveredPart>& parts) {
  constexpr std::array<const char*, 4> names = {"rules fired", "stages entered", "table rows hit", "outcomes that happened"};
  std::array<Share, 4> shares;
  for (const CoveredPart& part : parts) {
    Share& share = shares[static_cast<size_t>(part.kind)];
    ++share.all;
    share.reached += part.times > 0 ? 1 : 0;
  }
  std::string out = "<table>";
  for (size_t i = 0; i < shares.size(); ++i) {
    if (shares[i].all == 0) continue;
    const int64_t percent = shares[i].reached * 100 / shares[i].all;
    out += fmt::format("<tr><td>{}</td><td>{} of {}</td><td><span class=\"bar\"><i style=\"width:{}%\"></i></span> {}%</td></tr>", names[i], shares[i].reached,
                       shares[i].all, percent, percent);
  }
  return out + "</table>\n";
}

std::string missing(const SourceMap& sources, const std::vector<CoveredPart>& parts) {
  std::string out;
  for (const CoveredPart& part : parts) {
    if (part.times > 0) continue;
    constexpr std::array<const char*, 4> kinds = {"rule", "stage", "row", "outcome"};
    out += fmt::format("<tr><td>{}</td><td><code>{}</code></td><td>{}</td></tr>", kinds[static_cast<size_t>(part.kind)], escape_xml(part.name),
                       escape_xml(sources.locate(part.where)));
  }
  return out.empty() ? "<p>Nothing is left out.</p>\n" : "<h2>Not reached</h2><table>" + out + "</table>\n";
}

std::string marked_file(const SourceMap& sources, uint32_t file, const std::map<uint32_t, Line>& lines) {
  std::string out = "<h2>" + escape_xml(sources.path(file)) + "</h2><pre>";
  const std::string_view text = sources.text(file);
  uint32_t number = 0;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    ++number;
    const auto found = lines.find(number);
    const char* look = found == lines.end() ? "" : found->second.miss ? " class=\"miss\"" : " class=\"hit\"";
    const std::string note = found == lines.end() ? "" : fmt::format(" title=\"{}\"", escape_xml(found->second.note));
    out += fmt::format("<span{}{}><span class=\"n\">{}</span>{}</span>", look, note, number, escape_xml(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return out + "</pre>\n";
}

}  // namespace

std::string coverage_page(const std::string& title, const SourceMap& sources, const std::vector<CoveredPart>& parts) {
  std::map<uint32_t, std::map<uint32_t, Line>> files;
  for (const CoveredPart& part : parts) {
    if (!part.where.known()) continue;
    Line& line = files[part.where.file][sources.position(part.where.file, part.where.begin).line];
    (part.times > 0 ? line.hit : line.miss) = true;
    line.note += (line.note.empty() ? "" : ", ") + fmt::format("{}: {}", part.name, part.times);
  }
  std::string out = "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Coverage of " + escape_xml(title) + "</title><style>" + style +
                    "</style></head><body><h1>Coverage of " + escape_xml(title) + "</h1>\n" + summary(parts) + missing(sources, parts);
  for (const auto& [file, lines] : files) out += marked_file(sources, file, lines);
  return out + "</body></html>\n";
}

}  // namespace dunlin::server

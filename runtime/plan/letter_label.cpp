#include "runtime/plan/letter_label.h"

#include <fmt/format.h>

#include <algorithm>

namespace dunlin::plan {

namespace {

using checked::LetterPart;

void add_label(const checked::Letter& letter, const std::vector<LetterPart>& parts, std::string& label) {
  for (const LetterPart& part : parts) {
    switch (part.kind) {
      case LetterPart::Kind::words:
        label += "words " + letter.pieces[static_cast<size_t>(part.piece)] + "\x1f";
        break;
      case LetterPart::Kind::value:
        label += fmt::format("value {} {}\x1f", static_cast<int>(part.style), part.in_url);
        break;
      default:
        label += fmt::format("block {} {} {} {}(", static_cast<int>(part.kind), part.list_owner, part.element, part.root == checked::none);
        add_label(letter, part.then, label);
        label += ")(";
        add_label(letter, part.otherwise, label);
        label += ")";
    }
  }
}

void add_roots(const std::vector<LetterPart>& parts, std::vector<checked::RootId>& roots) {
  for (const LetterPart& part : parts) {
    if (part.root != checked::none) roots.push_back(part.root);
    add_roots(part.then, roots);
    add_roots(part.otherwise, roots);
  }
}

void add_text(const SourceMap& sources, const checked::Letter& letter, const std::vector<LetterPart>& parts, std::string& text) {
  for (const LetterPart& part : parts) {
    if (part.kind == LetterPart::Kind::words) {
      text += letter.pieces[static_cast<size_t>(part.piece)];
      continue;
    }
    const std::string written(sources.text(part.span));
    text += written.starts_with("{") ? written : "{" + written + "}";
    if (part.kind == LetterPart::Kind::value) continue;
    add_text(sources, letter, part.then, text);
    if (!part.otherwise.empty()) {
      text += "{else}";
      add_text(sources, letter, part.otherwise, text);
    }
    text += "{end}";
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

std::string letter_label(const checked::Program& program, const checked::Letter& letter) {
  const auto name = [&](checked::Index entity) { return entity == checked::none ? std::string() : program.entities[static_cast<size_t>(entity)].name; };
  std::string label =
      fmt::format("letter {} to {} {} {} subject ", name(letter.entity), name(letter.recipient), static_cast<int>(letter.format), letter.language);
  add_label(letter, letter.subject, label);
  label += "body ";
  add_label(letter, letter.body, label);
  return label;
}

std::vector<checked::RootId> letter_roots(const checked::Letter& letter) {
  std::vector<checked::RootId> roots;
  add_roots(letter.subject, roots);
  add_roots(letter.body, roots);
  return roots;
}

std::vector<std::string> letter_lines(const SourceMap& sources, const checked::Letter& letter) {
  std::string subject, body;
  add_text(sources, letter, letter.subject, subject);
  add_text(sources, letter, letter.body, body);
  std::vector<std::string> lines = lines_of(body);
  if (letter.has_subject) lines.insert(lines.begin(), "subject: " + subject);
  return lines;
}

LineChange first_difference(const std::vector<std::string>& before, const std::vector<std::string>& after) {
  LineChange change;
  size_t same = 0;
  while (same < before.size() && same < after.size() && before[same] == after[same]) ++same;
  size_t end = 0;
  while (end + same < before.size() && end + same < after.size() && before[before.size() - 1 - end] == after[after.size() - 1 - end]) ++end;
  const size_t old_lines = before.size() - same - end, new_lines = after.size() - same - end;
  if (old_lines > 0) change.before = before[same];
  if (new_lines > 0) change.after = after[same];
  const size_t most = std::max(old_lines, new_lines);
  change.more = most > 0 ? most - 1 : 0;
  return change;
}

}  // namespace dunlin::plan

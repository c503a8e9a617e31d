#include "tests/incremental/edits.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace dunlin::test {

namespace {

struct Part {
  size_t begin, end;
};

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_word(char c) { return is_letter(c) || std::isdigit(static_cast<unsigned char>(c)) != 0; }

Part line_at(const std::string& text, size_t at) {
  const size_t before = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
  const size_t end = text.find('\n', at);
  return {before == std::string::npos ? 0 : before + 1, end == std::string::npos ? text.size() : end + 1};
}

/// From a line with a letter at its margin to the next such line.
Part declaration_at(const std::string& text, size_t at) {
  Part part = line_at(text, at);
  while (part.begin > 0 && !is_letter(text[part.begin])) part.begin = line_at(text, part.begin - 1).begin;
  while (part.end < text.size() && !is_letter(text[part.end])) part.end = line_at(text, part.end).end;
  return part;
}

std::string word_at(const std::string& text, size_t at) {
  while (at < text.size() && !is_letter(text[at])) ++at;
  size_t begin = at, end = at;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  while (end < text.size() && is_word(text[end])) ++end;
  return text.substr(begin, end - begin);
}

void rename(std::string& text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    const bool whole = (at == 0 || !is_word(text[at - 1])) && (at + from.size() >= text.size() || !is_word(text[at + from.size()]));
    if (whole) {
      text.replace(at, from.size(), to);
    } else {
      at += from.size();
      if (at >= text.size()) return;
      at -= std::min(at, to.size());
    }
  }
}

constexpr std::array<const char*, 30> written = {
    "{", "}",         "(",          ")",        "[",      "\"",    "x = ",  "\n",       "\n\n",      ";",
    "é", "///",       "/// why\n",  "// why\n", " when ", "= ",    "table", "\ntable ", "\nqueue q", "\r\n",
    ",", "\ntest \"", "\nuse std.", " = 1 +",   "``",     "99999", " and ", "{x}",      "\\",        "\nfunction f() -> int = 1\n"};

void write_something(std::string& text, size_t at, fuzz::Random& random) { text.insert(at, written[random.below(written.size())]); }

void erase_something(std::string& text, size_t at, fuzz::Random& random) { text.erase(at, 1 + random.below(20)); }

void double_declaration(std::string& text, size_t at) {
  const Part part = declaration_at(text, at);
  text.insert(part.end, text.substr(part.begin, part.end - part.begin));
}

void move_declaration(std::string& from, std::string& to, size_t at, fuzz::Random& random) {
  const Part part = declaration_at(from, at);
  const std::string moved = from.substr(part.begin, part.end - part.begin);
  from.erase(part.begin, part.end - part.begin);
  to.insert(to.empty() ? 0 : declaration_at(to, random.below(to.size())).begin, moved);
}

}  // namespace

std::string edit(BundleSources& bundle, const BundleSources& original, fuzz::Random& random) {
  std::vector<SourceFile*> rules;
  for (SourceFile& file : bundle.files) {
    if (file.path.ends_with(".dun")) rules.push_back(&file);
  }
  const size_t kind = random.below(15);
  if (rules.empty() || kind == 0) {
    bundle = original;
    return "all mended";
  }
  SourceFile& file = *rules[random.below(rules.size())];
  std::string& text = file.text;
  const size_t at = random.below(text.size() + 1);
  switch (kind) {
    case 1: {
      const auto mended = std::ranges::find(original.files, file.path, &SourceFile::path);
      text = mended == original.files.end() ? "" : mended->text;
      return "mended " + file.path;
    }
    case 2: {
      const std::string name = word_at(text, at);
      if (name.empty()) return "nothing";
      for (SourceFile* other : rules) rename(other->text, name, name + "_r");
      return "renamed " + name + " everywhere";
    }
    case 3: {
      const std::string name = word_at(text, at);
      if (!name.empty()) rename(text, name, "r" + name);
      return "renamed " + name + " in " + file.path;
    }
    case 4:
      if (!text.empty()) move_declaration(text, text, at, random);
      return "moved a declaration in " + file.path;
    case 5:
      if (!text.empty()) move_declaration(text, rules[random.below(rules.size())]->text, at, random);
      return "moved a declaration from " + file.path;
    case 6: {
      const Part part = declaration_at(text, at);
      text.erase(part.begin, part.end - part.begin);
      return "deleted a declaration in " + file.path;
    }
    case 7:
      double_declaration(text, at);
      return "doubled a declaration in " + file.path;
    case 8: {
      const Part line = line_at(text, at);
      text.erase(line.begin, line.end - line.begin);
      return "deleted a line in " + file.path;
    }
    case 9: {
      const std::string gone = file.path;
      if (random.one_in(3)) std::erase_if(bundle.files, [&](const SourceFile& other) { return other.path == gone; });
      return "deleted " + gone;
    }
    case 10:
      if (random.one_in(3) && bundle.files.size() < original.files.size() + 3) {
        const std::string path = "a" + std::to_string(random.below(1'000)) + ".dun";
        if (std::ranges::find(bundle.files, path, &SourceFile::path) == bundle.files.end()) {
          SourceFile made{path, text};
          bundle.files.insert(std::ranges::lower_bound(bundle.files, path, {}, &SourceFile::path), std::move(made));
        }
      }
      return "copied a file";
    case 11:
      erase_something(text, std::min(at, text.empty() ? 0 : text.size() - 1), random);
      return "deleted some letters in " + file.path;
    default:
      write_something(text, at, random);
      return "wrote something in " + file.path;
  }
}

}  // namespace dunlin::test

// Numbers, texts, dates and times.
#include <algorithm>

#include "lang/syntax/builder.h"

namespace dunlin::syntax {

namespace {

constexpr int text_levels_max = 3;

std::string without_underscores(std::string_view digits) {
  std::string result(digits);
  std::erase(result, '_');
  return result;
}

int number_at(std::string_view text, size_t begin, size_t length) {
  int value = 0;
  for (const char c : text.substr(begin, length)) value = value * 10 + (c - '0');
  return value;
}

int days_in_month(int year, int month) {
  constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : days[month - 1];
}

ast::DurationUnit unit_of(std::string_view word) {
  using Unit = ast::DurationUnit;
  if (word.starts_with("business")) return Unit::business_day;
  switch (word[0]) {
    case 's':
      return Unit::second;
    case 'h':
      return Unit::hour;
    case 'd':
      return Unit::day;
    case 'w':
      return Unit::week;
    case 'q':
      return Unit::quarter;
    case 'y':
      return Unit::year;
    default:
      return word.starts_with("mi") ? Unit::minute : Unit::month;
  }
}

/// End of the `{…}` that opens at `at`: the closing brace, texts inside stepped over.
size_t insert_end(std::string_view text, size_t at) {
  bool quoted = false;
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '}' && !quoted) {
      return i;
    }
  }
  return text.size() - 1;
}

}  // namespace

ast::ExprPtr Builder::number(P::PrimaryContext& context) {
  const Span place = span(context);
  if (P::UnitContext* unit = context.unit()) {
    const std::string digits = without_underscores(source(span(*context.INT()->getSymbol())));
    return make(place, ast::DurationLit{digits, unit_of(source(span(*unit)))});
  }
  const std::string digits = without_underscores(source(place));
  if (context.PERCENT()) return make(place, ast::PercentLit{digits.substr(0, digits.size() - 1)});
  if (context.DECIMAL()) return make(place, ast::DecimalLit{digits});
  return make(place, ast::IntLit{digits});
}

ast::DateLit Builder::date_literal(const antlr4::Token& token) {
  const std::string_view text = source(span(token));
  const ast::DateLit date{number_at(text, 0, 4), number_at(text, 5, 2), number_at(text, 8, 2)};
  const bool month = date.month >= 1 && date.month <= 12;
  if (date.year >= 1 && month && date.day >= 1 && date.day <= days_in_month(date.year, date.month)) return date;
  Diagnostic& d = mistake("E0111", span(token), "`" + std::string(text) + "` is not in the calendar");
  d.help = month && date.year >= 1 ? "this month has " + std::to_string(days_in_month(date.year, date.month)) + " days"
                                   : "a date is written year-month-day: 2026-01-05";
  throw DropItem{};
}

ast::TimeLit Builder::time_literal(const antlr4::Token& token) {
  const std::string_view text = source(span(token));
  const size_t colon = text.find(':');
  const ast::TimeLit time{number_at(text, 0, colon), number_at(text, colon + 1, 2), text.size() > colon + 3 ? number_at(text, colon + 4, 2) : 0};
  if (time.hour < 24 && time.minute < 60 && time.second < 60) return time;
  mistake("E0112", span(token), "`" + std::string(text) + "` is not a time of day").help = "a day goes from 00:00 to 23:59";
  throw DropItem{};
}

ast::ExprPtr Builder::date_time(Span place, const antlr4::Token& date, antlr4::tree::TerminalNode* time) {
  const ast::DateLit day = date_literal(date);
  if (time == nullptr) return make(place, day);
  return make(place, ast::DateTimeLit{day, time_literal(*time->getSymbol())});
}

ast::ExprPtr Builder::moment(P::MomentContext& context) { return date_time(span(context), *context.DATE()->getSymbol(), context.TIME()); }

ast::ExprPtr Builder::date(P::PrimaryContext& context) {
  const Span place = span(context);
  if (context.DATE()) return date_time(place, *context.DATE()->getSymbol(), context.TIME().empty() ? nullptr : context.TIME(0));
  const ast::TimeLit from = time_literal(*context.TIME(0)->getSymbol());
  if (context.TIME().size() == 1) return make(place, from);
  const ast::TimeLit to = time_literal(*context.TIME(1)->getSymbol());
  return make(place,
              ast::RangeExpr{make(span(*context.TIME(0)->getSymbol()), from), make(span(*context.TIME(1)->getSymbol()), to), context.RANGE() != nullptr});
}

/// The characters of `place` with escapes undone.
std::string Builder::unescaped(Span place, bool& bad) {
  const std::string_view text = source(place);
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      result += text[i];
      continue;
    }
    ++i;
    switch (i < text.size() ? text[i] : '\0') {
      case 'n':
        result += '\n';
        break;
      case 't':
        result += '\t';
        break;
      case '"':
      case '\\':
      case '{':
      case '}':
        result += text[i];
        break;
      default: {
        const auto at = static_cast<uint32_t>(place.begin + i - 1);
        uint32_t end = std::min<uint32_t>(at + 2, place.end);
        while (end < place.end && (static_cast<unsigned char>(text[end - place.begin]) & 0xC0) == 0x80) ++end;
        mistake("E0121", {place.file, at, end}, "`\\` cannot stand before this character").help =
            "write `\\\\` for a backslash; also known are \\n, \\t, \\\", \\{ and \\}";
        bad = true;
      }
    }
  }
  return result;
}

std::string Builder::plain_text(const antlr4::Token& token) {
  const Span place = span(token);
  bool bad = false;
  std::string result = unescaped({place.file, place.begin + 1, place.end - 1}, bad);
  if (bad) throw DropItem{};
  return result;
}

ast::ExprPtr Builder::text(const antlr4::Token& token) {
  const Span place = span(token);
  const std::string_view all = source(place);
  ast::TextLit literal;
  bool bad = false;
  size_t from = 1;
  const auto add_text = [&](size_t end) {
    if (end > from)
      literal.parts.push_back({unescaped({place.file, static_cast<uint32_t>(place.begin + from), static_cast<uint32_t>(place.begin + end)}, bad), nullptr});
  };
  for (size_t i = 1; i + 1 < all.size(); ++i) {
    if (all[i] == '\\') ++i;
    if (all[i] != '{' || all[i - 1] == '\\') continue;
    add_text(i);
    const size_t end = insert_end(all, i);
    const Slice inside{slice_.sources, place.file, static_cast<uint32_t>(place.begin + i + 1), static_cast<uint32_t>(place.begin + end)};
    if (level_ + 1 > text_levels_max || inside.text().find_first_not_of(" \t") == std::string_view::npos) {
      const Span braces{place.file, inside.begin - 1, inside.end + 1};
      mistake("E0121", braces, level_ + 1 > text_levels_max ? "texts are nested too deeply here" : "there is nothing between these braces").help =
          "write `\\{` for a brace that is only a sign";
      throw DropItem{};
    }
    ast::ExprPtr value = read_expression(inside, diagnostics_, limits_, level_ + 1);
    if (value == nullptr) throw DropItem{};
    literal.parts.push_back({"", std::move(value)});
    from = end + 1;
    i = end;
  }
  add_text(all.size() - 1);
  if (literal.parts.empty()) literal.parts.push_back({"", nullptr});
  if (bad) throw DropItem{};
  return make(place, std::move(literal));
}

}  // namespace dunlin::syntax

#include "lang/diag/diagnostic.h"

#include <algorithm>
#include <tuple>

namespace dunlin {

namespace {

struct CodeEntry {
  std::string_view code;
  const char* title;
};

constexpr CodeEntry codes[] = {
#define DUNLIN_CODE(code, title) {#code, title},
#include "lang/diag/codes.def"
#undef DUNLIN_CODE
};

auto order_key(const Diagnostic& d) { return std::tie(d.span.file, d.span.begin, d.span.end, d.code, d.message); }

}  // namespace

Diagnostic& Diagnostics::error(std::string code, Span span, std::string message) { return add(Severity::error, std::move(code), span, std::move(message)); }

Diagnostic& Diagnostics::warning(std::string code, Span span, std::string message) { return add(Severity::warning, std::move(code), span, std::move(message)); }

Diagnostic& Diagnostics::add(Severity severity, std::string code, Span span, std::string message) {
  Diagnostic made;
  made.severity = severity;
  made.code = std::move(code);
  made.message = std::move(message);
  made.span = span;
  const bool is_error = severity == Severity::error;
  size_t& kept = kept_[is_error ? 0 : 1];
  errors_ += is_error;
  if (kept >= limit_) {
    ++left_out_;
    errors_left_out_ += is_error;
    overflow_ = std::move(made);
    return overflow_;
  }
  ++kept;
  return list_.emplace_back(std::move(made));
}

void Diagnostics::sort() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) { return order_key(a) < order_key(b); });
  const auto same = [](const Diagnostic& a, const Diagnostic& b) { return order_key(a) == order_key(b) && a.severity == b.severity; };
  const auto repeats = std::unique(list_.begin(), list_.end(), same);
  list_.erase(repeats, list_.end());
  kept_[0] = std::count_if(list_.begin(), list_.end(), [](const Diagnostic& d) { return d.severity == Severity::error; });
  kept_[1] = list_.size() - kept_[0];
  errors_ = kept_[0] + errors_left_out_;
}

const char* code_title(std::string_view code) {
  const auto found = std::find_if(std::begin(codes), std::end(codes), [&](const CodeEntry& entry) { return entry.code == code; });
  return found == std::end(codes) ? nullptr : found->title;
}

std::vector<std::string_view> all_codes() {
  std::vector<std::string_view> result;
  for (const CodeEntry& entry : codes) result.push_back(entry.code);
  return result;
}

}  // namespace dunlin

#include <unicode/normalizer2.h>
#include <unicode/unistr.h>
#include <unicode/uspoof.h>

#include <algorithm>

#include "lang/syntax/tokens.h"

namespace dunlin::syntax {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// Shared by all threads: ICU allows concurrent checks with one unchanging checker.
const USpoofChecker* script_checker() {
  static const USpoofChecker* checker = [] {
    UErrorCode status = U_ZERO_ERROR;
    USpoofChecker* made = uspoof_open(&status);
    uspoof_setChecks(made, USPOOF_RESTRICTION_LEVEL, &status);
    uspoof_setRestrictionLevel(made, USPOOF_SINGLE_SCRIPT_RESTRICTIVE);
    return U_SUCCESS(status) ? made : nullptr;
  }();
  return checker;
}

}  // namespace

void check_identifier(std::string_view name, Span span, Diagnostics& diagnostics) {
  if (is_ascii(name)) return;
  UErrorCode status = U_ZERO_ERROR;
  const int32_t found = uspoof_checkUTF8(script_checker(), name.data(), static_cast<int32_t>(name.size()), nullptr, &status);
  if (U_SUCCESS(status) && (found & USPOOF_RESTRICTION_LEVEL) == 0) return;
  Diagnostic& d = diagnostics.error("E0110", span, "`" + std::string(name) + "` mixes letters of several scripts");
  d.help = "write the whole name in one script; letters that look alike, such as Latin `c` and Cyrillic `с`, are different letters";
}

std::string normal_form(std::string_view name) {
  if (is_ascii(name)) return std::string(name);
  UErrorCode status = U_ZERO_ERROR;
  const icu::Normalizer2* normalizer = icu::Normalizer2::getNFCInstance(status);
  if (U_FAILURE(status)) return std::string(name);
  const auto unicode = icu::UnicodeString::fromUTF8(icu::StringPiece(name.data(), static_cast<int32_t>(name.size())));
  std::string result;
  normalizer->normalize(unicode, status).toUTF8String(result);
  return U_SUCCESS(status) ? result : std::string(name);
}

}  // namespace dunlin::syntax

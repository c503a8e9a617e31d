#include "lang/sema/currency.h"

#include <algorithm>
#include <array>
#include <sstream>

namespace dunlin::sema {

namespace {

// ISO 4217, list one, without funds, metals and testing codes; by the number of places.
constexpr std::string_view none_behind = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
constexpr std::string_view two_behind =
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB "
    "EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP "
    "MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP "
    "SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VED VES WST XCD YER ZAR ZMW";
constexpr std::string_view three_behind = "BHD IQD JOD KWD LYD OMR TND";
constexpr std::array by_places = {none_behind, std::string_view{}, two_behind, three_behind};

}  // namespace

std::optional<int> minor_digits_of(std::string_view currency) {
  const bool shaped = currency.size() == 3 && std::all_of(currency.begin(), currency.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!shaped) return std::nullopt;
  for (size_t places = 0; places < by_places.size(); ++places) {
    if (by_places[places].find(currency) != std::string_view::npos) return static_cast<int>(places);
  }
  return 2;
}

std::vector<std::string> currencies_with(int minor_digits) {
  std::vector<std::string> codes;
  if (minor_digits < 0 || static_cast<size_t>(minor_digits) >= by_places.size()) return codes;
  std::istringstream words{std::string(by_places[static_cast<size_t>(minor_digits)])};
  for (std::string code; words >> code;) codes.push_back(code);
  return codes;
}

}  // namespace dunlin::sema

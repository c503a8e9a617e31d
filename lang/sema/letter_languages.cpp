#include "lang/sema/letter_languages.h"

#include <algorithm>

namespace dunlin::checked {

namespace {

constexpr std::string_view thin = "\u202F", hard = "\u00A0";  // blanks at which no line ends

constexpr LetterLanguage languages[] = {
    {"", ".", "", false, "%", "yyyy-mm-dd", "yyyy-mm-dd", {"", "", "", "", "", "", "", "", "", "", "", ""}},
    {"cs",
     ",",
     hard,
     false,
     "\u00A0%",
     "d. m. yyyy",
     "d. month yyyy",
     {"ledna", "února", "března", "dubna", "května", "června", "července", "srpna", "září", "října", "listopadu", "prosince"}},
    {"de",
     ",",
     ".",
     false,
     "\u00A0%",
     "dd.mm.yyyy",
     "d. month yyyy",
     {"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}},
    {"en",
     ".",
     ",",
     false,
     "%",
     "dd/mm/yyyy",
     "d month yyyy",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}},
    {"en-US",
     ".",
     ",",
     false,
     "%",
     "mm/dd/yyyy",
     "month d, yyyy",
     {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"}},
    {"es",
     ",",
     ".",
     true,
     "\u00A0%",
     "dd/mm/yyyy",
     "d de month de yyyy",
     {"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}},
    {"fr",
     ",",
     thin,
     false,
     "\u00A0%",
     "dd/mm/yyyy",
     "d month yyyy",
     {"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}},
    {"it",
     ",",
     ".",
     false,
     "%",
     "dd/mm/yyyy",
     "d month yyyy",
     {"gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto", "settembre", "ottobre", "novembre", "dicembre"}},
    {"nl",
     ",",
     ".",
     false,
     "%",
     "dd-mm-yyyy",
     "d month yyyy",
     {"januari", "februari", "maart", "april", "mei", "juni", "juli", "augustus", "september", "oktober", "november", "december"}},
    {"pl",
     ",",
     hard,
     true,
     "%",
     "dd.mm.yyyy",
     "d month yyyy",
     {"stycznia", "lutego", "marca", "kwietnia", "maja", "czerwca", "lipca", "sierpnia", "września", "października", "listopada", "grudnia"}},
    {"pt",
     ",",
     ".",
     false,
     "%",
     "dd/mm/yyyy",
     "d de month de yyyy",
     {"janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro", "outubro", "novembro", "dezembro"}},
    {"ru",
     ",",
     hard,
     false,
     "\u00A0%",
     "dd.mm.yyyy",
     "d month yyyy г.",
     {"января", "февраля", "марта", "апреля", "мая", "июня", "июля", "августа", "сентября", "октября", "ноября", "декабря"}},
    {"sv",
     ",",
     hard,
     false,
     "\u00A0%",
     "yyyy-mm-dd",
     "d month yyyy",
     {"januari", "februari", "mars", "april", "maj", "juni", "juli", "augusti", "september", "oktober", "november", "december"}},
    {"tr",
     ",",
     ".",
     false,
     "%",
     "dd.mm.yyyy",
     "d month yyyy",
     {"Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık"}},
    {"uk",
     ",",
     hard,
     false,
     "\u00A0%",
     "dd.mm.yyyy",
     "d month yyyy р.",
     {"січня", "лютого", "березня", "квітня", "травня", "червня", "липня", "серпня", "вересня", "жовтня", "листопада", "грудня"}},
};

}  // namespace

const LetterLanguage* letter_language(std::string_view name) {
  const auto found = std::ranges::find(languages, name, &LetterLanguage::name);
  return found == std::end(languages) ? nullptr : found;
}

std::vector<std::string_view> letter_language_names() {
  std::vector<std::string_view> names;
  for (const LetterLanguage& language : languages) {
    if (!language.name.empty()) names.push_back(language.name);
  }
  return names;
}

}  // namespace dunlin::checked

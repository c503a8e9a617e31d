// Bundles: folders, heads, modules, the name of a version.
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "checking.h"

using namespace dunlin;
using namespace dunlin::sema_test;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path = fs::temp_directory_path() / ("dunlin_sema_" + std::to_string(getpid()));
  Folder() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
  void write(const std::string& name, const std::string& text) const {
    fs::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << text;
  }
};

std::string first_code(const Diagnostics& diagnostics) { return diagnostics.all().empty() ? "" : diagnostics.all().front().code; }

}  // namespace

TEST_CASE("a folder is read with everything that belongs to it") {
  const Folder folder;
  folder.write("b.dun", "one");
  folder.write("a.dun", "two");
  folder.write("deep/rows.csv", "x,y");
  folder.write(".hidden/c.dun", "three");
  folder.write("notes.txt", "four");
  Diagnostics diagnostics;
  SourceMap sources;
  const BundleSources bundle = read_bundle(folder.path, diagnostics, sources);
  CHECK(diagnostics.all().empty());
  REQUIRE(bundle.files.size() == 3);
  CHECK(bundle.files[0].path == "a.dun");
  CHECK(bundle.files[1].path == "b.dun");
  CHECK(bundle.files[2].path == "deep/rows.csv");
  CHECK(bundle.files[2].text == "x,y");
}

TEST_CASE("a folder that is none") {
  const Folder folder;
  SourceMap sources;
  Diagnostics absent, empty, file;
  read_bundle(folder.path / "nowhere", absent, sources);
  CHECK(first_code(absent) == "E0801");
  read_bundle(folder.path, empty, sources);
  CHECK(first_code(empty) == "E0801");
  folder.write("a.dun", "x");
  read_bundle(folder.path / "a.dun", file, sources);
  CHECK(first_code(file) == "E0801");
}

TEST_CASE("the head of a bundle") {
  const Checked made = check_files({{"a.dun", "bundle retail \"Retail\" {\n timezone Asia/Tokyo\n currency JPY\n calendar xx\n day starts 05:30\n}"}});
  INFO(made.text());
  REQUIRE(made.program);
  CHECK(made.program->bundle.name == "retail");
  CHECK(made.program->bundle.title == "Retail");
  CHECK(made.program->bundle.timezone == "Asia/Tokyo");
  CHECK(made.program->bundle.minor_digits == 0);
  CHECK(made.program->bundle.calendar == "xx");
  CHECK(made.program->bundle.day_start_s == 5 * 3600 + 1800);
  const auto code = [](const std::string& zone, const std::string& currency, const std::string& calendar) {
    return check_files({{"a.dun", "bundle a \"A\" { timezone " + zone + ", currency " + currency + ", calendar " + calendar + ", day starts 06:00 }"}}).codes();
  };
  CHECK(code("Europe/Berlyn", "EUR", "none") == "E0804");
  CHECK(code("UTC", "Euro", "none") == "E0805");
  CHECK(code("UTC", "EUR", "yy") == "E0806");
  CHECK(check_files({{"a.dun", "entity a { key id : text }"}}).codes() == "E0803");
  CHECK(check_files({{"a.dun", head}, {"b.dun", head}}).codes() == "E0803");
}

TEST_CASE("a datetime is local to the bundle's zone") {
  const Checked made = check_files(
      {{"a.dun", "bundle a \"A\" { timezone Asia/Tokyo, currency EUR, calendar none, day starts 06:00 }\nparameter p : datetime = 2026-01-01 09:00"}});
  REQUIRE(made.program);
  CHECK(made.program->roots[made.program->settings[0].initial].body->value == 20'454LL * 86'400'000'000);
}

TEST_CASE("modules join the program, with what they use and their sheets") {
  const Checked made = check("use std.small\nparameter p : int = 1\nfunction f() -> int = twice(2) + weight(3)");
  INFO(made.text());
  REQUIRE(made.program);
  CHECK(made.program->tables[0].rows.size() == 2);
  CHECK(check("use std.smal").codes() == "E0212");
  CHECK(check("use std.smal").first().help == "did you mean `std.small`?");
  CHECK(check("use std.small\nfunction double(n : int) -> int = n").codes() == "E0202");
  const Checked own = check_files({{"a.dun", head + "use house.rates"}, {"rates.dun", "module house.rates\nfunction rate() -> decimal = 2%"}});
  CHECK(own.codes() == "");
}

TEST_CASE("the name of a version follows every source") {
  const auto hash = [](const std::string& text, const std::string& path = "a.dun") {
    const Checked made = check_files({{path, head + text}});
    REQUIRE(made.program);
    return made.program->content_hash;
  };
  CHECK(hash("").size() == 64);
  CHECK(hash("") == hash(""));
  CHECK(hash("") != hash("// a word"));
  CHECK(hash("") != hash("", "b.dun"));
  CHECK(hash("use std.small") != hash("use std.smaller"));
}

TEST_CASE("settings") {
  const Checked made = check("parameter cap : decimal in 0..1 = 30%\nparameter note : text? = missing\nparameter days_left : int = 3");
  INFO(made.text());
  REQUIRE(made.program);
  CHECK(made.program->settings[0].maximum == 1'000'000);
  CHECK(made.program->settings[2].slot == 3);
  CHECK(made.program->setting_slots == 4);
  CHECK(check("parameter cap : decimal in 0..1 = 3").codes() == "E0315");
  CHECK(check("parameter cap : int").codes() == "E0321");
  CHECK(check("parameter cap : date = today").codes() == "E0321");
  CHECK(check("parameter cap : int = 1\nparameter other : int = cap").codes() == "E0321");
  CHECK(check("parameter cap : int = 1.5").codes() == "E0301");
}

TEST_CASE("words that a queue does not know are refused") {
  CHECK(check("entity a { key id : text }\nqueue call { merge per debtor }").codes() == "E0209");
  CHECK(check("queue call { colour red }").codes() == "E0219");
}

TEST_CASE("bytes that are no text") { CHECK(check_files({{"a.dun", head}, {"b.dun", "entity \xFF"}}).codes().find("E0101") == 0); }

TEST_CASE("a file that cannot be read leads to no message about what it would have declared") {
  const std::string uses = "strategy s \"S\" for account { enrol when n = 1\n stage one { } }\n";
  CHECK(check_files(
            {{"a.dun", head + "entity debtor { key id : text }\n"}, {"b.dun", "entity account of debtor { key id : text, n : int \xff }\n"}, {"c.dun", uses}})
            .codes() == "E0101");
  CHECK(check_files({{"a.dun", head + "entity debtor { key id : text, d = " + std::string(3000, '(') + "1" + std::string(3000, ')') + " }\n"}}).codes() ==
        "E0103");
  CHECK(check_files({{"a.dun", head + "entity debtor { key id : text, d = 1" + std::string(70'000, ' ') + "}\n"}}).codes() == "E0102");
}

TEST_CASE("an item that cannot be read leads to no message about its name, and hides no other") {
  const std::string text = head + "entity debtor { key id : text }\nentity account of debtor {\n  key id : text\n  overdue money\n}\n";
  const auto check_rules = [&](const std::string& rules) { return check_files({{"a.dun", text + rules}}).codes(); };
  CHECK(check_rules("strategy s \"S\" for account { enrol when overdue > 5\n stage one { } }\n") == "E0106");
  CHECK(check_rules("strategy s \"S\" for account { enrol when overdo > 5\n stage one { } }\n") == "E0106 E0201");
  // A stage whose head is broken is not missed, and neither is its strategy's only stage.
  CHECK(check_files({{"a.dun", head + "entity account { key id : text }\nstrategy s \"S\" for account {\n  stage { }\n}\n"}}).codes().find("E0708") ==
        std::string::npos);
  // The head of the bundle itself.
  CHECK(check_files({{"a.dun", "bundle { timezone UTC }\nentity account { key id : text }\n"}}).codes().find("E0803") == std::string::npos);
}

TEST_CASE("definitions that rest on one another too deeply are refused in any order") {
  const auto chain = [](int length) {
    std::string text = "function f0(x : int) -> int = x\n";
    for (int i = 1; i < length; ++i) text += "function f" + std::to_string(i) + "(x : int) -> int = f" + std::to_string(i - 1) + "(x) + 1\n";
    return check(text + "entity account { key id : text, x : int }\nstrategy s \"S\" for account { enrol when f" + std::to_string(length - 1) +
                 "(x) > 1\n stage one { } }\n");
  };
  CHECK(chain(900).codes() == "");
  CHECK(chain(1'100).codes() == "E0103");
}

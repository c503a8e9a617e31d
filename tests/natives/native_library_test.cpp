// The command with a department's shared library: checked, run by both backends, and refused with a reason where it does not fit.
#include <array>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

namespace fs = std::filesystem;

namespace {

struct Said {
  int exit = -1;
  std::string text;
};

Said run(const std::string& environment, const std::string& arguments) {
  const std::string command = environment + " '" DUNLIN_COMMAND "' " + arguments + " 2>&1";
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  Said said;
  std::array<char, 4096> buffer{};
  while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe)) said.text.append(buffer.data(), size);
  const int status = pclose(pipe);
  said.exit = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return said;
}

const std::string bundle = DUNLIN_SOURCE_DIR "/tests/natives/bundle";
const std::string with_library = "DUNLIN_NATIVE_PATH='" DEPARTMENT_NATIVES "'";

/// The bundle with one text of it replaced.
fs::path changed(const std::string& from, const std::string& to) {
  const fs::path folder = fs::temp_directory_path() / ("dunlin-natives-" + std::to_string(getpid()));
  fs::create_directories(folder);
  std::ifstream in(bundle + "/bundle.dun");
  std::string text{std::istreambuf_iterator<char>(in), {}};
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  std::ofstream(folder / "bundle.dun") << text.replace(at, from.size(), to);
  return folder;
}

}  // namespace

TEST_CASE("the tests of a bundle with a department's functions pass by the interpreter and by native code") {
  const Said said = run(with_library, "test " + bundle);
  INFO(said.text);
  CHECK(said.exit == 0);
  CHECK(said.text.find("2 tests, 0 failed; interpreter and native code") != std::string::npos);
}

TEST_CASE("a wrong expectation on a department's function fails, so it was called") {
  const fs::path folder = changed("fee = 80", "fee = 81");
  const Said said = run(with_library, "test '" + folder.string() + "'");
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.text.find("fee = 80") != std::string::npos);
  fs::remove_all(folder);
}

TEST_CASE("without the library the declaration is an error at its place") {
  const Said said = run("DUNLIN_NATIVE_PATH=", "check " + bundle);
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.text.find("E0325") != std::string::npos);
  CHECK(said.text.find("bundle.dun:2:") != std::string::npos);
  CHECK(said.text.find("local_fee") != std::string::npos);
}

TEST_CASE("another signature than the library's is an error") {
  const fs::path folder = changed("local_fee(claim : money", "local_fee(amount : money");
  const Said said = run(with_library, "check '" + folder.string() + "'");
  INFO(said.text);
  CHECK(said.exit == 1);
  CHECK(said.text.find("E0326") != std::string::npos);
  CHECK(said.text.find("local_fee(claim : money, years : int) -> money") != std::string::npos);
  fs::remove_all(folder);
}

TEST_CASE("a path that is no library is said, and is no mistake of the bundle") {
  const Said missing = run("DUNLIN_NATIVE_PATH=/nowhere/functions.so", "check " + bundle);
  CHECK(missing.exit == 3);
  CHECK(missing.text.find("/nowhere/functions.so") != std::string::npos);
  const Said wrong = run("DUNLIN_NATIVE_PATH='" + bundle + "/bundle.dun'", "check " + bundle);
  CHECK(wrong.exit == 3);
  const Said twice = run("DUNLIN_NATIVE_PATH='" DEPARTMENT_NATIVES ":" DEPARTMENT_NATIVES "'", "check " + bundle);
  CHECK(twice.exit == 3);
  CHECK(twice.text.find("there already") != std::string::npos);
}

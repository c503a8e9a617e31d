// dunlin import table: a table from where designers keep it, as Dunlin text.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "lang/diag/render.h"
#include "lang/sema/csv.h"
#include "lang/tables/dmn.h"
#include "lang/tables/dunlin_names.h"
#include "lang/tables/sheet_text.h"
#include "lang/tables/test_cases.h"
#include "lang/tables/translate.h"
#include "server/compile.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/stdlib_folder.h"
#include "server/table_commands.h"
#include "server/tables/trial.h"

namespace dunlin::server {
namespace {

namespace fs = std::filesystem;

constexpr uintmax_t file_bytes_max = 64u << 20;

struct ImportTableCommand {
  CommonOptions common;
  BundleOptions bundle;
  std::string file, name, into, test, policy = "unique", sheet;
  size_t outputs = 1;
  bool rounded = false;
};

std::expected<std::string, std::string> read_file(const std::string& path) {
  std::error_code error;
  if (fs::is_directory(path, error)) return std::unexpected(fmt::format("`{}` is a folder", path));
  const auto size = fs::file_size(path, error);
  if (error) return std::unexpected(fmt::format("`{}` cannot be read: {}", path, error.message()));
  if (size > file_bytes_max) return std::unexpected(fmt::format("`{}` is larger than 64 MB", path));
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return std::unexpected(fmt::format("`{}` cannot be read", path));
  return std::move(text).str();
}

std::string at(const std::string& file, const tables::Problem& problem) {
  std::string text = problem.line > 0 ? fmt::format("{}:{}", file, problem.line) : file;
  if (!problem.place.empty()) text += ": " + problem.place;
  return printable(text + ": " + problem.reason);
}

nlohmann::ordered_json json_of(const std::string& file, const tables::Problems& problems) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& problem : problems) {
    list.push_back({{"file", file}, {"line", problem.line}, {"place", problem.place}, {"reason", problem.reason}, {"help", problem.help}});
  }
  return list;
}

std::string dump(const nlohmann::ordered_json& body) { return body.dump(2, ' ', false, nlohmann::json::error_handler_t::replace); }

void say_refusals(const std::string& file, const tables::Problems& problems, bool color) {
  for (const auto& problem : problems) {
    fmt::print(stderr, "{} {}\n", styled("refused:", Style::yellow, color), at(file, problem));
    if (!problem.help.empty()) fmt::print(stderr, "  help: {}\n", printable(problem.help));
  }
}

/// What is imported otherwise than its writer may have meant.
void say_remarks(const std::string& file, const tables::Problems& problems, bool color) {
  for (const auto& problem : problems) fmt::print(stderr, "{} {}\n", styled("note:", Style::blue, color), at(file, problem));
}

int refuse_all(const ImportTableCommand& command, const tables::Problems& problems) {
  if (command.common.json) {
    fmt::print("{}\n", dump({{"error", command.file + " cannot be imported"}, {"refused", json_of(command.file, problems)}, {"exit", 1}}));
  } else {
    say_refusals(command.file, problems, command.common.color);
  }
  return static_cast<int>(Exit::input);
}

/// Puts the text into the bundle as a file of its own, if the bundle is still good with it.
int put_into_bundle(const ImportTableCommand& command, const std::string& text, const std::string& stem) {
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  SourceMap sources;
  Diagnostics diagnostics;
  BundleSources bundle = read_bundle(command.into, diagnostics, sources);
  const std::string file = stem + ".dun";
  const fs::path path = fs::path(command.into) / file;
  std::error_code error;
  if (!diagnostics.has_errors() && fs::exists(path, error)) {
    return fail(command.common, Exit::input, fmt::format("`{}` is there already", path.string()), "move it away, or print the text and put it where you like");
  }
  bool good = !diagnostics.has_errors();
  if (good) {
    bundle.files.push_back({file, text});
    std::sort(bundle.files.begin(), bundle.files.end(), [](const SourceFile& a, const SourceFile& b) { return a.path < b.path; });
    good = check_bundle(bundle, sources, diagnostics, {.stdlib = *stdlib}) != nullptr;
  }
  diagnostics.sort();
  if (!command.common.json) fmt::print(stderr, "{}", render_text(diagnostics, sources, {.color = command.common.color}));
  if (!good) {
    if (command.common.json) fmt::print("{}\n", render_json(diagnostics, sources));
    return fail(command.common, Exit::input, "the bundle would not be good with these tables; nothing was written");
  }
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  if (!out) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", path.string()));
  if (command.common.json) {
    fmt::print("{}\n", dump({{"written", path.string()}}));
  } else {
    fmt::print("{} {}\n", styled("written", Style::green, command.common.color), path.string());
  }
  return static_cast<int>(Exit::done);
}

const char* word_of(TrialLine::Outcome outcome) {
  return outcome == TrialLine::Outcome::equal ? "equal" : outcome == TrialLine::Outcome::different ? "different" : "refused";
}

int show_trial(const ImportTableCommand& command, const std::vector<TrialLine>& lines) {
  size_t counts[3] = {};
  for (const TrialLine& line : lines) ++counts[static_cast<size_t>(line.outcome)];
  if (command.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const TrialLine& line : lines) {
      list.push_back({{"test", line.test},
                      {"decision", line.decision},
                      {"expected", line.expected},
                      {"interpreter", line.interpreted},
                      {"native", line.native},
                      {"outcome", word_of(line.outcome)},
                      {"reason", line.reason}});
    }
    fmt::print("{}\n", dump({{"results", list}, {"equal", counts[0]}, {"different", counts[1]}, {"refused", counts[2]}}));
  } else {
    Table table({{"case"}, {"decision"}, {"expected"}, {"actual"}, {"outcome"}});
    for (const TrialLine& line : lines) {
      std::string actual = line.interpreted == line.native ? line.interpreted : line.interpreted + " / native " + line.native;
      if (line.outcome == TrialLine::Outcome::refused) actual = line.reason;
      table.add({printable(line.test), printable(line.decision), printable(line.expected), printable(actual), word_of(line.outcome)});
    }
    fmt::print("{}", table.text(command.common.color));
    fmt::print("{} equal, {} different, {} refused\n", counts[0], counts[1], counts[2]);
  }
  return static_cast<int>(counts[1] + counts[2] == 0 ? Exit::done : Exit::input);
}

int run_tests(const ImportTableCommand& command, const tables::Translation& translation) {
  auto text = read_file(command.test);
  if (!text) return fail(command.common, Exit::input, text.error());
  auto cases = tables::read_test_cases(*text);
  if (!cases) return fail(command.common, Exit::input, at(command.test, cases.error()), cases.error().help);
  auto stdlib = find_stdlib(command.bundle.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  auto lines = try_tables(translation, *cases, *stdlib, command.rounded);
  if (!lines) return fail(command.common, Exit::input, "what was made of the model is refused by the checker:\n" + lines.error());
  return show_trial(command, *lines);
}

int import_dmn(const ImportTableCommand& command, const std::string& text) {
  const auto model = tables::dmn::read_model(text);
  if (!model) return refuse_all(command, {model.error()});
  const auto translation = tables::translate(*model, {.only = command.name, .rounded = command.rounded});
  if (!command.test.empty()) return run_tests(command, translation);
  const std::string made = tables::dunlin_text(translation);
  const bool some_refused = !translation.refused.empty();
  if (made.empty() || (some_refused && !command.into.empty())) return refuse_all(command, translation.refused);
  if (!command.into.empty()) {
    if (!command.common.json) say_remarks(command.file, translation.remarks, command.common.color);
    return put_into_bundle(command, made, tables::dunlin_name(fs::path(command.file).stem().string()));
  }
  if (command.common.json) {
    fmt::print("{}\n", dump({{"text", made}, {"refused", json_of(command.file, translation.refused)}, {"notes", json_of(command.file, translation.remarks)}}));
  } else {
    fmt::print("{}", made);
    say_remarks(command.file, translation.remarks, command.common.color);
    say_refusals(command.file, translation.refused, command.common.color);
  }
  return static_cast<int>(some_refused ? Exit::input : Exit::done);
}

/// Comma-separated text as a sheet: the n-th row that is not empty is row n.
std::expected<sheets::Sheet, std::string> sheet_of_csv(const std::string& text) {
  if (find_invalid_utf8(text) != std::string::npos) return std::unexpected("it is not valid UTF-8");
  const sema::CsvText csv = sema::read_csv(text);
  if (csv.open_quote) return std::unexpected("a quote is never closed");
  sheets::Sheet sheet;
  for (const sema::CsvRow& row : csv.rows) {
    sheet.rows.emplace_back();
    for (const sema::CsvCell& cell : row.cells) sheet.rows.back().push_back(cell.text);
  }
  return sheet;
}

std::expected<sheets::Sheet, std::string> sheet_of_workbook(const std::string& bytes, const std::string& name) {
  auto book = sheets::read_workbook(bytes);
  if (!book) return std::unexpected(book.error());
  std::string names;
  for (sheets::Sheet& sheet : book->sheets) {
    if (name.empty() || sheet.name == name) return std::move(sheet);
    names += (names.empty() ? "" : ", ") + sheet.name;
  }
  return std::unexpected(fmt::format("it has no sheet `{}`; it has: {}", name, names));
}

int import_sheet(const ImportTableCommand& command, const std::string& bytes, bool workbook) {
  if (!command.test.empty()) return fail(command.common, Exit::usage, "--test is for DMN models", "write a test beside the table: docs/language.md, section 7");
  const auto sheet = workbook ? sheet_of_workbook(bytes, command.sheet) : sheet_of_csv(bytes);
  if (!sheet) return fail(command.common, Exit::input, fmt::format("`{}` cannot be read: {}", command.file, printable(sheet.error())));
  const std::string stem = fs::path(command.file).stem().string();
  const std::string name = tables::dunlin_name(command.name.empty() ? stem : command.name);
  const auto text = tables::sheet_table_text(*sheet, {.name = name, .policy = command.policy, .outputs = command.outputs});
  if (!text) return refuse_all(command, {text.error()});
  if (!command.into.empty()) return put_into_bundle(command, *text, name);
  if (command.common.json) {
    fmt::print("{}\n", dump({{"text", *text}, {"refused", nlohmann::ordered_json::array()}}));
  } else {
    fmt::print("{}", *text);
  }
  return static_cast<int>(Exit::done);
}

int import_table(const ImportTableCommand& command) {
  auto text = read_file(command.file);
  if (!text) return fail(command.common, Exit::input, text.error());
  const std::string extension = fs::path(command.file).extension().string();
  if (extension == ".dmn" || extension == ".xml") return import_dmn(command, *text);
  if (extension == ".csv" || extension == ".xlsx") return import_sheet(command, *text, extension == ".xlsx");
  return fail(command.common, Exit::input, fmt::format("`{}` is neither .dmn nor .csv nor .xlsx", command.file), "the ending says what the file is");
}

}  // namespace

void add_import_table_command(CLI::App& import, Chosen& chosen) {
  auto command = std::make_shared<ImportTableCommand>();
  auto* sub = import.add_subcommand("table", "Turn decision tables of a DMN model or a sheet into Dunlin text");
  sub->add_option("FILE", command->file, "DMN model (.dmn), sheet (.csv) or workbook (.xlsx)")->required();
  sub->add_option("--name", command->name, "DMN: only the decision of this name, and what it rests on. Sheets: the table's name, if not the file's");
  auto* into = sub->add_option("--into", command->into, "Put the text into this bundle as a file, if the bundle is good with it");
  sub->add_option("--test", command->test, "Hold the decisions to these test cases (XML) instead of printing them")->excludes(into);
  sub->add_flag("--rounded", command->rounded, "Round products and quotients at the sixth place instead of a fault where they do not fit");
  sub->add_option("--policy", command->policy, "Sheets: hit policy of the table")
      ->check(CLI::IsMember({"unique", "first", "any", "priority", "collect", "sum", "min", "max", "count"}))
      ->capture_default_str();
  sub->add_option("--outputs", command->outputs, "Sheets: how many columns at the end are outputs, if no header says `->`")->capture_default_str();
  sub->add_option("--sheet", command->sheet, "Workbooks: the sheet, if not the first");
  sub->add_option("--stdlib", command->bundle.stdlib, "Folder of the standard library, if not the installed one");
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin import table offers.dmn --into strategies/card_collections\n  dunlin import table offers.dmn --test offers-test-01.xml");
  sub->callback([command, &chosen] { chosen = [command] { return import_table(*command); }; });
}

}  // namespace dunlin::server

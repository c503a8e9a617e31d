// How the columns of a bank's file become entities and events of a bundle: a TOML file, checked against the program before a row is read.
// docs/guides/import-mapping.md shows it for people.
#pragma once

#include <cstdint>
#include <expected>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lang/sema/checked.h"
#include "server/import/control.h"
#include "server/import/csv_reader.h"
#include "server/import/template.h"
#include "server/import/value_reader.h"

namespace dunlin::import {

/// Something wrong with a mapping, by its place in the file. Line 0: the file as a whole.
struct MappingProblem {
  int64_t line = 0, column = 0;
  std::string message;
  std::string help;  // may be empty
};

struct Place {
  int64_t line = 0, column = 0;
};

/// Where the value of one field comes from.
struct FieldSource {
  checked::Index field = checked::none;
  Template value;
  std::vector<std::pair<std::string, std::string>> values;  // text in the file -> text of the value
  std::optional<std::string> otherwise;                     // for what is not listed in values
  std::string fallback;                                     // where the file has no value
  ValueFormat format;
  Place place;
};

struct EntityMapping {
  checked::Index entity = checked::none;
  Template key, of, root;  // of: key of what it hangs on; root: key of the case file's root
  std::vector<Condition> when;
  std::vector<FieldSource> fields;
  Place place;
};

/// Names with values that one repetition gives to the templates of an event.
using Repetition = std::vector<std::pair<std::string, Template>>;

struct EventMapping {
  checked::Index type = checked::none;
  Template of, root, at, id;
  std::vector<Condition> when;
  std::vector<FieldSource> fields;
  std::vector<Repetition> repeat;  // empty: once
  ValueFormat format;              // of `at`
  Place place;
};

struct Mapping {
  enum class Format { csv, json_lines };
  std::filesystem::path file;
  Format format = Format::csv;
  CsvOptions csv;
  std::vector<std::string> missing;  // texts that stand for a missing value
  std::string as_of;                 // business time of the data, as written; empty: not said
  std::string source;                // under which the events' ids are unique
  std::vector<EntityMapping> entities;
  std::vector<EventMapping> events;
  ControlSettings control;
};

/// Reads a mapping and holds it against the program: names, required fields, literals.
std::expected<Mapping, std::vector<MappingProblem>> load_mapping(const std::filesystem::path& file, const checked::Program& program);
/// The same from text; `file` is only a name.
std::expected<Mapping, std::vector<MappingProblem>> parse_mapping(std::string_view text, const std::filesystem::path& file, const checked::Program& program);

/// Columns that the mapping names and the file does not have.
std::vector<MappingProblem> missing_columns(const Mapping& mapping, const Header& header);

}  // namespace dunlin::import

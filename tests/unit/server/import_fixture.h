// A small checked program made by hand, so that the import is tested without the compiler.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "lang/sema/checked.h"

namespace dunlin::test {

inline checked::Field field(std::string name, checked::TypeKind kind, checked::Index slot, bool optional = false, int32_t id = -1) {
  checked::Field result;
  result.name = std::move(name);
  result.type = {kind, optional, id};
  result.slot = slot;
  return result;
}

/// debtor (id, name, age in 18..120, kind), account of debtor (id, credit_limit, opened?), statement and payment of account.
inline checked::Program small_program() {
  using checked::TypeKind;
  checked::Program program;
  program.bundle.name = "small";
  program.bundle.timezone = "Europe/Warsaw";
  program.bundle.currency = "PLN";
  program.bundle.day_start_s = 6 * 3600;
  program.enums.push_back({"kind", {"person", "company"}});
  checked::Entity debtor;
  debtor.name = "debtor";
  debtor.fields = {field("id", TypeKind::text, 0), field("name", TypeKind::text, 1), field("age", TypeKind::integer, 2),
                   field("kind", TypeKind::enumeration, 3, false, 0)};
  debtor.fields[0].key = true;
  debtor.fields[2].minimum = 18;
  debtor.fields[2].maximum = 120;
  debtor.key_field = 0;
  debtor.slot_count = 4;
  checked::Entity account;
  account.name = "account";
  account.parent = 0;
  account.depth = 1;
  account.fields = {field("id", TypeKind::text, 0), field("credit_limit", TypeKind::money, 1), field("opened", TypeKind::date, 2, true)};
  account.fields[0].key = true;
  account.key_field = 0;
  account.slot_count = 4;
  program.entities = {debtor, account};
  checked::EventType statement;
  statement.name = "statement";
  statement.owner = 1;
  statement.last_descendant = 0;
  statement.fields = {field("months_late", TypeKind::integer, 0), field("billed", TypeKind::money, 1)};
  statement.slot_count = 2;
  checked::EventType payment;
  payment.name = "payment";
  payment.owner = 1;
  payment.last_descendant = 1;
  payment.fields = {field("amount", TypeKind::money, 0)};
  payment.slot_count = 1;
  program.events = {statement, payment};
  return program;
}

/// A file that goes with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view text, std::string ending = ".csv") {
    static int number = 0;
    path_ = std::filesystem::temp_directory_path() / ("dunlin_import_" + std::to_string(getpid()) + "_" + std::to_string(number++) + ending);
    std::ofstream(path_, std::ios::binary) << text;
  }
  ~TemporaryFile() {
    std::error_code error;
    std::filesystem::remove(path_, error);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace dunlin::test

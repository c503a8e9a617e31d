// A collection office for tests of the stores: a program made by hand, one database, and the nights that run over it.
#pragma once

#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

#include "runtime/store/store.h"
#include "tests/unit/engine/desk.h"

namespace dunlin::store::test {

using engine::Instant;
using engine::test::Desk;
using engine::test::on;

/// A database that several stores may be opened on: PostgreSQL or memory.
class Place {
 public:
  virtual ~Place() = default;
  virtual std::unique_ptr<Store> open() = 0;
  virtual std::string url() const { return {}; }
  bool is_postgres() const { return !url().empty(); }
};
/// Null, with a warning that says why, if this machine has no PostgreSQL server.
std::unique_ptr<Place> make_place(const std::string& kind);
/// A store on a database that is there.
std::unique_ptr<Store> open_at(const std::string& url);
/// What the suites run on.
inline const std::vector<std::string> place_kinds = {"memory", "postgres"};
/// PostgreSQL with a store that lists six case files at a time, so that hardly a night fits into one list.
inline const std::string short_lists = "postgres, short lists";
inline const std::vector<std::string> ways_through_a_night = {"memory", "postgres", short_lists};
/// The rest of the test case once on each: `kind`, `place`; left out where there is no server.
#define ON_EACH(kinds)                                                  \
  const auto kind = GENERATE(from_range(::dunlin::store::test::kinds)); \
  INFO("store: " << kind);                                              \
  const auto place = ::dunlin::store::test::make_place(kind);           \
  if (!place) return
#define ON_BOTH_STORES() ON_EACH(place_kinds)

template <class T>
T good(Result<T> result) {
  if (!result) FAIL(result.error().message);
  return std::move(*result);
}
inline void good(Result<void> result) {
  if (!result) FAIL(result.error().message);
}

/// Accounts of debtors. `calling`: an SMS on entry, a standing call while money is owed, a letter after three days; a payment leads to
/// `promised`; nothing owed leads to `cured`. A complaint meets a rule that faults while `desk.evaluator.fault_next` is set.
class Office {
 public:
  /// `change` alters the program before anything is made from it.
  explicit Office(Place& place, const std::string& version = "v1", const std::function<void(checked::Program&)>& change = {});

  /// `change` may also use the desk's evaluator.
  Office(Place& place, const std::string& version, const std::function<void(Desk&)>& change);

  InstanceRow debtor(const std::string& key);
  InstanceRow account(const std::string& key, const std::string& of, int64_t balance);
  EventRow payment(const std::string& of, const std::string& account, Instant at, const std::string& id, int64_t amount = 1'00);
  EventRow complaint(const std::string& of, Instant at, const std::string& id);
  void import(std::vector<InstanceRow> rows, Instant as_of = on(1));
  /// Debtor D-n with account A-n for n in 1 … count, balance n * 10.00.
  void import_debtors(int count, Instant as_of = on(1));
  BundleVersion activate(Instant at = on(1));
  /// Steps what is awake, batch by batch; returns how many case files were stepped.
  int64_t night(Instant now, bool full = false, size_t limit = 100);
  /// Loads, steps and returns what is to be committed; the case files stay in `held`.
  std::vector<CaseCommit> step_only(Instant now, size_t limit = 100, BucketRange within = {0, engine::bucket_count - 1});
  std::string stage_of(const std::string& account, std::optional<Instant> at = std::nullopt);

  Desk desk;
  std::unique_ptr<Store> store;
  int32_t version = 0;
  std::vector<std::unique_ptr<engine::CaseFile>> held;
  std::vector<engine::StepResult> results;

 private:
  std::unique_ptr<engine::Stepper> stepper_;
  abi::Arena texts_;
  int64_t text(const std::string& value) { return reinterpret_cast<int64_t>(texts_.text(value)); }
};

}  // namespace dunlin::store::test

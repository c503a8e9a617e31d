// A bundle compiled from text, a model store, and a made-up portfolio in it: what simulations and property tests stand on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "lang/sema/check.h"
#include "runtime/simulate/night.h"
#include "runtime/store/model_store.h"

namespace dunlin::sim_test {

using engine::Instant;

/// A bundle ready to run; aborts the test with the diagnostics if it does not compile.
class Compiled {
 public:
  explicit Compiled(const std::string& text);
  explicit Compiled(BundleSources sources);
  /// A bundle of a folder of the project: "strategies/card_collections".
  static Compiled folder(const std::string& path);
  const checked::Program& program() const { return *program_; }
  const Interpreter& evaluator() const { return *interpreter_; }
  const abi::Calendar& calendar() const { return *calendar_->view(); }
  const std::vector<int64_t>& settings() const { return settings_; }
  const BundleSources& sources() const { return bundle_; }
  simulate::NightProgram night() const { return {*program_, *interpreter_, calendar(), settings_, 1}; }
  Instant day_start(int64_t date) const;

  const SourceMap& source_map() const { return sources_; }

 private:
  Compiled() = default;
  void compile(Diagnostics& diagnostics);
  BundleSources bundle_;
  SourceMap sources_;
  std::unique_ptr<checked::Program> program_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<abi::CalendarTables> calendar_;
  std::unique_ptr<abi::Arena> arena_ = std::make_unique<abi::Arena>();
  std::vector<int64_t> settings_;
};

/// A value of a field as a test writes it.
struct Given {
  std::string field;
  int64_t value = 0;
  bool missing = false;
};

/// A store with a portfolio, and what can happen to it.
class Portfolio {
 public:
  explicit Portfolio(const Compiled& compiled);
  /// In this store, which has nothing yet.
  struct InNew {};
  Portfolio(const Compiled& compiled, std::unique_ptr<store::Store> store, InNew);
  /// On a store that is there and has a version.
  Portfolio(const Compiled& compiled, std::unique_ptr<store::Store> store) : compiled_(compiled), store_(std::move(store)) {}
  store::Store& store() { return *store_; }
  /// Told of each event that was posted.
  std::function<void(const store::EventRow&)> posted;

  void put(const std::string& entity, const std::string& key, const std::string& root, const std::string& parent, const std::vector<Given>& fields, Instant at);
  void post(const std::string& event, const std::string& owner_entity, const std::string& owner, const std::string& root, const std::vector<Given>& fields,
            Instant at);
  /// An outcome of a task of this account.
  void complete(const store::TaskRow& task, int64_t identity, const std::string& outcome, const std::vector<Given>& fields, Instant at);
  simulate::NightReport night(int64_t date, const simulate::NightOptions& options);
  /// Everything that a run must agree on: stages, states, tasks, transitions. Not the wakes.
  std::string dump(const std::vector<std::string>& accounts);
  std::unique_ptr<engine::CaseFile> case_of(const std::string& account);
  std::string stage_of(const std::string& account);
  std::vector<std::string> open_tasks(const std::string& account);

 private:
  std::vector<int64_t> slots_for(const std::vector<checked::Field>& fields, int32_t count, const std::vector<Given>& given);
  const Compiled& compiled_;
  std::unique_ptr<store::Store> store_;
  abi::Arena texts_;
  int64_t events_ = 0;
};

/// Numbers from a seed, the same on every machine.
class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed * 2 + 1) {}
  uint64_t next();
  /// 0 … n - 1
  int64_t below(int64_t n) { return static_cast<int64_t>(next() % static_cast<uint64_t>(n)); }
  bool one_in(int64_t n) { return below(n) == 0; }

 private:
  uint64_t state_;
};

int64_t date_of(int year, int month, int day);

}  // namespace dunlin::sim_test

// A version that somebody wants to become the active one: compared with it, tried on the live portfolio, refused or made active.
// The command line and the server go the same way.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <set>
#include <string>

#include "runtime/plan/compare.h"
#include "runtime/plan/live.h"
#include "runtime/store/store.h"
#include "server/compile.h"

namespace dunlin::server {

/// A version with everything to step it.
struct Runner {
  std::unique_ptr<CheckedBundle> bundle;
  Machine machine;
  std::unique_ptr<abi::Arena> arena;
  std::vector<int64_t> settings;
  int32_t number = 0;  // 0: not stored yet
  const checked::Program& program() const { return *bundle->program; }
  /// By the interpreter, which lives as long as the runner: for everybody.
  simulate::NightProgram night() const;
  /// By native code, for whoever owns the runner: who steps may exchange it.
  simulate::NightProgram native_night() const;
  bool carries() const;  // something of older versions
  /// sema::personal_names of the program, found once.
  const std::set<std::string>& personal() const;

 private:
  mutable std::once_flag personal_found_;
  mutable std::set<std::string> personal_;
};

/// Compiles; an error is one sentence.
store::Result<std::unique_ptr<Runner>> make_runner(std::unique_ptr<CheckedBundle> bundle, int32_t number, bool with_native);
/// The sources of a stored version, checked by this program.
store::Result<std::unique_ptr<CheckedBundle>> bundle_of_version(store::Store& store, int32_t number, const std::filesystem::path& stdlib);
/// A bundle as it would become active: with what it has to carry along for those who are pinned to older versions (plan::carry_along).
store::Result<std::unique_ptr<CheckedBundle>> carrying(store::Store& store, std::unique_ptr<CheckedBundle> next);
/// The same of a bundle that is about to run on this store.
store::Result<void> carry_along(store::Store& store, RunnableBundle& bundle, bool with_native);
/// The same as bundle_of_version, compiled.
store::Result<std::unique_ptr<Runner>> runner_of_version(store::Store& store, int32_t number, const std::filesystem::path& stdlib, bool with_native);
/// Number of the active version; 0 if there is none.
store::Result<int32_t> active_version(store::Store& store);

struct Proposal {
  int32_t active = 0;    // 0: none
  int32_t proposed = 0;  // number of the stored version with these sources; 0: new
  std::string bundle, content_hash;
  bool same = false;  // it is the active version already
  plan::Comparison comparison;
  std::optional<plan::LivePlan> live;  // nothing where only the text was compared
  int64_t at = 0;
};

struct ProposalOptions {
  int64_t at = 0;         // instant of the steps
  bool portfolio = true;  // try it on the live portfolio
  std::function<bool(int64_t cases)> progress;
};

/// Compares `next` with the active version and tries it. Reads only, but for empty columns that the new version needs.
store::Result<Proposal> make_proposal(store::Store& store, const Runner& next, const ProposalOptions& options);

struct Refusal {
  std::string message, help;
};
/// Why it may not become active; nothing: it may.
std::optional<Refusal> refusal_of(const Proposal& proposal, bool accept_wider_limits);

/// Who makes it active, from where, and why.
struct Activator {
  std::string author, origin, reason;
  bool back = false;                 // a step back …
  int32_t back_to = 0;               // … to this version
  std::optional<int64_t> agreed_to;  // the waiting proposal that is carried out …
  std::string approver;              // … and who agreed
};
/// Makes it active at one instant, if the version that was planned against still is.
store::Result<store::BundleVersion> activate(store::Store& store, const Runner& next, const Proposal& proposal, const Activator& activator);

std::string proposal_text(const Proposal& proposal, bool color);
nlohmann::ordered_json proposal_json(const Proposal& proposal);

/// Who gives the command: the user's name on this machine.
std::string user_name();
/// Where a command is given: "command line on HOST".
std::string command_line_origin();

}  // namespace dunlin::server

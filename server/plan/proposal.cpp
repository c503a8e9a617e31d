#include "server/plan/proposal.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "lang/sema/personal_names.h"
#include "lang/sema/transfers.h"
#include "lang/service/kept.h"
#include "runtime/plan/carry.h"
#include "runtime/store/older_versions.h"
#include "server/plan/refusals.h"

namespace dunlin::server {

using store::StoreError;

simulate::NightProgram Runner::night() const {
  return {.program = program(), .evaluator = machine.evaluator(true), .calendar = *machine.calendar->view(), .settings = settings, .version = number};
}

simulate::NightProgram Runner::native_night() const {
  return {.program = program(), .evaluator = machine.evaluator(false), .calendar = *machine.calendar->view(), .settings = settings, .version = number};
}

const std::set<std::string>& Runner::personal() const {
  std::call_once(personal_found_, [this] { personal_ = sema::personal_names(program()); });
  return personal_;
}

bool Runner::carries() const { return program().transfers && !program().transfers->kept.empty(); }

store::Result<std::unique_ptr<Runner>> make_runner(std::unique_ptr<CheckedBundle> bundle, int32_t number, bool with_native) {
  auto machine = make_machine(*bundle->program, bundle->stdlib, with_native);
  if (!machine) return std::unexpected(StoreError{StoreError::Kind::environment, machine.error()});
  auto runner = std::make_unique<Runner>();
  runner->bundle = std::move(bundle);
  runner->machine = std::move(*machine);
  runner->number = number;
  runner->arena = std::make_unique<abi::Arena>();
  runner->settings = engine::initial_settings(runner->program(), runner->machine.evaluator(true), *runner->machine.calendar->view(), *runner->arena);
  return runner;
}

store::Result<std::unique_ptr<CheckedBundle>> bundle_of_version(store::Store& store, int32_t number, const std::filesystem::path& stdlib) {
  auto sources = store.sources_of(number);
  if (!sources) return std::unexpected(sources.error());
  auto bundle = check_files(std::move(*sources), stdlib);
  if (!bundle->program) {
    return std::unexpected(StoreError{StoreError::Kind::environment,
                                      fmt::format("version {} was stored by another build of dunlin and does not pass the checks of this one", number)});
  }
  return bundle;
}

store::Result<std::unique_ptr<Runner>> runner_of_version(store::Store& store, int32_t number, const std::filesystem::path& stdlib, bool with_native) {
  auto bundle = bundle_of_version(store, number, stdlib);
  if (!bundle) return std::unexpected(bundle.error());
  return make_runner(std::move(*bundle), number, with_native);
}

namespace {

/// The whole bundle where it is another one; null: it carries nothing.
store::Result<std::unique_ptr<CheckedBundle>> whole_of(store::Store& store, const CheckedBundle& next) {
  auto files = plan::carry_along(store, next.files, *next.program, {.stdlib = next.stdlib});
  if (!files) return std::unexpected(files.error());
  if (std::ranges::equal(files->files, next.files.files, [](const auto& a, const auto& b) { return a.path == b.path && a.text == b.text; })) return nullptr;
  auto whole = check_files(std::move(*files), next.stdlib);
  if (whole->program) return whole;
  const auto first = std::ranges::find(whole->diagnostics.all(), Severity::error, &Diagnostic::severity);
  return std::unexpected(StoreError{StoreError::Kind::input, "what is kept of older versions does not fit: " +
                                                                 (first == whole->diagnostics.all().end() ? std::string("too many errors") : first->message)});
}

}  // namespace

store::Result<std::unique_ptr<CheckedBundle>> carrying(store::Store& store, std::unique_ptr<CheckedBundle> next) {
  auto whole = whole_of(store, *next);
  if (whole && *whole == nullptr) return next;
  return whole;
}

store::Result<int32_t> active_version(store::Store& store) {
  auto versions = store.versions();
  if (!versions) return std::unexpected(versions.error());
  const auto found = std::ranges::find_if(*versions, &store::BundleVersion::active);
  return found == versions->end() ? 0 : found->number;
}

store::Result<void> carry_along(store::Store& store, RunnableBundle& bundle, bool with_native) {
  auto whole = whole_of(store, *bundle.checked);
  if (!whole) return std::unexpected(whole.error());
  if (*whole == nullptr) return {};
  auto machine = make_machine(*(*whole)->program, (*whole)->stdlib, with_native);
  if (!machine) return std::unexpected(StoreError{StoreError::Kind::environment, machine.error()});
  bundle.machine = std::move(*machine);  // before what the old one refers to goes
  bundle.checked = std::move(*whole);
  return {};
}

namespace {

/// A bundle without what it carries along of older versions.
class OwnText {
 public:
  explicit OwnText(const CheckedBundle& whole) : whole_(whole) {
    if (whole.program->transfers && !whole.program->transfers->kept.empty()) alone_ = check_files(service::own_files(whole.files), whole.stdlib);
  }
  const CheckedBundle& bundle() const { return alone_ && alone_->program ? *alone_ : whole_; }

 private:
  const CheckedBundle& whole_;
  std::unique_ptr<CheckedBundle> alone_;
};

}  // namespace

plan::Comparison compare_texts(const CheckedBundle& active, const CheckedBundle& next) {
  const OwnText before(active), after(next);
  return plan::compare({*before.bundle().program, before.bundle().sources}, {*after.bundle().program, after.bundle().sources});
}

store::Result<Proposal> make_proposal(store::Store& store, const Runner& next, const ProposalOptions& options) {
  auto versions = store.versions();
  if (!versions) return std::unexpected(versions.error());
  Proposal proposal{.bundle = next.program().bundle.name, .content_hash = next.program().content_hash, .at = options.at};
  for (const auto& version : *versions) {
    if (version.active) proposal.active = version.number;
    if (version.content_hash == proposal.content_hash) proposal.proposed = version.number;
  }
  proposal.same = proposal.active != 0 && proposal.active == proposal.proposed;
  if (proposal.same) return proposal;
  std::unique_ptr<Runner> active;
  if (proposal.active != 0) {
    auto runner = runner_of_version(store, proposal.active, next.bundle->stdlib, options.portfolio);
    if (!runner) return std::unexpected(runner.error());
    active = std::move(*runner);
    proposal.comparison = compare_texts(*active->bundle, *next.bundle);
  }
  if (!options.portfolio) return proposal;
  if (auto room = store.make_room(next.program()); !room) return std::unexpected(room.error());
  std::optional<simulate::NightProgram> running;
  if (active) running.emplace(active->native_night());
  auto live = plan::look_at_portfolio(store, running ? &*running : nullptr, next.native_night(), options.at, {.progress = options.progress});
  if (!live) return std::unexpected(live.error());
  proposal.live = std::move(*live);
  return proposal;
}

Refusal stranded_refusal(int64_t count, const std::string& whom, const std::string& stage, const std::string& example) {
  return {fmt::format("{} live {}s stand in `{}`, a stage that the new version does not have{}{}", count, whom, stage, example.empty() ? "" : ", for example ",
                      example),
          fmt::format("say where they go: `migrate {0} -> …`; or keep the stage `{0}`, with a rule that leads out of it, until nobody stands in it", stage)};
}

Refusal wider_limits_refusal() { return {"a limit would let more through than it does now", "if that is meant, say so with --accept-wider-limits"}; }

std::optional<Refusal> refusal_of(const Proposal& proposal, bool accept_wider_limits) {
  if (proposal.live && !proposal.live->stranded.empty()) {
    const auto& first = proposal.live->stranded.front();
    return stranded_refusal(first.count, first.example.entity, first.stage, first.example.entity + " " + first.example.key);
  }
  if (proposal.comparison.wider() && !accept_wider_limits) return wider_limits_refusal();
  return std::nullopt;
}

store::Result<store::BundleVersion> activate(store::Store& store, const Runner& next, const Proposal& proposal, const Activator& activator) {
  if (auto prepared = store.prepare(next.program()); !prepared) return std::unexpected(prepared.error());
  if (store::OlderVersions* older = store::older_versions_of(store); older != nullptr && activator.back) older->leads_back_to(activator.back_to);
  return store.activate(next.program(), next.bundle->files,
                        store::Activation{.author = activator.author,
                                          .at = proposal.at,
                                          .reason = activator.reason,
                                          .replacing = proposal.active,
                                          .origin = activator.origin,
                                          .back = activator.back,
                                          .proposal = activator.agreed_to,
                                          .approver = activator.approver});
}

std::string command_line_origin() {
  char host[256] = {};
  return gethostname(host, sizeof host - 1) == 0 ? fmt::format("command line on {}", host) : "command line";
}

std::string user_name() {
  const passwd* user = getpwuid(geteuid());
  return user && user->pw_name ? user->pw_name : "unknown";
}

}  // namespace dunlin::server

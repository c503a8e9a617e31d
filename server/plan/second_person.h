// Four eyes: one person proposes a version, another agrees, and only then it becomes active. The command line and the server go the same way.
#pragma once

#include <expected>
#include <filesystem>
#include <string>

#include "runtime/store/service.h"
#include "server/plan/proposal.h"

namespace dunlin::server {

/// Why something was not done. The kinds are the store's, and one more.
struct NotDone {
  enum class Kind : uint8_t { environment, input, conflict, not_allowed };
  Kind kind = Kind::input;
  std::string message, help;
};
NotDone not_done(const store::StoreError& error);
NotDone not_done(const store::ServiceError& error);

/// Does this database ask for a second person?
std::expected<bool, NotDone> second_person_asked(store::Service& service);
/// True: it changed. Stands in the audit.
std::expected<bool, NotDone> ask_for_second_person(store::Service& service, bool asked, const std::string& who, const std::string& origin,
                                                   const std::string& reason);

/// Keeps what was planned until somebody else agrees; its number. The same that waits already is not kept twice.
std::expected<int64_t, NotDone> propose(store::Service& service, const Runner& next, const Proposal& proposal, const Activator& activator, bool wider);

struct Agreed {
  Proposal proposal;
  store::BundleVersion version;
};
/// Plans the waiting proposal again, on the portfolio as it is now, and makes it active. `decision`: who agrees, from where and why.
std::expected<Agreed, NotDone> agree(store::Service& service, store::Store& store, int64_t id, const Activator& decision, int64_t at,
                                     const std::filesystem::path& stdlib);
/// A waiting proposal will not become active. Its author may say so too.
std::expected<void, NotDone> reject(store::Service& service, int64_t id, const Activator& decision);

}  // namespace dunlin::server

#include "server/plan/take_up.h"

#include <fmt/format.h>

#include <algorithm>

#include "lang/sema/transfers.h"
#include "runtime/engine/state_codec.h"
#include "runtime/store/older_versions.h"
#include "runtime/store/service.h"
#include "server/plan/refusals.h"
#include "server/plan/second_person.h"

namespace dunlin::server {

using store::StoreError;

namespace {

std::unexpected<StoreError> refused(const Refusal& refusal) {
  return std::unexpected(StoreError{StoreError::Kind::input, refusal.message + "; " + refusal.help});
}

/// Live nodes step under a version that all of them have compiled: `apply` asks them first, and whoever runs by hand could not step what they hold.
store::Result<void> no_live_nodes(store::Store& store) {
  auto nodes = store.nodes();
  if (!nodes) return std::unexpected(nodes.error());
  std::string names;
  for (const auto& node : *nodes) {
    if (node.live) names += (names.empty() ? "" : ", ") + node.name;
  }
  if (names.empty()) return {};
  return std::unexpected(StoreError{StoreError::Kind::conflict,
                                    fmt::format("live nodes ({}) are at work on this database, and nothing was changed; `dunlin apply` makes a version active "
                                                "beside them, or stop them first",
                                                names)});
}

store::Result<void> no_second_person(const StoreOptions& given) {
  const StoreOptions where = with_environment(given);
  auto service = store::Service::open({.url = where.database, .folder = where.data}, 1, 60'000);
  if (!service) return std::unexpected(service.error());
  auto asked = second_person_asked(**service);
  if (!asked) return std::unexpected(StoreError{StoreError::Kind::environment, asked.error().message});
  if (!*asked) return {};
  return refused({"this database asks for a second person before a version becomes active",
                  "propose it with `dunlin apply`, and somebody else agrees with `dunlin proposal approve`"});
}

/// Whoever stands in a stage that is gone would be enrolled anew, and their way would be broken.
store::Result<void> nobody_stranded(store::Store& store, const checked::Program& program) {
  store::OlderVersions* older = store::older_versions_of(store);
  if (older == nullptr) return {};
  auto standing = older->standing();
  if (!standing) return std::unexpected(standing.error());
  for (const auto& one : *standing) {
    if (checked::stage_under(program, engine::stage_in(program, one.stage), one.version) < 0)
      return refused(stranded_refusal(one.count, "instance", one.stage, ""));
  }
  return {};
}

store::Result<void> no_wider_limits(store::Store& store, int32_t active, const CheckedBundle& next) {
  auto before = bundle_of_version(store, active, next.stdlib);
  if (!before) {
    StoreError error = before.error();
    error.message += ", so that its limits cannot be compared with those of the new one; if that is accepted, say so with --accept-wider-limits";
    return std::unexpected(std::move(error));
  }
  if (compare_texts(**before, next).wider()) return refused(wider_limits_refusal());
  return {};
}

/// What `dunlin apply` refuses, where somebody is there to be hit by it.
store::Result<void> look_before(store::Store& store, int32_t active, const CheckedBundle& next, const TakeUp& how) {
  if (auto room = store.make_room(*next.program); !room) return room;
  auto there = store.funnel();
  if (!there) return std::unexpected(there.error());
  if (there->empty()) return {};
  if (auto done = nobody_stranded(store, *next.program); !done) return done;
  return how.accept_wider_limits ? store::Result<void>() : no_wider_limits(store, active, next);
}

}  // namespace

store::Result<TakenUp> take_up(store::Store& store, const RunnableBundle& bundle, const TakeUp& how) {
  const checked::Program& program = bundle.program();
  auto versions = store.versions();
  if (!versions) return std::unexpected(versions.error());
  const auto active = std::ranges::find_if(*versions, &store::BundleVersion::active);
  const int32_t replacing = active == versions->end() ? 0 : active->number;
  if (replacing != 0 && active->content_hash == program.content_hash) {
    if (auto done = store.prepare(program); !done) return std::unexpected(done.error());
    return TakenUp{.version = replacing, .activated = false};
  }
  if (auto done = no_second_person(how.store); !done) return std::unexpected(done.error());
  if (auto done = no_live_nodes(store); !done) return std::unexpected(done.error());
  if (replacing != 0) {
    if (auto done = look_before(store, replacing, *bundle.checked, how); !done) return std::unexpected(done.error());
  }
  if (auto done = store.prepare(program); !done) return std::unexpected(done.error());
  auto version = store.activate(program, bundle.checked->files,
                                store::Activation{.author = user_name(), .at = how.at, .reason = {}, .replacing = replacing, .origin = command_line_origin()});
  if (!version) return std::unexpected(version.error());
  return TakenUp{.version = version->number, .activated = true};
}

}  // namespace dunlin::server

// `dunlin run`: the bundle it was given becomes the active version, unless it is that already, and unless `dunlin apply` would refuse it.
#pragma once

#include "runtime/store/store.h"
#include "server/compile.h"
#include "server/open_store.h"

namespace dunlin::server {

struct TakeUp {
  StoreOptions store;  // where the database is
  int64_t at = 0;      // instant of the activation
  bool accept_wider_limits = false;
};
struct TakenUp {
  int32_t version = 0;
  bool activated = false;  // it was not active before
};
/// Prepares the store for the bundle, too. Where it is refused nothing has changed but empty columns that it would need.
store::Result<TakenUp> take_up(store::Store& store, const RunnableBundle& bundle, const TakeUp& how);

}  // namespace dunlin::server

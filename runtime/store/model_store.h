// Portfolios in memory: what the Store port means, in simple maps. The measure for the PostgreSQL store, and the store of simulations and tests.
// Nothing here is fast; everything is kept by name, as a database keeps it, so that another version of a program finds it again.
#pragma once

#include <memory>

#include "runtime/store/store.h"

namespace dunlin::store {

/// The "database": shared by the stores that are opened on it, so that several threads may each have a connection of their own.
class ModelDatabase {
 public:
  ModelDatabase();
  ~ModelDatabase();
  struct Inner;
  Inner& inner() { return *inner_; }

 private:
  std::unique_ptr<Inner> inner_;
};

std::unique_ptr<Store> open_model(std::shared_ptr<ModelDatabase> database);
/// With a database of its own.
std::unique_ptr<Store> open_model();

}  // namespace dunlin::store

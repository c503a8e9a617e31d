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
  /// What the leases of nodes run by; without it the machine's clock.
  void set_clock(engine::Instant now);
  /// A mistake made on purpose, to see who finds it. Nothing but tests has a model database.
  enum class Mistake : uint8_t {
    none,
    old_epoch,            // a commit of a node that lost its buckets is taken
    old_step,             // so is one of a case file that has moved on
    old_version,          // so is one made under another version
    change_forgotten,     // data that changes between load and commit wakes nobody
    withdrawal_lost,      // a task that is withdrawn stays open
    creation_lost,        // a task is not there
    creation_doubled,     // a task is there twice
    update_lost,          // a task that changes stays as it was
    event_kept_waiting,   // an event is handled again by the next step
    event_lost,           // an event that arrives between load and commit is gone
    raised_lost,          // an event that a step raises is not kept
    transition_lost,      // a way from stage to stage is not written down
    state_lost,           // the last state of a step is not kept
    wake_forgotten,       // the wake of a step is not kept
    decision_lost,        // a line of the decision record is missing
    same_event_twice,     // one source's id may come twice about one account
    one_id_for_all,       // an id that a source used for one account is known for the others
    contact_not_counted,  // the oldest contact is missing when a case file is loaded
    mark_lost,            // a timer forgets what it fired for
  };
  void make(Mistake mistake);
  struct Inner;
  Inner& inner() { return *inner_; }

 private:
  std::unique_ptr<Inner> inner_;
};

std::unique_ptr<Store> open_model(std::shared_ptr<ModelDatabase> database);
/// With a database of its own.
std::unique_ptr<Store> open_model();

}  // namespace dunlin::store

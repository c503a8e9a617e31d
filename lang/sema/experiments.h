// Ideas on trial: experiments between strategies, between arms of something inside one strategy, and holdouts.
// Who comes into which arm is drawn once, when an instance enters a strategy; runtime/engine/experiments.cpp does it.
#pragma once

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// Shares are counted in hundredths of a percent, as `split()` draws: 0 … 9,999.
constexpr int64_t whole_share = 10'000;

struct Experiment {
  enum class Kind : uint8_t {
    strategies,  // a champion and its challengers
    arms,        // named ways of doing something inside a strategy: `arm(letter_tone)`
    holdout,     // one arm, that takes part in no experiment
  };
  struct Arm {
    std::string name;  // of the strategy, or as written
    Index strategy = none;
    int64_t share = 0;
    int64_t from = 0;  // draws from … from + share - 1 are its own
    Span span;
  };
  /// `rate(complaint) <= 0.2%`: the share of those enrolled to whom it has happened since.
  struct Guardrail {
    std::string text;
    RootId happened = none;  // bool, self: `entity`; counts from the instant of the draw
    int64_t most = 0;        // share
    bool reached = false;    // `<`: the share itself is too much
    Span span;
  };

  Kind kind = Kind::strategies;
  std::string name, title;
  std::vector<Arm> arms;
  Index control = 0;         // arm of those who are not in it: the champion, or the first arm written
  Index entity = none;       // of what is enrolled; none: any (a holdout)
  Index unit = none;         // entity that is drawn: all that hangs on one goes the same way
  std::string layer;         // may be empty
  RootId among = none;       // bool, self: `entity`; none: all
  int64_t from = 0, to = 0;  // dates, both included; a holdout may leave them open (INT64_MIN, INT64_MAX)
  RootId success = none;     // self: `entity`; `enrolment` is the instant of the draw
  RootId cost = none;        // the same
  std::vector<Guardrail> guardrails;
  std::string subject;           // arms: what they are of, as `arm(…)` calls it
  Index enumeration = none;      // arms: its type
  std::vector<Index> variables;  // arms: by strategy, the variable that bears the arm; none where the strategy is for another entity
  std::string doc;
  Span span;
};

/// `given account { sms_first: soft_sms }`: a test says into which arm an instance was drawn.
struct GivenArm {
  Index test = none, instance = none;  // Program::tests, Test::instances
  Index experiment = none, arm = none;
};

struct Trials {
  std::vector<Experiment> experiments;  // in the order of the text
  std::vector<Index> champion_of;       // by strategy: the one whose place it takes as a challenger; none
  std::vector<GivenArm> given;
};

}  // namespace dunlin::checked

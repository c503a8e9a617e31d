// Limits drawn at random: as Dunlin text for the engine, and as plain figures for whoever counts the log by hand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace dunlin::limits_test {

struct Line {
  enum class Kind { at_most, hours, pause, never };
  enum class Period { day, week, month, days, hours };
  enum class Key { debtor, account, person };
  Kind kind = Kind::at_most;
  std::string channel;  // call, robot, mail, sms, letter, visit, any contact: whom it judges
  int64_t most = 0;
  Period period = Period::day;
  int64_t length = 0;  // of `days` and `hours`
  Key key = Key::debtor;
  bool conversations = false;
  int64_t reserved = 0;                      // places for the treatment "important"
  std::string after;                         // pause: the outcome
  int64_t days = 0;                          // pause, never: how long
  int64_t from = INT64_MIN, to = INT64_MAX;  // at_most: dates between which it is in force
  std::string text;
};

struct Policy {
  std::vector<Line> lines;
  std::string bundle;  // the whole text
  std::string second;  // a later version: the same limits, other strategies
};

/// Whether what goes through this queue is what a line calls `channel`: a robot's call is a call.
bool is_channel(const std::string& channel, const std::string& queue);
Policy draw(sim_test::Dice& dice);

}  // namespace dunlin::limits_test

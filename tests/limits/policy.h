// Banks drawn at random: several versions of a bundle with limits of every kind, as Dunlin text for the engine, and as plain figures for whoever counts the log
// by hand.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace dunlin::limits_test {

struct Line {
  enum class Kind { at_most, hours, pause, never };
  enum class Period { day, week, month, days, hours, quarter, year };
  enum class Key { debtor, account, person, account_and_person };
  enum class Unit { days, hours, business_days, months };
  /// Hours of a group of days, without the end; seconds of the local day.
  struct Hours {
    int64_t from = 0, to = 0;
    std::string days;  // working days, weekends, a weekday, others
  };
  Kind kind = Kind::at_most;
  std::string channel;  // call, robot, mail, sms, letter, visit, any contact, "call, sms": whom it judges
  int64_t most = 0;
  Period period = Period::day;
  int64_t length = 0;  // of `days` and `hours`
  Key key = Key::debtor;
  bool conversations = false;                // counted are outcomes below `reached` and `met`
  int64_t reserved = 0;                      // places for the treatment "important"
  std::string after;                         // pause: the outcome or event
  int64_t days = 0;                          // pause, never: how long
  int64_t from = INT64_MIN, to = INT64_MAX;  // dates between which it is in force
  std::string text;

  std::string counts;        // at_most: contacts through these count; empty: those it judges
  int64_t most_of_vips = 0;  // at_most: the figure while the debtor is a VIP; 0: the same
  Unit unit = Unit::days;    // of a pause, and of a ban's end
  std::vector<Hours> hours;  // hours: of a day the first group that fits; none: 08 to 20 on weekdays, 10 to 14 at weekends
  bool to_parties = false;   // never: only what goes to a party
  std::string except;        // never: but not through this queue
  std::string fact;          // never: while this fact holds; empty: from `after` until `settled` or so many days, or for ever where there is no `after`
  std::string applies;       // the block applies while this fact holds; "not x": while it does not
  int64_t applies_from = INT64_MIN, applies_to = INT64_MAX;  // and on these dates by the bundle's clock
  std::string zone;                                          // whose clock; empty: the debtor's
};

/// One version of a bundle.
struct Policy {
  std::vector<Line> lines;
  std::string bundle = {};             // the whole text
  std::set<int64_t> odd_days = {};     // working days at weekends, and the other way round
  std::string zone = "Europe/Berlin";  // the bundle's; its days start at 06:00
};

/// What one seed is about: what the versions share, and the versions.
struct Bank {
  int64_t date = 0;                          // of the first day
  std::map<std::string, std::string> zones;  // by debtor
  bool merges = false, merges_once = false;  // the queue `call`
  bool registers = false;                    // the queue `letter`
  bool visits_of_debtor = false;             // whose outcomes they are
  bool by_account = false;                   // experiments draw accounts, not debtors
  std::vector<Policy> versions;
};

/// Whether what goes through this queue is what a line calls `channel`: a robot's call is a call, a chat and a short message are messages.
bool is_channel(const std::string& channel, const std::string& queue);
Bank draw(sim_test::Dice& dice);
/// The text, with the numbers that letters of a register get.
BundleSources sources_of(const Policy& policy);

}  // namespace dunlin::limits_test

// What a queue asks of the people who work it, and of the way its tasks go out: kept apart from checked.h, which holds it by pointer.
#pragma once

#include "lang/sema/checked.h"

namespace dunlin::checked {

/// `merge per debtor { … }`: tasks that hang on one instance of `per` go out together.
struct MergePolicy {
  /// One expression of `lead by`, for each kind of instance whose tasks stand in the queue.
  struct LeadKey {
    std::vector<std::pair<Index, RootId>> by_entity;  // sorted by entity; any ordered type, wants_wake
    bool descending = false;
  };
  /// Outcomes below `event` reach one of the accounts only: the one whose debt stands longest in its strategy, or shortest.
  struct Order {
    Index event = none;
    bool oldest = true;
  };
  Index per = none;  // entity
  std::vector<LeadKey> lead;
  std::vector<Order> orders;
  bool counts_once = false;
};

/// Ways of `assign`, in the order in which they were written.
enum class AssignWay : uint8_t { priority, one_operator, sticky, territory, skill, load };

struct Need {
  bool test = false;  // else a skill
  std::string name;
  int64_t within = -1;  // packed calendar duration; -1: whenever
};

/// From and to of a range of numbers as they are printed, without their check digit.
struct NumberRange {
  std::string prefix, suffix;
  int64_t from = 0, to = 0;
  int digits = 0;  // leading zeros are kept
};

struct Letter;  // checked_letters.h

struct QueuePolicy {
  std::optional<MergePolicy> merge;
  std::vector<AssignWay> assign;
  Index sticky_on = none;  // event
  Index order_per = none;  // entity: tasks that hang on one instance go out one after another, in the order they were made; none: in no such order
  std::vector<Need> needs;
  std::string late_whom;  // `worker`, `head_of(worker)` or a role; empty: nobody
  std::string late_text;
  std::vector<NumberRange> numbers;
  int check_digit = 0;         // 0: none; 8: eight digits weighed 8 6 4 2 3 5 9 7 (S10); 10: weights 3 and 1 in turn, modulo 10
  int32_t batch_s = -1;        // time of the day of a batch, seconds; -1: none
  bool batch_working = false;  // on working days only
  std::string register_name;
  bool by_barcode = false;
  bool sees_personal = false;                          // who works it, and whatever stands behind it, may see personal data in letters
  std::shared_ptr<const std::vector<Letter>> letters;  // null: none; see letters_of()
};

/// When people of a team work. The one without a name has no hours: it is the bundle's calendar, for people with hours of their own.
struct Schedule {
  std::string name, title, doc;
  std::vector<LimitRule::Hours> hours;  // of a day the first group that fits
  uint8_t closed = 0;                   // weekdays, bit 0: Monday
  std::string calendar;                 // name; its file, as abi::read_calendar_csv takes it, is `calendar_text`
  std::string calendar_text;
  std::string zone;  // IANA; empty: the bundle's
  Span span;
};

/// Where somebody works.
struct Territory {
  struct Capacity {
    int64_t count = 0;
    Index queue = none;
  };
  std::string name, title, doc;
  std::vector<std::string> regions;
  std::vector<Capacity> capacities;  // tasks a day of each worker there
  std::string schedule;              // may be empty
  Span span;
};

}  // namespace dunlin::checked

#include "tests/limits/policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>

namespace dunlin::limits_test {

namespace {

using sim_test::date_of;
using sim_test::Dice;
using Kind = Line::Kind;
using Period = Line::Period;
using Key = Line::Key;
using Unit = Line::Unit;

template <class T>
const T& one_of(Dice& dice, const std::vector<T>& all) {
  return all[static_cast<size_t>(dice.below(static_cast<int64_t>(all.size())))];
}

std::string date_text(int64_t date) {
  const time_t seconds = date * 86'400;
  tm fields{};
  gmtime_r(&seconds, &fields);
  return fmt::format("{:04}-{:02}-{:02}", fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday);
}

std::string key_text(Key key) {
  switch (key) {
    case Key::debtor:
      return " per debtor";
    case Key::account:
      return " per account";
    case Key::person:
      return " per person";
    case Key::account_and_person:
      break;
  }
  return " per account and person";
}

Key some_key(Dice& dice) { return one_of<Key>(dice, {Key::debtor, Key::debtor, Key::account, Key::person, Key::account_and_person}); }

const std::vector<std::string>& channels() {
  static const std::vector<std::string> all = {"call",   "call",  "robot",       "mail",      "sms",         "message",
                                               "letter", "visit", "any contact", "call, sms", "mail, letter"};
  return all;
}

Line cap(Dice& dice) {
  Line line{.channel = one_of(dice, channels()), .most = 1 + dice.below(3)};
  line.period = one_of<Period>(dice, {Period::day, Period::day, Period::week, Period::month, Period::days, Period::hours, Period::quarter, Period::year});
  line.key = some_key(dice);
  line.conversations = (line.channel == "call" || line.channel == "visit" || line.channel == "call, sms") && dice.one_in(4);
  if (!line.conversations && dice.one_in(8)) line.counts = one_of<std::string>(dice, {"any contact", "call", "visit, letter", "message"});
  std::string when;
  switch (line.period) {
    case Period::day:
      when = "per day";
      break;
    case Period::week:
      line.most += 2;
      when = "per calendar week";
      break;
    case Period::month:
      line.most += 3;
      when = "per calendar month";
      break;
    case Period::quarter:
      line.most += 3;
      when = "per calendar quarter";
      break;
    case Period::year:
      line.most += 3;
      when = "per calendar year";
      break;
    case Period::days:
      line.length = 2 + dice.below(6);
      line.most += 1;
      when = fmt::format("in any {} days", line.length);
      break;
    case Period::hours:
      line.length = 5 + dice.below(40);
      when = fmt::format("in any {} hours", line.length);
      break;
  }
  if (line.counts == "any contact" || line.channel == "any contact") line.most += 2;
  if (dice.one_in(8)) line.most_of_vips = line.most > 1 ? line.most - 1 : line.most + 2;
  const std::string figure = line.most_of_vips > 0 ? fmt::format("(if debtor.vip then {} else {})", line.most_of_vips, line.most) : std::to_string(line.most);
  line.text = line.channel + " at most " + figure + " " + when + key_text(line.key);
  if (line.conversations) line.text += " counting conversations";
  if (!line.counts.empty()) {
    std::string counted = line.counts;
    if (const size_t comma = counted.find(", "); comma != std::string::npos) counted.replace(comma, 2, " and ");
    line.text += " counting " + counted;
  }
  return line;
}

std::string length_text(const Line& line) {
  static const char* const units[] = {"day", "hour", "business day", "month"};
  return fmt::format("{} {}{}", line.days, units[static_cast<int>(line.unit)], line.days == 1 ? "" : "s");
}

Line pause(Dice& dice) {
  static const std::vector<std::pair<std::string, std::string>> pairs = {{"robot", "call.reached"},    {"call", "call.reached"},  {"mail", "mail.sent"},
                                                                         {"sms", "call.reached"},      {"visit", "letter.sent"},  {"letter", "visit.met"},
                                                                         {"message", "call"},          {"visit", "visit"},        {"call", "complaint"},
                                                                         {"any contact", "complaint"}, {"mail, letter", "letter"}};
  const auto& [channel, after] = one_of(dice, pairs);
  Line line{.kind = Kind::pause, .channel = channel, .key = after == "complaint" ? Key::debtor : some_key(dice), .after = after};
  line.unit = one_of<Unit>(dice, {Unit::days, Unit::days, Unit::hours, Unit::business_days, Unit::business_days, Unit::months});
  line.days = line.unit == Unit::months ? 1 : line.unit == Unit::hours ? 6 + dice.below(60) : 1 + dice.below(4);
  line.text = channel + " none for " + length_text(line) + " after " + after + key_text(line.key);
  return line;
}

/// All hours have those from 10:00 to 11:30 in common, or the checker refuses them.
Line hours(Dice& dice) {
  Line line{.kind = Kind::hours, .channel = one_of<std::string>(dice, {"any contact", "call", "message", "call, sms", "robot"})};
  const auto some = [&](const std::string& days) {
    static const std::vector<std::pair<int64_t, int64_t>> all = {{8 * 60, 20 * 60}, {10 * 60, 14 * 60}, {9 * 60 + 15, 12 * 60},
                                                                 {150, 13 * 60},    {0, 18 * 60},       {30, 1200}};
    const auto [from, to] = one_of(dice, all);
    line.hours.push_back({from * 60, to * 60, days});
  };
  if (dice.one_in(3)) some(one_of<std::string>(dice, {"monday", "friday", "sunday", "saturday"}));
  some(dice.one_in(3) ? "weekends" : "working days");
  if (line.hours.back().days == "working days" && dice.one_in(2)) line.hours.push_back({15 * 3600, 15 * 3600 + 5400, "working days"});
  some("others");
  line.text = line.channel + " between ";
  for (size_t n = 0; n < line.hours.size(); ++n) {
    const Line::Hours& one = line.hours[n];
    const auto clock = [](int64_t seconds) { return fmt::format("{:02}:{:02}", seconds / 3600, seconds / 60 % 60); };
    line.text += (n == 0 ? "" : ", ") + clock(one.from) + " and " + clock(one.to) + " on " + one.days;
  }
  return line;
}

Line never(Dice& dice) {
  Line line{.kind = Kind::never};
  switch (dice.below(4)) {
    case 0:
      line.channel = one_of<std::string>(dice, {"robot", "visit", "any contact"});
      line.unit = dice.one_in(2) ? Unit::days : Unit::business_days;
      line.days = 2 + dice.below(4);
      line.after = "complaint";
      if (line.channel == "any contact") line.except = "mail";
      line.text = "never " + line.channel + (line.except.empty() ? "" : " except " + line.except) + " from complaint until settled or " + length_text(line);
      break;
    case 1:
      line.channel = one_of<std::string>(dice, {"call", "sms", "any contact"});
      line.fact = "blocked";
      if (line.channel == "any contact") line.except = "letter";
      line.text = "never " + line.channel + (line.except.empty() ? "" : " except " + line.except) + " when debtor.blocked";
      break;
    case 2:
      line.channel = "call";
      line.to_parties = true;
      line.fact = "vip";
      line.text = "never call to party when debtor.vip";
      break;
    default:
      line.channel = one_of<std::string>(dice, {"robot", "visit"});
      line.fact = "vip";
      line.text = "never " + line.channel + " when debtor.vip";
  }
  return line;
}

struct Block {
  std::vector<Line> lines;
  std::string head, tail;
};

/// A block as text; its lines bear what the block says of all of them.
std::string written(Dice& dice, const Bank& bank, const std::string& name, std::vector<Line> lines, Policy& policy) {
  int64_t from = INT64_MIN, to = INT64_MAX;
  std::string text = "limits \"" + name + "\"";
  const int64_t day = bank.date + 1 + dice.below(8);
  if (const int64_t force = dice.below(5); force == 0) {
    from = day, to = day + dice.below(5);
    text += " in force from " + date_text(from) + " to " + date_text(to);
  } else if (force == 1) {
    from = day;
    text += " in force from " + date_text(from);
  }
  text += " {\n";
  std::string applies, says;
  int64_t applies_from = INT64_MIN, applies_to = INT64_MAX;
  switch (dice.below(6)) {
    case 0:
      applies = dice.one_in(2) ? "vip" : "not vip";
      says = applies == "vip" ? "debtor.vip" : "not debtor.vip";
      break;
    case 1:
      applies_from = bank.date + 1 + dice.below(6);
      says = "today >= " + date_text(applies_from);
      break;
    case 2:
      applies_to = bank.date + 3 + dice.below(6);
      says = "today < " + date_text(applies_to + 1);
      break;
    default:
      break;
  }
  if (!says.empty()) text += "  applies when " + says + "\n";
  std::string zone;
  const auto with_hours = std::ranges::find(lines, Kind::hours, &Line::kind);
  if (with_hours != lines.end() && dice.one_in(3)) zone = policy.zone;
  for (Line& line : lines) {
    line.from = from, line.to = to, line.applies = applies, line.applies_from = applies_from, line.applies_to = applies_to, line.zone = zone;
    text += "  " + line.text + (line.kind == Kind::hours && !zone.empty() ? " in \"" + zone + "\"" : "") + "\n";
  }
  // A reserve goes to every line of the block that counts the channel in this period.
  const auto whole =
      std::ranges::find_if(lines, [](const Line& line) { return line.kind == Kind::at_most && line.period == Period::week && line.channel == "call"; });
  if (whole != lines.end() && !bank.merges) {
    for (Line& line : lines) {
      const std::string& counted = line.counts.empty() ? line.channel : line.counts;
      if (line.kind == Kind::at_most && line.period == Period::week && is_channel(counted, "call") && is_channel(counted, "robot")) line.reserved = 1;
    }
    text += "  reserve 1 call per calendar week for \"important\"\n";
  }
  std::ranges::move(lines, std::back_inserter(policy.lines));
  return text + "}\n";
}

std::string limits_text(Dice& dice, const Bank& bank, Policy& policy) {
  std::vector<Line> first, second;
  const int64_t caps = 2 + dice.below(4);
  for (int64_t n = 0; n < caps; ++n) (dice.one_in(3) ? second : first).push_back(cap(dice));
  for (int64_t n = dice.below(3); n > 0; --n) (dice.one_in(2) ? second : first).push_back(pause(dice));
  for (int64_t n = dice.below(3); n > 0; --n) (dice.one_in(2) ? second : first).push_back(never(dice));
  if (dice.one_in(2)) (dice.one_in(2) ? second : first).push_back(hours(dice));
  std::string text = written(dice, bank, "Caps", std::move(first), policy);
  if (!second.empty()) text += written(dice, bank, "More", std::move(second), policy);
  return text;
}

// ---- strategies ----

/// What a stage asks for. A version more asks for it at other intervals, in another order, in other shapes.
std::string stage_text(Dice& dice, const std::string& name, const std::string& next) {
  const auto minutes = [&] { return fmt::format("{} minutes", 20 + dice.below(200)); };
  const auto priority = [&] { return std::to_string(1 + dice.below(9)); };
  std::vector<std::string> rules = {
      "keep call \"script\" { again " + minutes() + ", priority " + priority() + " }",
      "keep call \"important\" { again " + minutes() + ", priority 9 }",
      "keep call \"party\" to p for p in parties { again " + minutes() + " }",
      "keep robot \"robot\" { again " + minutes() + ", priority 1 }",
      "keep mail \"mail\" while overdue > 10 { again " + minutes() + " }",
      "keep sms \"sms\" { again " + minutes() + ", attempts at most 5 per day }",
      "keep chat \"chat\" { again by retry(outcome, attempts) }",
      "keep letter \"letter\" { again " + minutes() + " }",
      "keep visit \"visit\" { again " + minutes() + ", priority by_risk }",
      "keep file \"file\" { again 1 day }",
  };
  std::string text = "  stage " + name + " {\n";
  const auto say = [&](const std::string& rule) { text += "    " + rule + "\n"; };
  if (dice.one_in(2)) say("on entry : " + one_of<std::string>(dice, {"letter \"welcome\"", "sms \"welcome\" stays", "call \"welcome\"", "visit \"welcome\""}));
  for (const std::string& rule : rules) {
    if (!dice.one_in(6)) say(rule);
  }
  if (dice.one_in(3)) say("every 1 day at most 5 times : mail by tone");
  if (dice.one_in(3)) say("on call.reached : sms \"thanks\"");
  if (dice.one_in(3)) say(fmt::format("after {} hours : chat \"later\"", 2 + dice.below(30)));
  say(dice.one_in(2) ? fmt::format("after {} hours : go {}", 20 + dice.below(60), next) : "on visit.met : go " + next);
  return text + "  }\n";
}

std::string strategy_text(Dice& dice, const std::string& name, const std::string& enrol) {
  std::string text = "strategy " + name + " for account {\n" + enrol;
  text += stage_text(dice, "first", "second") + stage_text(dice, "second", "first");
  return text + "}\n";
}

std::string bundle_text(Dice& dice, const Bank& bank, size_t number, const std::string& calendar, Policy& policy) {
  std::string text = "bundle capped \"Capped\" { timezone " + policy.zone + ", currency EUR, calendar " + calendar + ", day starts 06:00 }\n";
  text += R"(entity debtor { key id : text, name : text personal, timezone : timezone, vip : bool, blocked : bool }
entity account of debtor { key id : text, overdue : money, product : int }
entity party of account { key id : text, name : text personal }
event complaint of debtor { }
event settled of debtor { }
outcomes call of account { reached { debtor, third_party }, no_answer }
outcomes robot of account { played }
outcomes mail of account { sent }
outcomes sms of account { sent }
outcomes chat of account { sent, bounced }
outcomes letter of account { sent, returned }
)";
  text += std::string("outcomes visit of ") + (bank.visits_of_debtor ? "debtor" : "account") + " { met, nobody }\n";
  text += std::string("queue call { outcomes call") + (bank.merges ? ", merge per debtor { lead by overdue desc" : "") +
          (bank.merges_once ? ", counts once" : "") + (bank.merges ? " }" : "") + " }\n";
  text += R"(queue robot { outcomes robot, counts as call }
queue mail { outcomes mail }
queue sms { outcomes sms, counts as message }
queue chat { outcomes chat, counts as message }
queue visit { outcomes visit }
queue file { counts as nothing }
)";
  text += std::string("queue letter { outcomes letter") +
          (bank.registers ? ", numbers \"ranges.csv\", batch daily at 11:00 as register \"letters\", status by barcode" : "") + " }\n";
  text += R"(table retry(outcome : chat.outcome, attempts : int) -> (wait : duration) first {
  | outcome    | attempts || wait       |
  | sent       | < 3      || 45 minutes |
  | any        | any      || 2 hours    |
}
segmentation risk for account {
  high when overdue > 60
  otherwise low
}
extend account { by_risk = match risk { | high -> 7 | low -> 2 } }
parameter tone : text = "kind"
)";
  text += limits_text(dice, bank, policy);
  const std::string run = date_text(bank.date - 30) + " to " + date_text(bank.date + 300);
  const std::string drawn = std::string(bank.by_account ? "split by account" : "split by debtor") + ", layer one, run " + run + " }\n";
  text += "experiment race { champion soft 50%, challenger other 50%, among account where overdue > 0, " + drawn;
  text += "experiment voice { arms of tone { kind 50%, firm 50% = \"firm\" }, " + drawn;
  text += strategy_text(dice, "soft", "  enrol when overdue > 0 and product = 1\n") + strategy_text(dice, "other", "");
  // Later versions call it otherwise: what was done under the old name still counts.
  const std::string third = number == 0 ? "care" : fmt::format("care{}", number);
  text += strategy_text(dice, third, "  enrol when overdue > 0 and product = 2\n");
  if (number == 1) text += "migrate care -> " + third + "\n";
  if (number > 1) text += fmt::format("migrate care -> {0}\nmigrate care{1} -> {0}\n", third, number - 1);
  return text;
}

std::set<int64_t> odd_days(const std::string& calendar) {
  std::ifstream file(std::string(DUNLIN_SOURCE_DIR) + "/stdlib/calendars/" + calendar + ".csv");
  std::set<int64_t> days;
  for (std::string text; std::getline(file, text);) {
    int year = 0, month = 0, day = 0;
    if (std::sscanf(text.c_str(), "%d-%d-%d", &year, &month, &day) != 3) continue;
    const int64_t date = date_of(year, month, day);
    const bool weekend = (date + 3) % 7 >= 5;
    if (text.contains(",working,") == weekend) days.insert(date);
  }
  return days;
}

}  // namespace

BundleSources sources_of(const Policy& policy) {
  BundleSources sources;
  sources.files.push_back({"ranges.csv", "from,to\n100000,999999\n"});
  sources.files.push_back({"test.dun", policy.bundle});
  return sources;
}

Bank draw(Dice& dice) {
  Bank bank;
  // Some days before something: clocks that change in Europe, America, Chile or Egypt, holidays, the end of a quarter or a year; or any day.
  static const std::vector<int64_t> before = {date_of(2025, 3, 27),  date_of(2025, 10, 23), date_of(2025, 3, 6),  date_of(2025, 10, 30),
                                              date_of(2025, 9, 4),   date_of(2025, 4, 22),  date_of(2025, 4, 15), date_of(2025, 6, 26),
                                              date_of(2025, 12, 22), date_of(2024, 12, 27), date_of(2025, 4, 3),  date_of(2025, 9, 26)};
  bank.date = dice.one_in(3) ? date_of(2025, 1, 10) + dice.below(300) : one_of(dice, before);
  static const std::vector<std::string> zones = {"Asia/Tokyo",     "America/New_York", "Europe/Berlin",       "America/Santiago", "Africa/Cairo",
                                                 "America/Havana", "Atlantic/Azores",  "Australia/Lord_Howe", "Asia/Kathmandu",   "Pacific/Kiritimati"};
  for (const char* debtor : {"d1", "d2"}) bank.zones[debtor] = one_of(dice, zones);
  bank.merges = dice.one_in(2);
  bank.merges_once = bank.merges && !dice.one_in(3);
  bank.registers = dice.one_in(3);
  bank.visits_of_debtor = dice.one_in(3);
  bank.by_account = dice.one_in(2);
  const std::string calendar = one_of<std::string>(dice, {"de", "pl", "pl", "none"});
  for (size_t n = 0; n < 3; ++n) {
    Policy& policy = bank.versions.emplace_back();
    policy.odd_days = odd_days(calendar);
    policy.bundle = bundle_text(dice, bank, n, calendar, policy);
  }
  return bank;
}

}  // namespace dunlin::limits_test

#include "tests/limits/policy.h"

namespace dunlin::limits_test {

namespace {

using sim_test::Dice;

template <class T>
const T& one_of(Dice& dice, const std::vector<T>& all) {
  return all[static_cast<size_t>(dice.below(static_cast<int64_t>(all.size())))];
}

Line cap(Dice& dice) {
  Line line{.channel = one_of<std::string>(dice, {"call", "call", "robot", "mail", "sms", "letter", "visit", "any contact"}), .most = 1 + dice.below(3)};
  line.period =
      one_of<Line::Period>(dice, {Line::Period::day, Line::Period::day, Line::Period::week, Line::Period::month, Line::Period::days, Line::Period::hours});
  line.key = one_of<Line::Key>(dice, {Line::Key::debtor, Line::Key::debtor, Line::Key::account, Line::Key::person});
  line.conversations = line.channel == "call" && dice.one_in(4);
  std::string when;
  switch (line.period) {
    case Line::Period::day:
      when = "per day";
      break;
    case Line::Period::week:
      line.most += 2;
      when = "per calendar week";
      break;
    case Line::Period::month:
      line.most += 4;
      when = "per calendar month";
      break;
    case Line::Period::days:
      line.length = 2 + dice.below(6);
      line.most += 1;
      when = "in any " + std::to_string(line.length) + " days";
      break;
    case Line::Period::hours:
      line.length = 5 + dice.below(40);
      when = "in any " + std::to_string(line.length) + " hours";
      break;
  }
  line.text = line.channel + " at most " + std::to_string(line.most) + " " + when + " per " +
              (line.key == Line::Key::debtor    ? "debtor"
               : line.key == Line::Key::account ? "account"
                                                : "person");
  if (line.conversations) line.text += " counting conversations";
  return line;
}

Line pause(Dice& dice) {
  static const std::vector<std::pair<std::string, std::string>> pairs = {{"robot", "call.reached"}, {"call", "call.reached"}, {"mail", "mail.sent"},
                                                                         {"sms", "call.reached"},   {"visit", "letter.sent"}, {"letter", "visit.met"}};
  const auto& [channel, after] = one_of(dice, pairs);
  Line line{.kind = Line::Kind::pause, .channel = channel, .key = dice.one_in(2) ? Line::Key::debtor : Line::Key::account, .after = after};
  line.days = 1 + dice.below(3);
  line.text = channel + " none for " + std::to_string(line.days) + (line.days == 1 ? " day" : " days") + " after " + after + " per " +
              (line.key == Line::Key::debtor ? "debtor" : "account");
  return line;
}

}  // namespace

Policy draw(Dice& dice) {
  Policy policy;
  const int64_t caps = 2 + dice.below(3);
  for (int64_t n = 0; n < caps; ++n) policy.lines.push_back(cap(dice));
  if (dice.one_in(2)) policy.lines.push_back(pause(dice));
  if (dice.one_in(3)) {
    policy.lines.push_back(
        {.kind = Line::Kind::hours, .channel = "any contact", .text = "any contact between 08:00 and 20:00 on working days, 10:00 and 14:00 on others"});
  }
  if (dice.one_in(3)) {
    policy.lines.push_back({.kind = Line::Kind::never, .channel = "robot", .days = 5, .text = "never robot from complaint until settled or 5 days"});
  }
  std::string reserve;
  for (Line& line : policy.lines) {
    const bool whole = line.kind == Line::Kind::at_most && line.period == Line::Period::week && line.channel == "call";
    if (!whole || !reserve.empty()) continue;
    // It goes to every line of the block with this channel and period.
    for (Line& same : policy.lines) {
      if (same.kind == Line::Kind::at_most && same.period == Line::Period::week && is_channel(same.channel, "call")) same.reserved = 1;
    }
    reserve = "  reserve 1 call per calendar week for \"important\"\n";
  }
  std::string lines;
  for (const Line& line : policy.lines) lines += "  " + line.text + "\n";
  const auto minutes = [&] { return std::to_string(20 + dice.below(200)) + " minutes"; };
  // What a stage asks for; a version more asks for it at other intervals and in another order.
  const auto stage = [&] {
    return R"(  stage calling {
    keep call "script" { again )" +
           minutes() + R"(, priority 5 }
    keep call "important" { again )" +
           minutes() + R"(, priority 9 }
    keep call "party" to p for p in parties { again )" +
           minutes() + R"( }
    keep robot "robot" { again )" +
           minutes() + R"(, priority 1 }
    keep mail "mail" { again )" +
           minutes() + R"( }
    keep sms "sms" { again )" +
           minutes() + R"( }
    keep letter "letter" { again )" +
           minutes() + R"( }
    keep visit "visit" { again )" +
           minutes() + R"( }
  }
)";
  };
  const std::string head = R"(
bundle capped "Capped" { timezone Europe/Berlin, currency EUR, calendar none, day starts 06:00 }
entity debtor { key id : text, name : text personal, timezone : timezone }
entity account of debtor { key id : text, overdue : money }
entity party of account { key id : text, name : text personal }
event complaint of debtor { }
event settled of debtor { }
outcomes call of account { reached, no_answer }
outcomes robot of account { played }
outcomes mail of account { sent }
outcomes sms of account { sent }
outcomes letter of account { sent }
outcomes visit of account { met, nobody }
queue call { outcomes call }
queue robot { outcomes robot, counts as call }
queue mail { outcomes mail }
queue sms { outcomes sms }
queue letter { outcomes letter }
queue visit { outcomes visit }

limits "Caps" {
)" + lines + reserve +
                           R"(}

experiment race { champion soft 50%, challenger other 50%, among account where overdue > 0, run 2026-01-01 to 2026-12-31 }
)";
  const auto strategies = [&] {
    return "strategy soft \"Soft\" for account {\n  enrol when overdue > 0\n" + stage() + "}\nstrategy other \"Other\" for account {\n" + stage() + "}\n";
  };
  policy.bundle = head + strategies();
  policy.second = head + strategies();
  return policy;
}

}  // namespace dunlin::limits_test

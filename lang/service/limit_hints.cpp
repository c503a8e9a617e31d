// Beside a task: which limits it is under, in as few words as will do.
#include <algorithm>
#include <functional>

#include "lang/sema/civil.h"
#include "lang/sema/limit_reach.h"
#include "lang/service/features.h"

namespace dunlin::service {

namespace {

using checked::LimitRule;
using checked::Limits;

template <class List>
bool holds(const List& list, int32_t index) {
  return index >= 0 && static_cast<size_t>(index) < list.size();
}

std::string date_text(int64_t day) { return checked::format_value(checked::Program{}, checked::Type{.kind = checked::TypeKind::date}, &day); }

class LimitHints {
 public:
  LimitHints(const Snapshot& snapshot, uint32_t file, uint32_t begin, uint32_t end)
      : snapshot_(snapshot), program_(*snapshot.program), text_(snapshot.sources.text(file)), file_(file), begin_(begin), end_(end) {}

  std::vector<InlayHint> take() {
    if (program_.limits.empty()) return {};
    for (const auto& strategy : program_.strategies) read(strategy.rules);
    for (const auto& stage : program_.stages) read(stage.rules);
    for (const auto& always : program_.always) read(always.rules);
    std::ranges::sort(hints_, {}, &InlayHint::offset);
    // What stands in several entities' `always` is checked for each of them.
    const auto again = std::ranges::unique(hints_, {}, &InlayHint::offset);
    hints_.erase(again.begin(), again.end());
    return std::move(hints_);
  }

 private:
  void read(const std::vector<checked::Rule>& rules) {
    for (const checked::Rule& rule : rules) {
      if (rule.span.file != file_) continue;
      if (rule.keep && rule.span.begin <= end_ && rule.span.end >= begin_) tell(checked::asked_task(program_, *rule.keep), end_of_head(rule.span));
      for (const checked::Action& action : rule.actions) {
        const bool here = action.span.file == file_ && action.span.begin <= end_ && action.span.end >= begin_;
        if (here && action.kind == checked::Action::Kind::task) tell(checked::asked_task(program_, action), action.span.end);
      }
    }
  }

  /// End of the first line of a standing task, before a comment; or of the task, if that comes first.
  uint32_t end_of_head(Span span) const {
    const size_t end = std::min<size_t>(span.end, text_.size());
    bool quoted = false;
    size_t behind = span.begin;
    for (size_t at = span.begin; at < end && text_[at] != '\n'; ++at) {
      if (text_[at] == '\\' && quoted) {
        ++at;
        continue;
      }
      if (text_[at] == '"') quoted = !quoted;
      if (!quoted && text_.substr(at, 2) == "//") break;
      if (text_[at] != ' ' && text_[at] != '\t' && text_[at] != '\r') behind = at + 1;
    }
    return static_cast<uint32_t>(std::min(behind, end));
  }

  std::string window(const LimitRule& rule) const {
    static constexpr int64_t hour = 3'600'000'000;
    switch (rule.window) {
      case LimitRule::Window::day:
        return " per day";
      case LimitRule::Window::week:
        return " per week";
      case LimitRule::Window::month:
        return " per month";
      case LimitRule::Window::quarter:
        return " per quarter";
      case LimitRule::Window::year:
        return " per year";
      case LimitRule::Window::rolling_days:
        return " in any " + std::to_string(rule.length) + " days";
      case LimitRule::Window::rolling_exact:
        return rule.length % hour == 0 ? " in any " + std::to_string(rule.length / hour) + " hours"
                                       : " in any " + std::to_string(rule.length / 60'000'000) + " minutes";
    }
    return "";
  }

  std::string written(checked::RootId root) const {
    if (!holds(program_.roots, root) || program_.roots[root].span.file == Span::no_file) return "";
    return std::string(snapshot_.sources.text(program_.roots[root].span));
  }

  /// "1 per day", without what is true of most limits: that contacts of one debtor count together.
  std::string cap(const LimitRule& rule) const {
    std::string said = written(rule.count) + window(rule);
    std::string keys;
    for (const LimitRule::Key& key : rule.keys) {
      if (!key.person && !holds(program_.entities, key.entity)) continue;
      keys += (keys.empty() ? " per " : " and ") + (key.person ? std::string("person") : program_.entities[key.entity].name);
    }
    const bool of_the_file = rule.keys.size() == 1 && !rule.keys[0].person && rule.keys[0].entity == 0;
    return of_the_file ? said : said + keys;
  }

  static std::string group(const LimitRule::Hours& hours, bool alone) {
    static constexpr const char* names[] = {"Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays"};
    if (hours.working_only) return " on working days";
    if (hours.weekdays == 0x7f) return alone ? "" : " on others";
    if (hours.weekdays == 0x60) return " on weekends";
    std::string said;
    for (int day = 0; day < 7; ++day) {
      if ((hours.weekdays >> day) & 1) said += (said.empty() ? " on " : ", ") + std::string(names[day]);
    }
    return said;
  }

  static std::string hours_of(const LimitRule& rule) {
    std::string said;
    for (const LimitRule::Hours& hours : rule.hours)
      said += (said.empty() ? "" : ", ") + sema::clock_text(hours.from_s) + "–" + sema::clock_text(hours.to_s) + group(hours, rule.hours.size() == 1);
    return said;
  }

  std::string pause(const LimitRule& rule) const {
    const std::string& text = rule.text;
    const size_t at = text.find("none for ");
    return at == std::string::npos ? text : text.substr(at);
  }

  std::string ban(const LimitRule& rule) const {
    if (rule.condition != checked::none) return "never when " + written(rule.condition);
    if (!rule.after.empty()) {
      const size_t at = rule.text.find(" from ");
      return at == std::string::npos ? "never from an event to another" : "never" + rule.text.substr(at);
    }
    return "never";
  }

  void tell(const checked::AskedTask& asked, uint32_t offset) {
    std::vector<std::string> caps, others, bans;
    std::string in_full;
    for (const Limits& limits : program_.limits) {
      if (limits.hold != checked::none) continue;
      for (const LimitRule& rule : limits.rules) {
        if (checked::judges(program_, rule, asked) == checked::Judges::no) continue;
        const std::string since = several_versions(limits) ? dates(limits) : "";
        in_full += "- " + rule.text + " *(" + limits.name + (since.empty() ? "" : "," + since) + ")*\n";
        if (rule.kind == LimitRule::Kind::at_most) caps.push_back(cap(rule) + since);
        if (rule.kind == LimitRule::Kind::between) others.push_back(hours_of(rule) + since);
        if (rule.kind == LimitRule::Kind::none_after) others.push_back(pause(rule) + since);
        if (rule.kind == LimitRule::Kind::never) bans.push_back(ban(rule) + since);
      }
    }
    if (in_full.empty()) return;
    hints_.push_back({offset, " ⊲ " + in_short(std::move(caps), std::move(others), std::move(bans)), in_full, InlayHint::Kind::limit});
  }

  /// Figures first, then hours and pauses, then what forbids: at most four of them all, and how many are left.
  static std::string in_short(std::vector<std::string> caps, std::vector<std::string> others, std::vector<std::string> bans) {
    constexpr size_t shown_max = 4, length_max = 40;
    if (!caps.empty()) caps.front() = "at most " + caps.front();
    std::vector<std::string> all;
    for (auto* list : {&caps, &others, &bans}) {
      for (std::string& one : *list) {
        if (std::ranges::find(all, one) == all.end()) all.push_back(std::move(one));
      }
    }
    std::string said;
    size_t left = 0;
    for (size_t i = 0; i < all.size(); ++i) {
      const bool forbids = all[i].starts_with("never when") && all[i].size() > length_max;
      if (i >= shown_max || forbids || all[i].find('\n') != std::string::npos) {
        ++left;
      } else {
        said += (said.empty() ? "" : ", ") + all[i];
      }
    }
    if (left == 0) return said;
    return said.empty() ? std::to_string(left) + (left == 1 ? " limit" : " limits") : said + ", +" + std::to_string(left);
  }

  bool several_versions(const Limits& limits) const {
    return std::ranges::count_if(program_.limits, [&](const Limits& other) { return other.hold == checked::none && other.name == limits.name; }) > 1;
  }

  static std::string dates(const Limits& limits) {
    std::string said;
    if (limits.from) said += " from " + date_text(*limits.from);
    if (limits.to) said += " to " + date_text(*limits.to);
    return said;
  }

  const Snapshot& snapshot_;
  const checked::Program& program_;
  const std::string_view text_;
  const uint32_t file_, begin_, end_;
  std::vector<InlayHint> hints_;
};

}  // namespace

std::vector<InlayHint> limit_hints(const Snapshot& snapshot, uint32_t file, uint32_t begin, uint32_t end) {
  return LimitHints(snapshot, file, begin, end).take();
}

}  // namespace dunlin::service

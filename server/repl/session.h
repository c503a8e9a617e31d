// One case that somebody tries a bundle on: expressions are asked of it, its data is set, events come, time goes on. Nothing is written anywhere.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "lang/sema/check_typed.h"
#include "runtime/simulate/case_run.h"
#include "runtime/simulate/drawn.h"
#include "server/compile.h"
#include "server/rule_report.h"

namespace dunlin::server {

/// What a typed line came to.
struct Answer {
  bool good = true;
  std::string text;                                                     // for people, with its line ends
  std::vector<std::pair<std::string, std::string>> facts;               // for programs: "value", "type", "wake", "error", "help"
  std::vector<std::string> happened;                                    // stages entered, tasks made and withdrawn
  std::vector<std::string> rules;                                       // JSON objects, of :why
  std::vector<std::pair<std::string, std::vector<std::string>>> lists;  // for programs: "stages", "tasks"
};

/// Where the case comes from.
struct CaseSource {
  checked::Index entity = checked::none;
  std::string key;
  engine::Instant at = 0;
  /// A case file of a store; null: the instance is made with `values`, and what it hangs on with it.
  std::function<std::expected<std::unique_ptr<engine::CaseFile>, std::string>()> load;
  struct Value {
    checked::Index entity, field;
    simulate::DrawnValue value;
  };
  std::vector<Value> values;
};

class Session {
 public:
  /// All must outlive the session.
  Session(const RunnableBundle& bundle, const import::Zone& zone, CaseSource source, bool color);
  ~Session();

  /// Makes the case; what happens at once is told. An error is one sentence.
  std::expected<Answer, std::string> begin();
  /// Values written as in a test, `overdue: 500, score: 600`, for the instance.
  Answer give(const std::string& fields);

  Answer evaluate(const std::string& text, bool only_type);
  Answer set(const std::string& text);
  Answer event(const std::string& text);
  Answer go_to(const std::string& moment);
  Answer why(const std::string& rule);
  Answer stages();
  Answer tasks();
  std::string where() const;  // "account A17 on 2026-01-05 06:00, stage soft.calling"

 private:
  class Run;
  struct Deed {  // done since the beginning, to be done again on another case file
    engine::Instant at;
    std::optional<CaseSource::Value> set;  // by entity: the instance or what it hangs on
    checked::Index event = checked::none;
    std::vector<std::pair<checked::Index, simulate::DrawnValue>> payload;
    bool step = false;
  };
  struct Checked;

  std::expected<std::unique_ptr<Run>, std::string> make_run() const;
  void redo(Run& run, const Deed& deed) const;
  Answer act(Deed deed);
  Answer typed(const std::string& before, const std::string& text, const std::string& after, Checked& checked) const;
  std::string givens() const;
  const checked::Program& program() const { return bundle_.program(); }

  const RunnableBundle& bundle_;
  const import::Zone& zone_;
  LocalClock clock_;
  CaseSource source_;
  bool color_;
  std::vector<int64_t> settings_;
  mutable ParseCache cache_;
  std::unique_ptr<Run> run_;
  std::vector<Deed> deeds_;
};

}  // namespace dunlin::server

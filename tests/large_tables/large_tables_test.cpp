// Random tables, once as data (an index, a loop over its rows) and once written out row by row, by the interpreter and by native code:
// the same values, faults and rows told in traces, and wakes that keep their word.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <random>

#include "compiler/ir/lower.h"
#include "compiler/native/native.h"
#include "tests/support/bundle_world.h"

using namespace dunlin;
using test::BundleWorld;
using test::CaseBuilder;

namespace {

class RandomTables {
 public:
  explicit RandomTables(uint64_t seed) : random_(seed) {}

  std::string text() {
    std::string made =
        "bundle tables \"Tables\" {\n  timezone Europe/Warsaw\n  currency EUR\n  calendar none\n}\nenum kind { card, loan, lease }\n"
        "entity account {\n  key id : text\n  a : int\n  b : int?\n  word : text?\n  what : kind?\n  n : number\n  begun : date\n  seen : datetime\n  till : "
        "datetime\n}\n";
    for (const char* policy : {"first", "unique", "any", "priority", "sum", "min", "max", "count"}) made += table(policy);
    made += table("collect");
    made += "table large(a : int) -> (v : int) sum {\n  | a || v |\n";
    for (int i = 0; i < 20; ++i) made += "  | " + number() + ".." + number(20) + " || " + (figure(2) == 0 ? "-" : "") + "3_000_000_000_000_000_000 |\n";
    made += "}\nextend account {\n  age = days(begun, today)\n";
    const std::string arguments = "(a, b, word, what, n, age, seen, till - seen)";
    for (const char* policy : {"first", "unique", "priority"}) {
      made += std::string("  ") + policy + "_fee = t_" + policy + arguments + ".fee\n";
      made += std::string("  ") + policy + "_name = t_" + policy + arguments + ".name\n";
    }
    made += "  any_score = t_any" + arguments + ".score\n";
    for (const char* policy : {"sum", "min", "max", "count"}) made += std::string("  all_") + policy + " = t_" + policy + "(a, b, word, what, n, age, seen)\n";
    made += "  large_sum = large(a)\n";
    const std::string walked = "r in t_collect(a, b, word, what, n, age)";
    made += "  w_sum = sum(r.fee for " + walked + " where r.score > 2)\n  w_count = count(" + walked + ")\n  w_odd = count(" + walked +
            " where r.score mod 2 = 1 and r.score > a)\n  w_average = avg(r.score for " + walked + ")\n  w_least = min(r.score for " + walked +
            ")\n  w_most = max(r.fee for " + walked + " where (r.name default \"z\") != \"z\")\n  w_number = sum(r.weight for " + walked +
            ")\n  w_first = first(" + walked + " where r.score > 4).fee default 0\n  w_last = last(" + walked +
            " where r.score > 4).name default \"nobody\"\n  w_some = exists(" + walked + " where div(100, r.score) > 20)\n  w_all = all(" + walked +
            " where div(100, r.score) > 20)\n  w_late = last(" + walked +
            " where div(100, r.score) > 20).fee default 1\n  w_total = sum(div(100, r.score) for " + walked + ")\n";
    return made + "}\n";
  }

 private:
  int figure(int below) { return static_cast<int>(random_() % static_cast<uint64_t>(below)); }
  std::string number(int more = 0) { return std::to_string(figure(14) + more); }

  std::string ordered(const std::string& unit = "") {
    const auto end = [&](int more = 0) { return number(more) + unit; };
    switch (figure(7)) {
      case 0:
        return "< " + end();
      case 1:
        return ">= " + end();
      case 2:
        return end() + ", " + end();
      case 3:
        return end() + ".." + end(14);
      default:
        return "any";
    }
  }
  std::string maybe(std::string cell) { return figure(8) == 0 ? "missing" : cell; }
  std::string text_cell() {
    static const char* const cells[] = {"any", "\"north\"", "\"south\", \"east\"", "not \"north\"", "missing", "any", "any"};
    return cells[figure(7)];
  }
  std::string kind_cell() {
    static const char* const cells[] = {"any", "card", "loan, lease", "not loan", "missing", "any", "any"};
    return cells[figure(7)];
  }

  std::string table(const std::string& policy) {
    const bool folds = policy == "sum" || policy == "min" || policy == "max" || policy == "count";
    const bool walks = policy == "collect";
    const bool timed = !folds && !walks;
    std::string outputs = "fee : money, name : text?, score : int, weight : number";
    if (policy == "priority") outputs = "score : int, name : text?, fee : money, weight : number";
    if (folds) outputs = policy == "sum" && figure(2) == 0 ? "weight : number" : "fee : money";
    const bool weighs = folds && outputs.starts_with("weight");
    std::string made = "table t_" + policy + "(a : int, b : int?, word : text?, what : kind?, n : number, age : int";
    if (!walks) made += ", instant : datetime";
    if (timed) made += ", held : duration";
    made += ") -> (" + outputs + ") " + policy + " {\n  | a | b | word | what | n | age ";
    if (!walks) made += "| instant ";
    if (timed) made += "| held ";
    made += folds                  ? (weighs ? "|| weight |\n" : "|| fee |\n")
            : policy == "priority" ? "|| score | name | fee | weight |\n"
                                   : "|| fee | name | score | weight |\n";
    for (int row = 0, rows = 12 + figure(30); row < rows; ++row) {
      made += "  | " + ordered() + " | " + maybe(ordered()) + " | " + text_cell() + " | " + kind_cell() + " | " + ordered(".5") + " | " + ordered() + " ";
      if (!walks) made += figure(4) == 0 ? "| >= 2026-01-0" + std::to_string(1 + figure(9)) + " 12:00 " : "| any ";
      if (timed) made += figure(4) == 0 ? "| < " + std::to_string(figure(90)) + " hours " : "| any ";
      const std::string fee = std::to_string(figure(50)) + ".5", score = number(), weight = std::to_string(figure(9)) + ".25";
      const std::string said = figure(3) == 0 ? "missing" : "\"" + std::string(1, static_cast<char>('a' + figure(5))) + "\"";
      if (folds) {
        made += "|| " + (weighs ? weight : fee) + " |\n";
      } else if (policy == "any") {
        made += "|| 7 | \"same\" | 3 | 1.5 |\n";
      } else if (policy == "priority") {
        made += "|| " + score + " | " + said + " | " + fee + " | " + weight + " |\n";
      } else {
        made += "|| " + fee + " | " + said + " | " + score + " | " + weight + " |\n";
      }
    }
    if (timed && figure(3) != 0) made += policy == "priority" ? "  | otherwise || 0 | \"none\" | 1 | 0.5 |\n" : "  | otherwise || 1 | \"none\" | 0 | 0.5 |\n";
    return made + "}\n";
  }

  std::mt19937_64 random_;
};

/// One version of the program with both of its evaluators.
struct Version {
  BundleWorld world;
  std::unique_ptr<Evaluator> native;
  Version(const std::string& text, size_t rows_min, int level) : world(text, {rows_min, rows_min}) {
    auto made = compile_native(world.ir(), {.opt_level = level});
    if (!made) throw std::logic_error(made.error());
    native = std::move(*made);
  }
};

std::vector<std::pair<checked::Index, int64_t>> rows_of(const Trace& trace) {
  std::vector<std::pair<checked::Index, int64_t>> rows;
  for (const auto& row : trace.rows) rows.emplace_back(row.table, row.row);
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  return rows;
}

size_t loops_over_rows(const ir::Program& program) {
  size_t loops = 0;
  for (const auto& function : program.functions)
    for (const auto& loop : function.aggregates) loops += loop.walk == ir::Aggregate::Walk::rows;
  return loops;
}

bool same(const test::Answer& a, const test::Answer& b) { return a.fault == b.fault && a.value == b.value; }

std::string shown(const test::Answer& answer) { return answer.fault == abi::Fault::none ? answer.value : fault_text(answer.fault); }

}  // namespace

TEST_CASE("tables as data say what they say written out") {
  size_t faults = 0, wakes = 0, later = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    RandomTables tables(seed);
    const std::string text = tables.text();
    INFO("seed " << seed << "\n" << text);
    Version data(text, 1, seed % 2 == 0 ? 2 : 0), written(text, SIZE_MAX, 0);
    REQUIRE(loops_over_rows(data.world.ir()) > 10);
    REQUIRE(loops_over_rows(written.world.ir()) == 0);
    std::mt19937_64 random(seed * 977);
    const auto below = [&](int64_t n) { return static_cast<int64_t>(random() % static_cast<uint64_t>(n)); };
    for (int sample = 0; sample < 12; ++sample) {
      CaseBuilder builder(data.world.program());
      auto* account = builder.add("account");
      const int64_t now = data.world.at("2026-01-05 12:30") + below(10) * 86'400'000'000 + below(3) * 3'600'000'000;
      builder.set(account, "a", below(30) - 1)
          .set(account, "begun", BundleWorld::date("2026-01-05") - below(16))
          .set_number(account, "n", static_cast<double>(below(60)) / 2);
      builder.set(account, "seen", data.world.at("2026-01-06 11:30") + below(200) * 3'600'000'000);
      builder.set(account, "till", data.world.at("2026-01-06 11:30") + below(200) * 3'600'000'000);
      if (below(3) != 0) builder.set(account, "b", below(28));
      static const char* const words[] = {"north", "south", "east", "west", ""};
      if (below(3) != 0) builder.set(account, "word", std::string(words[below(5)]));
      if (below(3) != 0) builder.set(account, "what", below(3));
      for (const auto& field : data.world.program().entities[0].derived) {
        INFO("field " << field.name << ", sample " << sample);
        Trace of_data, of_written;
        const auto wanted = written.world.ask(field.name, builder, account, now, &of_written);
        const auto found = data.world.ask(field.name, builder, account, now, &of_data);
        const auto by_native = data.world.ask_of(*data.native, field.name, builder, account, now);
        const auto written_native = written.world.ask_of(*written.native, field.name, builder, account, now);
        CAPTURE(shown(wanted), shown(found), shown(by_native));
        REQUIRE(same(wanted, found));
        REQUIRE(same(found, by_native));
        REQUIRE(found.wake == by_native.wake);
        REQUIRE(same(wanted, written_native));
        const bool walks = field.name.starts_with("w_");  // written out, these trace no table
        if (!walks && wanted.fault == abi::Fault::none) REQUIRE(rows_of(of_data) == rows_of(of_written));
        faults += wanted.fault != abi::Fault::none;
        if (found.fault != abi::Fault::none || found.wake == abi::never) continue;
        ++wakes;
        later += found.wake > wanted.wake;
        // Until it wakes nothing changes: asked on each day, and just before.
        for (int64_t at = now; at < found.wake && at < now + 40 * 86'400'000'000; at += 86'400'000'000)
          REQUIRE(same(found, written.world.ask(field.name, builder, account, at)));
        if (found.wake < now + 400 * 86'400'000'000) REQUIRE(same(found, written.world.ask(field.name, builder, account, found.wake - 1)));
      }
    }
  }
  CHECK(faults > 20);
  CHECK(wakes > 100);
  INFO(later << " of " << wakes << " wakes are later than those of the written form");
  SUCCEED();
}

TEST_CASE("a table of very many rows is compiled as data and answers at once") {
  constexpr int rows = 20'000;
  std::string text = "bundle tables \"Tables\" {\n  timezone UTC\n  currency EUR\n  calendar none\n}\nentity account {\n  key id : text\n  a : int\n}\n";
  for (const char* policy : {"first", "sum", "collect"}) {
    text += std::string("table t_") + policy + "(a : int) -> (fee : int) " + policy + " {\n  | a || fee |\n";
    for (int row = 0; row < rows; ++row)
      text += "  | " + std::to_string(row * 3) + ".." + std::to_string(row * 3 + 1) + " || " + std::to_string(row % 997) + " |\n";
    text += policy == std::string("first") ? "  | otherwise || -1 |\n}\n" : "}\n";
  }
  text += "extend account {\n  one = t_first(a)\n  added = t_sum(a)\n  walked = sum(r for r in t_collect(a))\n}\n";
  BundleWorld world(text);
  const auto begin = std::chrono::steady_clock::now();
  auto native = compile_native(world.ir());
  if (!native) FAIL(native.error());
  const auto compiled = std::chrono::steady_clock::now();
  CaseBuilder builder(world.program());
  auto* account = builder.add("account");
  const int64_t now = world.at("2026-01-05 12:30");
  for (int64_t a : {0, 1, 2, 29'998, 30'000, 59'998, 59'999, 60'000, -1}) {
    builder.set(account, "a", a);
    const bool hit = a >= 0 && a < 60'000 && a % 3 != 2;
    const std::string fee = std::to_string(a / 3 % 997);
    for (const Evaluator* evaluator : {static_cast<const Evaluator*>(&world.interpreter()), static_cast<const Evaluator*>(native->get())}) {
      CHECK(world.ask_of(*evaluator, "one", builder, account, now).value == (hit ? fee : "-1"));
      CHECK(world.ask_of(*evaluator, "added", builder, account, now).value == (hit ? fee : "0"));
      CHECK(world.ask_of(*evaluator, "walked", builder, account, now).value == (hit ? fee : "0"));
    }
  }
  const auto asked = std::chrono::steady_clock::now();
  for (int64_t a = 0; a < 20'000; ++a) {
    builder.set(account, "a", a);
    (void)world.ask_of(**native, "one", builder, account, now);
  }
  const auto done = std::chrono::steady_clock::now();
  const auto seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
  CHECK(seconds(compiled - begin) < 20);  // a minute and more when rows were written out
  CHECK(seconds(done - asked) < 10);      // 20,000 questions; row by row each would try 10,000 rows
}

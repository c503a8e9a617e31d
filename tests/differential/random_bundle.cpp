#include "tests/differential/random_bundle.h"

#include <fmt/format.h>

#include <map>

namespace dunlin::differential {
namespace {

enum class T { boolean, integer, decimal, number, money, text, date, datetime, product };

const std::vector<T> value_types = {T::boolean, T::integer, T::decimal, T::number, T::money, T::text, T::date, T::datetime, T::product};

const char* type_text(T type) {
  switch (type) {
    case T::boolean:
      return "bool";
    case T::integer:
      return "int";
    case T::decimal:
      return "decimal";
    case T::number:
      return "number";
    case T::money:
      return "money";
    case T::text:
      return "text";
    case T::date:
      return "date";
    case T::datetime:
      return "datetime";
    case T::product:
      return "product";
  }
  return "";
}

struct Named {
  std::string name;
  T type;
  bool optional = false;
};

/// What an expression may mention where it stands.
struct Scope {
  bool account = true;  // self is an account (else a debtor)
  bool history = true;  // aggregates are allowed
  std::vector<Named> names;
};

class Writer {
 public:
  explicit Writer(Random& random) : r_(random) {}

  std::string bundle() {
    header();
    data();
    functions();
    tables();
    derived();
    segmentations();
    queues();
    strategies();
    return std::move(out_);
  }

 private:
  Random& r_;
  std::string out_;
  std::vector<Named> account_names_, debtor_names_;
  struct Callable {
    std::string name;
    std::vector<T> parameters;
    T result;
  };
  std::vector<Callable> functions_, tables_;
  std::vector<std::string> stage_names_;

  template <class... Args>
  void line(fmt::format_string<Args...> text, Args&&... args) {
    out_ += fmt::format(text, std::forward<Args>(args)...);
    out_ += '\n';
  }

  void header() {
    static const std::vector<std::string> zones = {"UTC", "Europe/Moscow", "Europe/Warsaw", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"};
    static const std::vector<std::string> starts = {"00:00", "02:30", "06:00", "23:00"};
    line("bundle random \"Random\" {{\n  timezone {}\n  currency EUR\n  calendar none\n  day starts {}\n}}", r_.pick(zones), r_.pick(starts));
  }

  void data() {
    line("enum product {{ card, cash_loan, auto, mortgage }}");
    line("entity debtor {{\n  key id : text\n  bankrupt : bool\n  worth : money\n  began : date?\n  grade : int?\n}}");
    line(
        "entity account of debtor {{\n  key id : text\n  kind_of : product\n  balance : money\n  overdue : money\n  overdue_since : date?\n  opened : date\n  "
        "score : int?");
    line("  rate : decimal\n  chance : number\n  label : text\n  secured : bool\n  steps : int\n  seen : datetime?\n  limit : money?\n}}");
    line("event payment of account {{\n  amount : money\n  booked : date?\n}}");
    line("event chargeback of account cancels payment {{ }}");
    line("event complaint of debtor {{\n  severity : int\n}}");
    line("event talk of account {{\n  minutes : int\n  about : product\n}}");
    line("hold quarrel for account {{ stops call, mail \"letter_1\", timers {}, lasts {}, then review by boss }}", r_.chance(70) ? "stop" : "run", delay());
    line("hold silence {{ stops everything except mail \"plain\", timers {}, until lifted }}", r_.chance(30) ? "stop" : "run");
    const std::string due = delay();
    line("approval favour for account (share : decimal) {{ by (if share > 10% then \"boss\" else \"clerk\"), never requester, due {}, lapses after {} }}", due,
         delay());
    line("quota seats for account {} per calendar week by balance desc, score", r_.between(1, 9));
    line("allocation round for account {{ by balance, shares {{ north 60%, south 40% }}, split by debtor }}");
    account_names_ = {{"kind_of", T::product},
                      {"balance", T::money},
                      {"overdue", T::money},
                      {"overdue_since", T::date, true},
                      {"opened", T::date},
                      {"score", T::integer, true},
                      {"rate", T::decimal},
                      {"chance", T::number},
                      {"label", T::text},
                      {"secured", T::boolean},
                      {"steps", T::integer},
                      {"seen", T::datetime, true},
                      {"limit", T::money, true},
                      {"debtor.bankrupt", T::boolean},
                      {"debtor.worth", T::money},
                      {"debtor.began", T::date, true},
                      {"debtor.grade", T::integer, true}};
    debtor_names_ = {{"bankrupt", T::boolean}, {"worth", T::money}, {"began", T::date, true}, {"grade", T::integer, true}};
  }

  Scope account_scope() { return {true, true, account_names_}; }
  Scope debtor_scope() { return {false, true, debtor_names_}; }

  // ---- literals ----
  std::string literal(T type) {
    switch (type) {
      case T::boolean:
        return r_.chance(50) ? "true" : "false";
      case T::integer:
        return std::to_string(r_.chance(10) ? r_.between(1'000'000, 9'000'000'000'000'000'000) : r_.between(0, 120));
      case T::decimal:
        return r_.chance(50) ? fmt::format("{}%", r_.between(0, 150)) : fmt::format("{}.{}", r_.between(0, 40), r_.between(1, 999'999));
      case T::number:
        return fmt::format("to_number({}.{})", r_.between(0, 40), r_.between(1, 99));
      case T::money:
        return r_.chance(15) ? fmt::format("{}", r_.between(1'000'000'000, 50'000'000'000'000'000))
                             : fmt::format("{}.{:02}", r_.between(0, 3000), r_.between(0, 99));
      case T::text:
        return fmt::format("\"{}\"", r_.pick(std::vector<std::string>{"north", "south", "a", "", "Łódź", "долг"}));
      case T::date:
        return fmt::format("2026-{:02}-{:02}", r_.between(1, 12), r_.between(1, 28));
      case T::datetime:
        return fmt::format("2026-{:02}-{:02} {:02}:{:02}", r_.between(1, 12), r_.between(1, 28), r_.between(0, 23), r_.between(0, 59));
      case T::product:
        return r_.pick(std::vector<std::string>{"card", "cash_loan", "auto", "mortgage"});
    }
    return "0";
  }

  std::string name_of(T type, bool optional, const Scope& scope) {
    std::vector<std::string> fitting;
    for (const auto& n : scope.names)
      if (n.type == type && n.optional == optional) fitting.push_back(n.name);
    return fitting.empty() ? "" : r_.pick(fitting);
  }

  std::string expression(T type, int depth, const Scope& scope) {
    if (depth <= 0) {
      auto name = r_.chance(75) ? name_of(type, false, scope) : "";
      if (!name.empty()) return name;
      if (type == T::date && r_.chance(40)) return "today";
      if (r_.chance(30)) {
        auto maybe = name_of(type, true, scope);
        if (!maybe.empty()) return fmt::format("({} default {})", maybe, literal(type));
      }
      return literal(type);
    }
    if (r_.chance(12)) return conditional(type, depth, scope);
    if (r_.chance(10)) {
      auto call = call_of(type, depth, scope);
      if (!call.empty()) return call;
    }
    switch (type) {
      case T::boolean:
        return boolean(depth, scope);
      case T::integer:
        return integer(depth, scope);
      case T::decimal:
        return decimal(depth, scope);
      case T::number:
        return number(depth, scope);
      case T::money:
        return money(depth, scope);
      case T::text:
        return text(depth, scope);
      case T::date:
        return date(depth, scope);
      case T::datetime:
        return datetime(depth, scope);
      case T::product:
        return expression(type, 0, scope);
    }
    return literal(type);
  }

  std::string conditional(T type, int depth, const Scope& scope) {
    if (r_.chance(30))
      return fmt::format("(match kind_{} {{ | card, auto -> {} | cash_loan -> {} | otherwise -> {} }})", scope.account ? "of" : "x",
                         expression(type, depth - 1, scope), expression(type, depth - 2, scope), expression(type, depth - 2, scope));
    return fmt::format("(if {} then {} else {})", expression(T::boolean, depth - 1, scope), expression(type, depth - 1, scope),
                       expression(type, depth - 1, scope));
  }

  std::string call_of(T type, int depth, const Scope& scope) {
    std::vector<const Callable*> fitting;
    for (const auto& f : functions_)
      if (f.result == type) fitting.push_back(&f);
    for (const auto& f : tables_)
      if (f.result == type) fitting.push_back(&f);
    if (fitting.empty()) return "";
    const Callable& f = *r_.pick(fitting);
    std::string arguments;
    for (T p : f.parameters) arguments += (arguments.empty() ? "" : ", ") + expression(p, depth - 2, scope);
    return fmt::format("{}({})", f.name, arguments);
  }

  std::string comparison() { return r_.pick(std::vector<std::string>{"<", "<=", ">", ">=", "=", "!="}); }
  std::string order() { return r_.pick(std::vector<std::string>{"<", "<=", ">", ">="}); }

  /// Holds are asked for where history may be, and once they are declared.
  std::string held() {
    if (r_.chance(30)) return r_.pick(std::vector<std::string>{"asked(favour)", "requested(seats)", "requested(round)", "placed(round)"});
    const std::string one = r_.chance(60) ? "quarrel" : "silence";
    switch (r_.below(4)) {
      case 0:
        return fmt::format("exists({}.placed where until known and until {} now or lifted_at known)", one, order());
      case 1:
        return fmt::format("(count({}.placed where lifted_at missing) {} {})", one, order(), r_.between(0, 2));
      default:
        return fmt::format("held({})", one);
    }
  }

  std::string boolean(int depth, const Scope& s) {
    if (s.history && !in_function_ && r_.chance(8)) return held();
    switch (r_.below(s.history ? 14 : 10)) {
      case 0:
      case 1:
        return fmt::format("({} {} {})", expression(T::boolean, depth - 1, s), r_.chance(50) ? "and" : "or", expression(T::boolean, depth - 1, s));
      case 2:
        return fmt::format("(not {})", expression(T::boolean, depth - 1, s));
      case 3:
        return fmt::format("({} {} {})", expression(T::integer, depth - 1, s), comparison(), expression(T::integer, depth - 1, s));
      case 4:
        return fmt::format("({} {} {})", expression(T::money, depth - 1, s), comparison(), expression(T::money, depth - 1, s));
      case 5:
        return fmt::format("({} {} {})", expression(T::date, depth - 1, s), comparison(), expression(T::date, depth - 1, s));
      case 6:
        return fmt::format("({} in {}..{})", expression(T::integer, depth - 1, s), r_.between(0, 20), r_.between(20, 90));
      case 7: {
        T type = r_.pick(std::vector<T>{T::decimal, T::number});
        return fmt::format("({} {} {})", expression(type, depth - 1, s), order(), expression(type, depth - 1, s));
      }
      case 8: {
        if (!s.account) return fmt::format("(grade known and grade {} {})", order(), r_.between(0, 9));
        auto maybe = r_.pick(std::vector<std::string>{"score", "debtor.grade"});
        return r_.chance(50) ? fmt::format("({0} known and {0} {1} {2})", maybe, order(), r_.between(0, 700))
                             : fmt::format("({0} missing or {0} {1} {2})", maybe, order(), r_.between(0, 700));
      }
      case 9:
        return r_.chance(50) ? fmt::format("({} = {})", expression(T::text, depth - 1, s), expression(T::text, depth - 1, s))
                             : fmt::format("(now >= {})", expression(T::datetime, depth - 1, s));
      case 10:
        return fmt::format("exists({})", events(s, depth));
      case 11:
        return fmt::format("(count({}) {} {})", events(s, depth), order(), r_.between(0, 4));
      case 12:
        if (!s.account) return "exists(a in accounts where a.secured)";
        return fmt::format("(days(date_of(last(payment).at) default opened, today) {} {})", order(), r_.between(0, 60));
      default:
        return fmt::format("(count(days of {}) {} {})", events(s, depth), order(), r_.between(0, 4));
    }
  }

  /// The inside of an event query.
  std::string events(const Scope& s, int depth) {
    const std::string event = r_.pick(std::vector<std::string>{"payment", "complaint", "talk", "call", "call.reached", "promise"});
    std::string text = event;
    switch (r_.below(5)) {
      case 0:
        text += fmt::format(" within {} days", r_.between(1, 40));
        break;
      case 1:
        text += fmt::format(" within {} hours", r_.between(1, 200));
        break;
      case 2:
        text += fmt::format(" since {}", literal(T::datetime));
        break;
      default:
        break;
    }
    if (r_.chance(20)) text += " per debtor";
    if (r_.chance(30)) {
      Scope inside = s;
      inside.history = false;
      if (event == "payment") text += fmt::format(" where amount > {}", typed_money(inside));
      if (event == "complaint") text += fmt::format(" where severity {} {}", order(), r_.between(0, 9));
      if (event == "promise") text += fmt::format(" where due {} today", order());
    }
    return text;
  }

  std::string integer(int depth, const Scope& s) {
    switch (r_.below(s.history ? 9 : 7)) {
      case 0:
        return fmt::format("({} + {})", expression(T::integer, depth - 1, s), expression(T::integer, depth - 1, s));
      case 1:
        return fmt::format("({} - {})", expression(T::integer, depth - 1, s), expression(T::integer, depth - 1, s));
      case 2:
        return fmt::format("({} * {})", expression(T::integer, depth - 1, s), expression(T::integer, depth - 2, s));
      case 3:
        return fmt::format("days({}, {})", expression(T::date, depth - 1, s), expression(T::date, depth - 1, s));
      case 4:
        return fmt::format("{}({}, {})", r_.chance(50) ? "div" : "mod", expression(T::integer, depth - 1, s),
                           r_.chance(80) ? std::to_string(r_.between(1, 30)) : expression(T::integer, depth - 2, s));
      case 5:
        return fmt::format("{}({}, {})", r_.chance(50) ? "min" : "max", expression(T::integer, depth - 1, s), expression(T::integer, depth - 1, s));
      case 6:
        return fmt::format("business_days({}, {})", expression(T::date, depth - 1, s), expression(T::date, depth - 1, s));
      case 7:
        return fmt::format("count({})", events(s, depth));
      default:
        return fmt::format("(last(complaint per debtor).severity default {})", literal(T::integer));
    }
  }

  std::string decimal(int depth, const Scope& s) {
    switch (r_.below(5)) {
      case 0:
        return fmt::format("({} + {})", expression(T::decimal, depth - 1, s), expression(T::decimal, depth - 1, s));
      case 1:
        return fmt::format("({} * {})", expression(T::decimal, depth - 1, s), expression(T::decimal, depth - 1, s));
      case 2:
        return fmt::format("({} / {})", expression(T::decimal, depth - 1, s), expression(T::decimal, depth - 1, s));
      case 3:
        return fmt::format("({} / {})", typed_money(s), typed_money(s));
      default:
        return fmt::format("rounded({}, {})", expression(T::decimal, depth - 1, s), r_.between(0, 6));
    }
  }

  std::string number(int depth, const Scope& s) {
    switch (r_.below(4)) {
      case 0:
        return fmt::format("({} {} {})", expression(T::number, depth - 1, s), r_.pick(std::vector<std::string>{"+", "-", "*"}),
                           expression(T::number, depth - 1, s));
      case 1:
        return fmt::format("({} / {})", expression(T::number, depth - 1, s), expression(T::number, depth - 1, s));
      case 2:
        return fmt::format("to_number({})", expression(T::decimal, depth - 1, s));
      default:
        return expression(T::number, 0, s);
    }
  }

  std::string money(int depth, const Scope& s) {
    switch (r_.below(s.history ? 7 : 5)) {
      case 0:
        return fmt::format("({} + {})", expression(T::money, depth - 1, s), expression(T::money, depth - 1, s));
      case 1:
        return fmt::format("({} - {})", expression(T::money, depth - 1, s), expression(T::money, depth - 1, s));
      case 2:
        return fmt::format("({} * {})", typed_money(s), expression(T::decimal, depth - 1, s));
      case 3:
        return fmt::format("({} / {})", expression(T::money, depth - 1, s),
                           r_.chance(70) ? std::to_string(r_.between(1, 30)) : expression(T::decimal, depth - 1, s));
      case 4:
        return fmt::format("clamp({}, 0, {})", typed_money(s), r_.between(1, 5000));
      case 5: {
        std::string window = r_.chance(60) ? fmt::format(" within {} days", r_.between(1, 60)) : "";
        return fmt::format("sum(payment.amount{})", window);
      }
      default:
        return s.account ? "sum(a.overdue for a in debtor.accounts where a.secured)" : "sum(a.balance for a in accounts where a.overdue > 10)";
    }
  }

  std::string text(int depth, const Scope& s) {
    if (depth > 0 && r_.chance(40)) return inserted(s);
    return expression(T::text, 0, s);
  }

  /// A text with values in it; braces inside the braces are not part of the language.
  std::string inserted(const Scope& s) {
    std::string inside = expression(T::integer, 1, s);
    if (inside.find_first_of("{}\"") != std::string::npos) inside = expression(T::integer, 0, s);
    std::string name = name_of(T::text, false, s);
    return fmt::format("\"{{{}}} of {{{}}}\"", inside, name.empty() ? inside : name);
  }

  /// A sum of money whose type does not hang on what stands beside it.
  std::string typed_money(const Scope& s) {
    std::string name = name_of(T::money, false, s);
    return name.empty() ? fmt::format("money_of({})", r_.between(0, 500'000)) : name;
  }

  std::string date(int depth, const Scope& s) {
    switch (r_.below(4)) {
      case 0:
        return fmt::format("({} + {} {})", expression(T::date, depth - 1, s), r_.between(1, 60),
                           r_.pick(std::vector<std::string>{"days", "business days", "months", "weeks"}));
      case 1:
        return fmt::format("date_of({})", expression(T::datetime, depth - 1, s));
      default:
        return expression(T::date, 0, s);
    }
  }

  std::string datetime(int depth, const Scope& s) {
    switch (r_.below(4)) {
      case 0:
        return fmt::format("({} + {} {})", expression(T::datetime, depth - 1, s), r_.between(1, 50),
                           r_.pick(std::vector<std::string>{"hours", "minutes", "days", "months"}));
      case 1:
        return fmt::format("start_of({})", expression(T::date, depth - 1, s));
      case 2:
        return s.history ? fmt::format("(last(talk).at default {})", literal(T::datetime)) : expression(T::datetime, 0, s);
      default:
        return expression(T::datetime, 0, s);
    }
  }

  // ---- declarations ----
  void functions() {
    const int64_t n = r_.between(0, 3);
    for (int64_t i = 0; i < n; ++i) {
      Callable f{fmt::format("f{}", i), {}, r_.pick(value_types)};
      Scope scope{true, false, {}};
      std::string parameters;
      const int64_t count = r_.between(1, 3);
      for (int64_t p = 0; p < count; ++p) {
        T type = r_.pick(value_types);
        f.parameters.push_back(type);
        scope.names.push_back({fmt::format("p{}", p), type});
        parameters += fmt::format("{}p{} : {}", p == 0 ? "" : ", ", p, type_text(type));
      }
      // The body must not read the account: only parameters are in scope.
      in_function_ = true;
      const std::string body = pure(f.result, 3, scope);
      in_function_ = false;
      line("function {}({}) -> {} = {}", f.name, parameters, type_text(f.result), body);
      functions_.push_back(f);
    }
  }

  bool in_function_ = false;
  /// Expressions over parameters: retries until nothing of the account's slipped in.
  std::string pure(T type, int depth, const Scope& scope) {
    for (int attempt = 0; attempt < 20; ++attempt) {
      std::string text = expression(type, depth, scope);
      bool clean = true;
      for (const char* word : {"kind_", "score", "grade", "opened", "accounts", "today", "now", "debtor"})
        if (text.find(word) != std::string::npos) clean = false;
      if (clean) return text;
    }
    return literal(type);
  }

  std::string cell(T type) {
    if (r_.chance(20)) return "any";
    switch (type) {
      case T::product:
        return r_.chance(50) ? literal(type) : fmt::format("not {}", literal(type));
      case T::boolean:
        return literal(type);
      case T::text:
        return fmt::format("{}, {}", literal(type), "\"zz\"");
      default:
        break;
    }
    const int64_t low = r_.between(0, 60);
    switch (r_.below(4)) {
      case 0:
        return fmt::format("< {}", low);
      case 1:
        return fmt::format(">= {}", low);
      case 2:
        return fmt::format("{}..{}", low, low + r_.between(0, 40));
      default:
        return fmt::format("{}..<{}", low, low + r_.between(1, 40));
    }
  }

  void tables() {
    static const std::vector<std::string> policies = {"first", "first", "first", "priority", "sum", "count", "any"};
    const int64_t n = r_.between(0, 3);
    for (int64_t i = 0; i < n; ++i) {
      const std::string policy = r_.pick(policies);
      Callable t{fmt::format("t{}", i), {}, r_.pick(std::vector<T>{T::integer, T::money, T::product, T::boolean, T::text, T::decimal})};
      if (policy == "sum") t.result = r_.chance(50) ? T::integer : T::money;
      if (policy == "priority") t.result = r_.chance(50) ? T::integer : T::product;
      const T output = policy == "count" ? T::integer : t.result;
      t.result = output;
      const int64_t columns = r_.between(1, 3);
      std::string inputs, header;
      for (int64_t c = 0; c < columns; ++c) {
        T type = r_.pick(std::vector<T>{T::integer, T::money, T::product, T::boolean, T::text, T::number, T::decimal});
        t.parameters.push_back(type);
        inputs += fmt::format("{}c{} : {}", c == 0 ? "" : ", ", c, type_text(type));
        header += fmt::format("| c{} ", c);
      }
      line("table {}({}) -> (o : {}) {} {{\n  {}|| o |", t.name, inputs, type_text(output), policy, header);
      const std::string same = literal(output);
      const int64_t rows = r_.between(1, 6);
      for (int64_t row = 0; row < rows; ++row) {
        std::string cells;
        for (T type : t.parameters) cells += "| " + cell(type) + " ";
        line("  {}|| {} |", cells, policy == "any" ? same : literal(output));
      }
      if (policy != "sum" && policy != "count") line("  | otherwise || {} |", literal(output));
      line("}}");
      tables_.push_back(t);
    }
  }

  void derived() {
    line("extend debtor {{");
    for (int64_t i = 0, n = r_.between(0, 2); i < n; ++i) {
      T type = r_.pick(std::vector<T>{T::boolean, T::integer, T::money});
      Scope scope = debtor_scope();
      std::string body = expression(type, 2, scope);
      if (body.find("kind_x") != std::string::npos) body = literal(type);
      line("  e{} : {} = {}", i, type_text(type), body);
      debtor_names_.push_back({fmt::format("e{}", i), type});
      account_names_.push_back({fmt::format("debtor.e{}", i), type});
    }
    line("}}");
    line("extend account {{\n  dpd = days(overdue_since, today) default 0");
    account_names_.push_back({"dpd", T::integer});
    for (int64_t i = 0, n = r_.between(1, 5); i < n; ++i) {
      T type = r_.pick(value_types);
      line("  d{} : {} = {}", i, type_text(type), expression(type, 3, account_scope()));
      account_names_.push_back({fmt::format("d{}", i), type});
    }
    line("}}");
  }

  void segmentations() {
    if (r_.chance(60)) {
      line("segmentation band for account {{\n  band_a when {}\n  band_b when {}\n  otherwise band_c\n}}", expression(T::boolean, 2, account_scope()),
           expression(T::boolean, 2, account_scope()));
      has_band_ = true;
    }
  }
  bool has_band_ = false;
  bool has_trial_ = false;  // `arm(pitch)` may be asked

  void queues() {
    // A promise may be taken whatever it says, only in a range that moves with the day, or only while a condition over the account holds.
    const std::string range = r_.chance(50) ? fmt::format(" in today..today + {} days", r_.between(1, 30)) : "";
    const std::string guard = r_.chance(40) ? " when " + expression(T::boolean, 1, account_scope()) : "";
    line(
        "outcomes call of account {{\n  reached {{\n    debtor_self {{\n      promises as promise (amount : money, due : date{}){}\n      refuses\n    }}\n    "
        "third_party\n  }}\n  not_reached {{ no_answer, busy }}\n}}",
        range, guard);
    line("queue call {{\n  outcomes call\n  cost 12.00\n  lease 10 minutes\n  fields {{\n    phone : text?\n    sum_due : money?\n  }}\n}}");
    line("queue mail {{\n  cost 1.50\n}}");
  }

  std::string condition(int depth = 3) {
    if (has_band_ && r_.chance(15)) return fmt::format("band {} band_{}", r_.chance(50) ? "=" : "!=", r_.pick(std::vector<std::string>{"a", "b", "c"}));
    if (r_.chance(25)) return fmt::format("dpd {} {}", order(), r_.between(0, 90));
    return expression(T::boolean, depth, account_scope());
  }

  std::string actions(const std::string& strategy, size_t stages, bool may_go) {
    std::vector<std::string> list;
    if (r_.chance(30)) list.push_back(fmt::format("mail \"letter_{}\"", r_.between(0, 3)));
    if (r_.chance(30)) list.push_back(fmt::format("set tally = tally + {}", r_.between(1, 3)));
    if (r_.chance(15)) list.push_back(fmt::format("set kept = {}", expression(T::money, 2, account_scope())));
    if (r_.chance(10)) list.push_back(fmt::format("call \"once\" {{ phone: {}, sum_due: overdue }}", expression(T::text, 1, account_scope())));
    if (r_.chance(10)) list.push_back(fmt::format("note {}", inserted(account_scope())));
    if (r_.chance(12)) list.push_back(r_.chance(50) ? "lift quarrel" : "lift silence");
    if (r_.chance(12)) list.push_back(r_.chance(50) ? "hold quarrel" : fmt::format("hold quarrel for {}", delay()));
    if (r_.chance(6)) list.push_back(fmt::format("hold silence for {}", delay()));
    if (r_.chance(8)) list.push_back(fmt::format("ask favour {{ share: {}% }}", r_.between(1, 30)));
    if (r_.chance(6)) list.push_back("request seats");
    if (r_.chance(6)) list.push_back(r_.chance(70) ? fmt::format("place with round for {}", delay()) : "place with round");
    if (r_.chance(5)) list.push_back(r_.chance(50) ? fmt::format("extend placement {}", delay()) : "recall reason \"home\"");
    if (may_go && r_.chance(60)) list.push_back(fmt::format("go s{}", r_.below(static_cast<int64_t>(stages))));
    if (list.empty()) list.push_back("mail \"plain\"");
    std::string text;
    for (const auto& a : list) text += (text.empty() ? "" : ", ") + a;
    (void)strategy;
    return text;
  }

  std::string delay() {
    if (r_.chance(20)) return fmt::format("{} hours", r_.between(1, 60));
    return fmt::format("{} {}", r_.between(1, 20), r_.pick(std::vector<std::string>{"days", "business days", "weeks"}));
  }

  void strategy(int64_t index) {
    const std::string name = fmt::format("strategy_{}", index);
    line("strategy {} \"Random {}\" for account {{\n  enrol when {}", name, index, index == 0 ? condition(2) : "dpd > 30 and secured");
    line("  var tally : int = 0\n  var kept : money = 0");
    const size_t stages = static_cast<size_t>(r_.between(2, 4));
    for (size_t i = 0, n = static_cast<size_t>(r_.between(0, 2)); i < n; ++i) line("  when {} : go s{}", condition(2), r_.below(static_cast<int64_t>(stages)));
    if (r_.chance(50)) line("  on {} : {}", r_.pick(std::vector<std::string>{"payment", "complaint", "call.reached", "promise"}), actions(name, stages, true));
    for (size_t s = 0; s < stages; ++s) {
      const bool final_stage = s + 1 == stages && r_.chance(60);
      if (final_stage) {
        line("  final stage s{} {{ enrol again when {} }}", s, condition(2));
        continue;
      }
      line("  stage s{} {{", s);
      if (r_.chance(50)) line("    on entry : {}", actions(name, stages, false));
      if (r_.chance(60))
        line("    on {} : {}",
             r_.pick(std::vector<std::string>{"payment", "complaint", "talk", "call.not_reached", "promise", "quarrel.ended", "favour.approved",
                                              "favour.lapsed", "seats.granted", "round.placed", "round.ended"}),
             actions(name, stages, true));
      if (r_.chance(30)) line("    on payment where amount > {} : {}", typed_money(account_scope()), actions(name, stages, true));
      if (r_.chance(40)) line("    when {} : go s{}", condition(3), (s + 1) % stages);
      if (r_.chance(70)) line("    after {} : {}", delay(), actions(name, stages, true));
      if (has_trial_) {
        Random dice = r_;
        const char* const arm = dice.chance(50) ? "loud" : "odd";
        line("    keep mail \"pitch_{}\" while arm(pitch) {} {} and dpd > {} {{ again {} days }}", s, dice.chance(50) ? "=" : "!=", arm, dice.between(0, 40),
             dice.between(1, 9));
      }
      if (r_.chance(30)) line("    rule \"late {}\" after {} when {} : {}", s, delay(), condition(2), actions(name, stages, true));
      if (r_.chance(30))
        line("    rule \"dated {}\" at {} {}: {}", s, r_.chance(50) ? "last(promise).due - 1 day" : expression(T::date, 2, account_scope()),
             r_.chance(30) ? "else skip " : "", actions(name, stages, false));
      if (r_.chance(40))
        line("    rule \"grid {}\" every {} at most {} times when {} : {}", s, delay(), r_.between(1, 5), condition(1), actions(name, stages, false));
      if (r_.chance(30)) {
        line("    deadline answer_{}_{} {} {} from {} {{", index, s, r_.between(2, 20),
             r_.pick(std::vector<std::string>{"days", "business days", "weeks", "months"}),
             r_.chance(50) ? "payment" : expression(T::date, 2, account_scope()));
        line("      warn {} days before : {}", r_.between(1, 9), actions(name, stages, false));
        if (r_.chance(60)) line("      suspended while {}", condition(2));
        if (r_.chance(50)) line("      calendar {}", r_.chance(50) ? "pl" : fmt::format("by (if {} then \"de\" else \"uk\")", condition(1)));
        line("      missed : {}\n    }}", actions(name, stages, true));
      }
      if (r_.chance(60)) {
        line("    keep call \"script_{}\" while {} {{", s, condition(2));
        line("      again {} {}", r_.between(1, 4), r_.pick(std::vector<std::string>{"days", "hours", "business days"}));
        line("      attempts at most {} per day, {} in stage", r_.between(1, 3), r_.between(2, 8));
        if (r_.chance(50)) line("      window {:02}:00..{:02}:30", r_.between(7, 12), r_.between(13, 21));
        line("      priority {{ base: {}, more: {} }}", r_.between(0, 50), expression(T::integer, 1, account_scope()));
        line("      due {}", delay());
        line("    }}");
      }
      line("  }}");
    }
    line("}}");
  }

  /// Conditions and figures of limits are expressions like any other.
  void limits() {
    if (!r_.chance(50)) return;
    line("limits \"random\" {{\n  applies when debtor.worth {} {} or debtor.bankrupt", order(), r_.between(0, 5000));
    line("  call at most {} per day, (if debtor.grade default {} > 5 then 1 else {}) per calendar week, {} in any {} days per debtor and account",
         r_.between(1, 3), r_.between(0, 9), r_.between(2, 5), r_.between(2, 6), r_.between(2, 20));
    line("  call none for {} days after call.reached per account", r_.between(1, 9));
    line("  call, mail between 08:00 and 20:00 on working days, 10:00 and 14:00 on others");
    line("  never mail when debtor.bankrupt and days(debtor.began, today) default 0 > {}\n}}", r_.between(0, 400));
  }

  /// Arms are drawn by the engine and read by compiled conditions. From dice of their own: what else is drawn stays as it was.
  void trial() {
    Random dice = r_;
    has_trial_ = dice.chance(40);
    if (!has_trial_) return;
    line(
        "experiment pitch {{ arms of pitch {{ quiet 40%, loud 35%, odd 25% }}\n  among account where dpd >= {}\n  split by {}, run 2000-01-01 to 2029-12-31 }}",
        dice.between(0, 20), dice.chance(50) ? "debtor" : "account");
    if (dice.chance(50)) line("holdout {}% by debtor", dice.between(1, 60));
  }

  void strategies() {
    limits();
    trial();
    strategy(0);
    if (r_.chance(40)) strategy(1);
  }
};

}  // namespace

std::string random_bundle(Random& random) { return Writer(random).bundle(); }

}  // namespace dunlin::differential

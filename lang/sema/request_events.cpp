// Approvals, quotas and allocations as declared: whom they are for, the events below their names, and the shares of an allocation.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "lang/sema/csv.h"
#include "lang/sema/data_path.h"
#include "lang/sema/declare.h"
#include "lang/sema/made_events.h"
#include "lang/syntax/ast_department.h"

namespace dunlin::sema {

using checked::Request;

namespace {

constexpr int64_t whole = 1'000'000;

/// Who asks for what: the entities of the strategies in which it stands.
class Askers {
 public:
  explicit Askers(const Context& context) {
    context.each<ast::StrategyDecl>([&](const Placed&, const ast::StrategyDecl& strategy) {
      look(strategy.rules, strategy.entity);
      for (const auto& deadline : strategy.deadlines) look(*deadline, strategy.entity);
      for (const ast::StageDecl& stage : strategy.stages) {
        look(stage.rules, strategy.entity);
        for (const auto& deadline : stage.deadlines) look(*deadline, strategy.entity);
      }
    });
    context.each<ast::AlwaysDecl>([&](const Placed&, const ast::AlwaysDecl& always) {
      if (always.entity) look(always.rules, *always.entity);
    });
  }
  /// By the name of the entity, where it stands.
  const std::map<std::string, Span>& of(const std::string& name) { return by_name_[name]; }

 private:
  void look(const std::vector<ast::Rule>& rules, const ast::Name& entity) {
    for (const ast::Rule& rule : rules) look(rule.actions, entity);
  }
  void look(const ast::DeadlineDecl& deadline, const ast::Name& entity) {
    for (const auto& warning : deadline.warnings) look(warning.actions, entity);
    look(deadline.missed, entity);
  }
  void look(const std::vector<ast::Action>& actions, const ast::Name& entity) {
    using Kind = ast::DepartmentAction::Kind;
    for (const ast::Action& action : actions) {
      if (action.kind != ast::Action::Kind::department) continue;
      const Kind kind = action.department->kind;
      if (kind == Kind::ask || kind == Kind::request || kind == Kind::place) by_name_[action.department->target.text()].try_emplace(entity.text, action.span);
    }
  }

  std::map<std::string, std::map<std::string, Span>> by_name_;
};

class RequestEvents {
 public:
  RequestEvents(Context& context, EventMaker& maker) : context_(context), maker_(maker), askers_(context) {}

  void approval(const ast::ApprovalDecl& written) {
    const Span at = written.name.span;
    const ast::Name owner = owner_of(written.entity, written.name);
    if (!maker_.is_free(written.name)) return;
    for (const auto& column : written.columns) declare_inline_enum(context_, column.type, written.name.text, column.name.text);
    auto asked = start(at);
    asked.push_back(made_field("answered_at", "datetime", "When it was answered; history knows.", at));
    asked.push_back(made_field("decision_due", "datetime", "By when it should be decided.", at));
    asked.push_back(made_field("lapses_at", "datetime", "When it lapses, if nobody decides.", at));
    asked.push_back(made_field("decides", "text", "The role that decides.", at));
    asked.push_back(made_field("requester", "text", "Who asks, where a person does.", at));
    maker_.add(written.name, "asked", owner, std::move(asked));
    for (const char* answer : {"approved", "declined"}) {
      auto fields = start(at);
      fields.push_back(made_field("decided_by", "text", "Who decided.", at));
      fields.push_back(made_field("reason", "text", "Why.", at));
      maker_.add(written.name, answer, owner, std::move(fields));
    }
    if (written.lapses_after) maker_.add(written.name, "lapsed", owner, start(at));
    if (written.due) maker_.add(written.name, "overdue", owner, start(at));
    withdrawn(written.name, owner);
  }

  void quota(const ast::QuotaDecl& written) {
    const Span at = written.name.span;
    const ast::Name owner = owner_of(written.entity, written.name);
    if (!maker_.is_free(written.name)) return;
    requested(written.name, owner);
    maker_.add(written.name, "granted", owner, start(at));
    withdrawn(written.name, owner);
  }

  void allocation(const ast::AllocationDecl& written) {
    const Span at = written.name.span;
    const ast::Name owner = owner_of(written.entity, written.name);
    if (!maker_.is_free(written.name)) return;
    requested(written.name, owner);
    auto placed = start(at);
    placed.push_back(made_field("agency", "text", "With whom.", at));
    placed.push_back(made_field("amount", written.measure ? "money" : "int", "What shares and caps count.", at));
    placed.push_back(made_field("until", "datetime", "When it was to end.", at));
    placed.push_back(made_field("over_at", "datetime", "When it was over; history knows.", at));
    placed.push_back(made_field("ends_at", "datetime", "When it ends by itself, as extended; history knows.", at));
    maker_.add(written.name, "placed", owner, std::move(placed));
    auto declined = start(at);
    declined.push_back(made_field("reason", "text", "Why.", at));
    maker_.add(written.name, "declined", owner, std::move(declined));
    for (const char* told : {"ended", "recalled", "extended"}) {
      auto fields = start(at);
      fields.push_back(made_field("agency", "text", "With whom.", at));
      if (told == std::string_view("recalled")) fields.push_back(made_field("reason", "text", "Why.", at));
      if (told == std::string_view("extended")) fields.push_back(made_field("until", "datetime", "When it ends now.", at));
      maker_.add(written.name, told, owner, std::move(fields));
    }
    withdrawn(written.name, owner);
  }

 private:
  static std::vector<ast::FieldDecl> start(Span at) {
    std::vector<ast::FieldDecl> fields;
    fields.push_back(made_field("request", "int", "The request it is about.", at));
    return fields;
  }

  void requested(const ast::Name& name, const ast::Name& owner) {
    auto fields = start(name.span);
    fields.push_back(made_field("answered_at", "datetime", "When it was answered; history knows.", name.span));
    maker_.add(name, "requested", owner, std::move(fields));
  }

  void withdrawn(const ast::Name& name, const ast::Name& owner) {
    auto fields = start(name.span);
    fields.push_back(made_field("reason", "text", "Why.", name.span));
    maker_.add(name, "withdrawn", owner, std::move(fields));
  }

  /// Written, or whose strategies ask for it.
  ast::Name owner_of(const std::optional<ast::Name>& written, const ast::Name& name) {
    if (written) return maker_.owner_of(written, name.span);
    const auto& askers = askers_.of(name.text);
    if (askers.size() > 1) {
      const auto& [first, where] = *askers.begin();
      const auto& [second, also] = *std::next(askers.begin());
      Diagnostic& diagnostic =
          context_.error("E0751", name.span, in_ticks(name.text) + " is asked for by strategies for " + in_ticks(first) + " and for " + in_ticks(second));
      diagnostic.notes.push_back({where, "for " + in_ticks(first)});
      diagnostic.notes.push_back({also, "for " + in_ticks(second)});
      diagnostic.help = "say whom it is for: `" + name.text + " for " + first + "`, and declare another one for the others";
    }
    if (askers.empty() || checked::find_entity(context_.program, askers.begin()->first) == none) return maker_.owner_of(std::nullopt, name.span);
    return {askers.begin()->first, name.span};
  }

  Context& context_;
  EventMaker& maker_;
  Askers askers_;
};

}  // namespace

void make_request_events(Context& context, EventMaker& maker) {
  RequestEvents made(context, maker);
  context.each<ast::Part<ast::ApprovalDecl>>([&](const Placed&, const ast::Part<ast::ApprovalDecl>& written) { made.approval(*written); });
  context.each<ast::Part<ast::QuotaDecl>>([&](const Placed&, const ast::Part<ast::QuotaDecl>& written) { made.quota(*written); });
  context.each<ast::Part<ast::AllocationDecl>>([&](const Placed&, const ast::Part<ast::AllocationDecl>& written) { made.allocation(*written); });
}

// ---- shares ----------------------------------------------------------------------------------------------------------

namespace {

/// `12.5` hundredths as millionths of the whole; nothing if that is no share.
std::optional<int64_t> share_of(std::string_view digits) {
  if (digits.ends_with('%')) digits.remove_suffix(1);
  while (digits.ends_with(' ')) digits.remove_suffix(1);
  int64_t value = 0;
  int places = -1;
  for (const char c : digits) {
    if (c == '_') continue;
    if (c == '.' && places < 0) {
      places = 0;
      continue;
    }
    if (c < '0' || c > '9' || value > whole * 10 || places >= 4) return std::nullopt;
    value = value * 10 + (c - '0');
    if (places >= 0) ++places;
  }
  if (digits.empty()) return std::nullopt;
  for (int i = std::max(places, 0); i < 4; ++i) value *= 10;
  return value;
}

std::string percent(int64_t millionths) {
  std::string text = fmt::format("{}.{:04}", millionths / 10'000, millionths % 10'000);
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text + "%";
}

class Shares {
 public:
  Shares(Context& context, const ast::AllocationDecl& written, uint32_t file, Request& made) : context_(context), written_(written), file_(file), made_(made) {}

  void read() {
    if (written_.shares_file) from_file();
    for (const ast::Share& share : written_.shares) {
      const auto* literal = std::get_if<ast::PercentLit>(&share.share->node);
      add(share.name.text, literal == nullptr ? std::nullopt : share_of(literal->digits), share.span);
      if (share.value) context_.error("E0219", share.value->span, "the share of an agency has no value").help = "leave it away";
    }
    if (broken_) return;
    if (made_.shares.empty()) {
      context_
          .error("E0752", written_.shares_span.known() ? written_.shares_span : written_.name.span,
                 "the allocation " + in_ticks(written_.name.text) + " has nobody to place with")
          .help = "write `shares { north 60%, south 40% }`, or `shares \"shares.csv\"` with the columns agency and share";
      return;
    }
    int64_t sum = 0;
    for (const Request::Share& share : made_.shares) sum += share.share;
    if (sum != whole) {
      Diagnostic& diagnostic = context_.error("E0752", written_.shares_span, "the shares of " + in_ticks(written_.name.text) + " add up to " + percent(sum));
      std::string parts;
      for (const Request::Share& share : made_.shares) parts += (parts.empty() ? "" : " + ") + share.name + " " + percent(share.share);
      diagnostic.label = parts;
      diagnostic.help = sum < whole ? percent(whole - sum) + " would go to nobody: shares add up to 100%" : "shares add up to 100%";
    }
    for (const Request::Share& share : made_.shares) made_.shares_key += fmt::format("{} {}\n", share.name, share.share);
  }

 private:
  void add(const std::string& name, std::optional<int64_t> share, Span span) {
    if (!share || *share <= 0 || *share > whole) {
      context_.error("E0752", span, "the share of " + in_ticks(name) + " is not between 0% and 100%").help =
          "write it with at most four places, for example 37.5%";
      broken_ = true;
      return;
    }
    if (!names_.insert(name).second) {
      context_.error("E0752", span, in_ticks(name) + " has two shares").help = "add them up, or leave one of them away";
      broken_ = true;
      return;
    }
    made_.shares.push_back({name, *share});
  }

  void from_file() {
    const auto found = data_file(context_, *written_.shares_file, file_, written_.shares_span);
    if (!found) {
      broken_ = true;
      return;
    }
    const uint32_t file = *found;
    const CsvText csv = read_csv(context_.sources.text(file));
    const auto span = [&](const CsvRow& row) { return Span{file, row.begin, row.end}; };
    size_t agency = SIZE_MAX, share = SIZE_MAX;
    for (size_t i = 0; !csv.rows.empty() && i < csv.rows[0].cells.size(); ++i) {
      if (csv.rows[0].cells[i].text == "agency") agency = i;
      if (csv.rows[0].cells[i].text == "share") share = i;
    }
    if (agency == SIZE_MAX || share == SIZE_MAX) {
      context_.error("E0812", csv.rows.empty() ? written_.shares_span : span(csv.rows[0]), "the columns of shares are `agency` and `share`").help =
          "name them in the first line: agency,share";
      broken_ = true;
      return;
    }
    for (size_t i = 1; i < csv.rows.size(); ++i) {
      const CsvRow& row = csv.rows[i];
      if (row.cells.size() <= std::max(agency, share)) {
        context_.error("E0813", span(row), "this row lacks an agency or a share").help = "every row has as many cells as the first line has names";
        broken_ = true;
        continue;
      }
      const std::string& written = row.cells[share].text;
      if (!written.ends_with('%')) {
        context_.error("E0752", span(row), "the share of " + in_ticks(row.cells[agency].text) + " is " + in_ticks(written) + ", which is no part of a hundred")
            .help = "write the sign behind it: `" + written + "%`";
        broken_ = true;
        continue;
      }
      add(row.cells[agency].text, share_of(written), span(row));
    }
  }

  Context& context_;
  const ast::AllocationDecl& written_;
  const uint32_t file_;
  Request& made_;
  std::set<std::string> names_;
  bool broken_ = false;
};

// ---- declarations ----------------------------------------------------------------------------------------------------

class RequestMaker {
 public:
  explicit RequestMaker(Context& context) : context_(context) {}

  void approval(const Placed& placed, const ast::ApprovalDecl& written) {
    Request made = start(placed, written.name, Request::Kind::approval, "asked", "approved");
    if (made.asked == none) return;
    made.declined = event(made, "declined");
    made.lapsed = event(made, "lapsed");
    made.overdue = event(made, "overdue");
    if (!written.by) {
      context_.error("E0753", written.name.span, "it is not said who decides on " + in_ticks(made.name)).help = "name the role: `by supervisor`";
    }
    if (written.never) {
      require_word(context_, *written.never, {"requester"}, "never");
      made.never_requester = true;
    }
    columns(written, made);
    made.due_slot = slot(made.asked, "decision_due");
    made.lapses_slot = slot(made.asked, "lapses_at");
    made.role_slot = slot(made.asked, "decides");
    made.requester_slot = slot(made.asked, "requester");
    made.by_slot = slot(made.granted, "decided_by");
    made.reason_slot = slot(made.granted, "reason");
    context_.program.requests.push_back(std::move(made));
  }

  void quota(const Placed& placed, const ast::QuotaDecl& written) {
    Request made = start(placed, written.name, Request::Kind::quota, "requested", "granted");
    if (made.asked == none) return;
    made.period = static_cast<Request::Period>(written.period.unit);
    context_.program.requests.push_back(std::move(made));
  }

  void allocation(const Placed& placed, const ast::AllocationDecl& written) {
    Request made = start(placed, written.name, Request::Kind::allocation, "requested", "placed");
    if (made.asked == none) return;
    made.declined = event(made, "declined");
    made.ended = event(made, "ended");
    made.recalled = event(made, "recalled");
    made.extended = event(made, "extended");
    made.agency_slot = slot(made.granted, "agency");
    made.amount_slot = slot(made.granted, "amount");
    made.until_slot = slot(made.granted, "until");
    made.over_slot = slot(made.granted, "over_at");
    made.ends_slot = slot(made.granted, "ends_at");
    for (const auto& cap : written.caps) require_word(context_, cap.per, {"agency"}, "per");
    const std::string& head = context_.program.entities.front().name;
    const std::string& own = context_.program.entities[static_cast<size_t>(made.entity)].name;
    for (const auto& never : written.never) {
      require_word(context_, never.same, {"same"}, "never");
      require_word(context_, never.what, {"agency"}, "never same");
      require_word(context_, never.twice, {"twice"}, "never same agency");
      require_word(context_, never.per, {head, own}, "per");
      made.never_twice = true;
      made.never_twice_per = never.per.text == own ? made.entity : 0;
      if (never.per.text == head) made.never_twice_per = 0;
    }
    if (written.split_by) {
      require_word(context_, *written.split_by, {head, own}, "split by");
      made.together = written.split_by->text == head;
    }
    Shares(context_, written, placed.file, made).read();
    context_.program.requests.push_back(std::move(made));
  }

 private:
  Index event(const Request& made, const char* what) const { return event_named(context_, made.name + "." + what); }
  Index slot(Index event, const char* field) const {
    const auto& fields = context_.program.events[static_cast<size_t>(event)].fields;
    const Index found = checked::find_field(fields, field);
    return found == none ? none : fields[static_cast<size_t>(found)].slot;
  }

  Request start(const Placed& placed, const ast::Name& name, Request::Kind kind, const char* asked, const char* granted) {
    Request made;
    made.name = name.text;
    if (checked::find_request(context_.program, name.text) != none) return made;  // reported
    made.kind = kind;
    made.doc = placed.declaration->doc;
    made.span = name.span;
    made.asked = event(made, asked);
    made.granted = event(made, granted);
    if (made.asked == none || made.granted == none) {
      made.asked = none;
      return made;
    }
    made.event = event_named(context_, name.text);
    made.withdrawn = event(made, "withdrawn");
    made.entity = context_.program.events[static_cast<size_t>(made.asked)].owner;
    made.answered_slot = slot(made.asked, "answered_at");
    if (made.entity == none) made.asked = none;
    return made;
  }

  /// What is asked for stands in the question, and again in the answer.
  void columns(const ast::ApprovalDecl& written, Request& made) {
    for (const auto& column : written.columns) {
      const Type type = resolve_type(context_, column.type);
      if (type.is_error()) continue;
      if (type.optional || type.kind == TypeKind::record || !is_storable(type.kind)) {
        context_.error("E0317", column.type.span, "what is asked for is a plain value, found " + in_ticks(context_.type_text(type)));
        continue;
      }
      auto& asked = context_.program.events[static_cast<size_t>(made.asked)];
      if (checked::find_field(asked.fields, column.name.text) != none) {
        context_.error("E0202", column.name.span, "the field " + in_ticks(column.name.text) + " stands here twice").help =
            "every request has the fields request, answered_at, decision_due, lapses_at, decides and requester";
        continue;
      }
      add(made.asked, column.name, type);
      // What is asked is judged like any event: a rule that asks for more has a fault, a person's question is not taken.
      set_range(context_, asked.fields.back(), column.type, none, false);
      made.columns.push_back(asked.fields.back());
      for (const Index answer : {made.granted, made.declined}) {
        Type answered = type;
        answered.optional = true;
        if (answer != none) add(answer, column.name, answered);
      }
    }
  }

  void add(Index event, const ast::Name& name, Type type) {
    checked::EventType& kind = context_.program.events[static_cast<size_t>(event)];
    checked::Field field;
    field.name = name.text;
    field.type = type;
    field.slot = kind.slot_count;
    field.span = name.span;
    kind.slot_count += checked::slot_count(context_.program, type);
    kind.fields.push_back(std::move(field));
  }

  Context& context_;
};

}  // namespace

void declare_requests(Context& context) {
  if (context.program.entities.empty()) return;
  RequestMaker maker(context);
  context.each<ast::Part<ast::ApprovalDecl>>([&](const Placed& placed, const ast::Part<ast::ApprovalDecl>& written) { maker.approval(placed, *written); });
  context.each<ast::Part<ast::QuotaDecl>>([&](const Placed& placed, const ast::Part<ast::QuotaDecl>& written) { maker.quota(placed, *written); });
  context.each<ast::Part<ast::AllocationDecl>>(
      [&](const Placed& placed, const ast::Part<ast::AllocationDecl>& written) { maker.allocation(placed, *written); });
}

}  // namespace dunlin::sema

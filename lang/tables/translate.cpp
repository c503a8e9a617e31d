#include "lang/tables/translate.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "lang/tables/translate_table.h"

namespace dunlin::tables {

namespace {

constexpr int depth_max = 24;

/// Translates the decisions of a model in the order in which they rest on one another.
class ModelTranslator {
 public:
  ModelTranslator(const dmn::Model& model, const TranslateOptions& options) : model_(model), options_(options), workshop_{model} {
    workshop_.expressions.rounded = options.rounded;
  }

  Translation run() {
    out_.model = model_.name;
    collect_words();
    make_inputs();
    bool found = options_.only.empty();
    for (const dmn::Decision& decision : model_.decisions) {
      if (!options_.only.empty() && decision.name != options_.only) continue;
      found = true;
      state_of(decision);
    }
    if (!found) out_.refused.push_back({0, "", "the model has no decision `" + options_.only + "`", names_of_decisions()});
    if (model_.decisions.empty()) out_.refused.push_back({0, "", "the model has no decisions", ""});
    finish();
    return std::move(out_);
  }

 private:
  enum class Progress { untouched, running, done, refused };
  struct State {
    Progress progress = Progress::untouched;
    Term value;
    std::string reason;
  };

  std::string names_of_decisions() const {
    std::string out;
    for (const dmn::Decision& decision : model_.decisions) out += (out.empty() ? "it has: " : ", ") + decision.name;
    return out;
  }

  // ---- names and inputs ----

  void add_components(const std::vector<dmn::ItemDefinition>& items) {
    for (const dmn::ItemDefinition& item : items) {
      words_.properties.push_back(item.name);
      add_components(item.components);
    }
  }
  void add_outputs(const dmn::Logic& logic) {
    if (const auto* table = std::get_if<dmn::DecisionTable>(&logic.is)) {
      for (const dmn::OutputClause& output : table->outputs) words_.properties.push_back(output.name);
    }
    const auto* context = std::get_if<dmn::Context>(&logic.is);
    if (context == nullptr) return;
    for (const dmn::Binding& entry : context->entries) {
      words_.properties.push_back(entry.name);
      words_.known.push_back(entry.name);
      for (const dmn::Logic& value : entry.value) add_outputs(value);
    }
  }
  void collect_words() {
    for (const dmn::InputData& input : model_.inputs) words_.known.push_back(input.name);
    for (const dmn::Decision& decision : model_.decisions) {
      words_.known.push_back(decision.name);
      add_outputs(decision.logic);
    }
    for (const dmn::KnowledgeModel& knowledge : model_.knowledge) {
      words_.known.push_back(knowledge.name);
      for (const dmn::Parameter& parameter : knowledge.parameters) words_.known.push_back(parameter.name);
      add_outputs(knowledge.logic);
    }
    add_components(model_.items);
    for (const dmn::InputData& input : undeclared()) words_.known.push_back(input.name);
    for (auto* names : {&words_.known, &words_.properties}) {
      std::sort(names->begin(), names->end());
      names->erase(std::unique(names->begin(), names->end()), names->end());
    }
  }

  /// Tables may ask for a variable that no input data declares, as modellers write small models: its clause has the type.
  std::vector<dmn::InputData> undeclared() const {
    std::vector<dmn::InputData> out;
    if (!model_.inputs.empty()) return out;
    const auto known = [&](const std::string& name) {
      return std::any_of(model_.decisions.begin(), model_.decisions.end(), [&](const dmn::Decision& d) { return d.name == name; }) ||
             std::any_of(out.begin(), out.end(), [&](const dmn::InputData& i) { return i.name == name; });
    };
    const auto letter = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c >= '0' && c <= '9') || static_cast<unsigned char>(c) >= 0x80;
    };
    for (const dmn::Decision& decision : model_.decisions) {
      const auto* table = std::get_if<dmn::DecisionTable>(&decision.logic.is);
      if (table == nullptr) continue;
      for (size_t c = 0; c < table->inputs.size(); ++c) {
        const dmn::InputClause& clause = table->inputs[c];
        const std::string& name = clause.expression.text;
        const bool word = !name.empty() && !(name.front() >= '0' && name.front() <= '9') && std::all_of(name.begin(), name.end(), letter);
        if (!word || known(name) || name == "true" || name == "false" || name == "null") continue;
        std::string type = clause.type;
        // Camunda's `date` has a time of day.
        for (const dmn::Rule& rule : table->rules) {
          if (type == "date" && c < rule.inputs.size() && rule.inputs[c].text.find("date and time(") != std::string::npos) type = "dateTime";
        }
        out.push_back({"", name, type, clause.expression.line});
      }
    }
    return out;
  }

  void make_inputs() {
    std::vector<dmn::InputData> all = model_.inputs;
    for (dmn::InputData& input : undeclared()) all.push_back(std::move(input));
    for (const dmn::InputData& input : all) {
      try {
        inputs_[input.name] = input_term(input.type, input.name, {}, input.name, input.name, 0);
      } catch (const Refusal& refusal) {
        input_refusals_[input.name] = refusal;
      }
    }
  }

  Term input_term(const std::string& type, const std::string& data, std::vector<std::string> path, const std::string& label, const std::string& name,
                  int depth) {
    if (depth > 16) throw Refusal{"the item definition `" + type + "` rests on itself", ""};
    const dmn::ItemDefinition* item = workshop_.types.item(type);
    if (item != nullptr && item->collection) throw Refusal{fmt::format("the input `{}` is a collection, which lies outside of what is imported", label), ""};
    if (item != nullptr && !item->components.empty()) return record_of(item->components, data, path, label, name, depth);
    auto found = workshop_.types.find(type);
    if (!found) throw Refusal{fmt::format("the input `{}` has no type", label), "give it one in the model"};
    if (found->kind == Kind::text && path.empty()) {
      if (const auto texts = values_of_columns(data)) {
        if (const auto made = workshop_.types.enumeration(data, *texts)) found = made;
      }
    }
    return leaf(*found, data, std::move(path), name);
  }

  Term record_of(const std::vector<dmn::ItemDefinition>& components, const std::string& data, const std::vector<std::string>& path, const std::string& label,
                 const std::string& name, int depth) {
    Term record;
    record.type.kind = Kind::record;
    record.nullable = true;
    for (const dmn::ItemDefinition& component : components) {
      std::vector<std::string> below = path;
      below.push_back(component.name);
      const std::string inner = label + "." + component.name, inner_name = name + " " + component.name;
      try {
        Term field;
        if (component.collection) throw Refusal{fmt::format("`{}` is a collection, which lies outside of what is imported", inner), ""};
        if (!component.components.empty()) {
          field = record_of(component.components, data, below, inner, inner_name, depth + 1);
        } else if (component.allowed && component.type == "string") {
          const auto texts = ModelTypes::texts(*component.allowed);
          const auto made = texts ? workshop_.types.enumeration(component.name, *texts) : std::nullopt;
          field = leaf(made.value_or(Type{Kind::text, {}}), data, below, inner_name);
        } else {
          field = input_term(component.type, data, below, inner, inner_name, depth + 1);
        }
        record.fields.emplace_back(component.name, std::move(field));
      } catch (const Refusal&) {
        // A component that is not asked for does no harm; one that is has no such name then, and is refused there.
      }
    }
    return record;
  }

  Term leaf(const Type& type, const std::string& data, std::vector<std::string> path, const std::string& label) {
    Input input{workshop_.names.take(label), type, data, std::move(path)};
    workshop_.inputs[input.name] = {input.name, type, true};
    Term term;
    term.type = type;
    term.nullable = true;
    term.text = quoted_name(input.name);
    term.needs = {input.name};
    all_inputs_.push_back(std::move(input));
    return term;
  }

  /// The allowed values that columns give for an input, where they agree.
  std::optional<std::vector<std::string>> values_of_columns(const std::string& name) const {
    std::optional<std::vector<std::string>> found;
    for (const dmn::Decision& decision : model_.decisions) {
      const auto* table = std::get_if<dmn::DecisionTable>(&decision.logic.is);
      if (table == nullptr) continue;
      for (const dmn::InputClause& clause : table->inputs) {
        if (clause.expression.text != name || !clause.allowed) continue;
        const auto texts = ModelTypes::texts(*clause.allowed);
        if (!texts || (found && *found != *texts)) return std::nullopt;
        found = texts;
      }
    }
    return found;
  }

  // ---- decisions ----

  State& state_of(const dmn::Decision& decision) {
    State& state = states_[&decision];
    if (state.progress == Progress::running) throw Refusal{"the decision `" + decision.name + "` rests on itself", ""};
    if (state.progress != Progress::untouched) return state;
    state.progress = Progress::running;
    Spot spot{decision.line, ""};
    Answer answer;
    answer.decision = decision.name;
    size_t definitions = SIZE_MAX, remarks = SIZE_MAX;  // of what it rests on
    const auto place = [&] { return fmt::format("decision `{}`", decision.name) + (spot.part.empty() ? "" : ", " + spot.part); };
    const auto outer = workshop_.expressions.remark;
    try {
      const Scope scope = scope_of(decision);
      definitions = workshop_.definitions.size();
      remarks = out_.remarks.size();
      workshop_.expressions.remark = [&](const std::string& said) {
        const bool known =
            std::any_of(out_.remarks.begin(), out_.remarks.end(), [&](const Problem& one) { return one.reason == said && one.place == place(); });
        if (!known) out_.remarks.push_back({spot.line, place(), said, ""});
      };
      Term value = decide(decision, scope, spot, answer);
      if (!answer.list) add_parts(value, answer, "");
      state.value = std::move(value);
      state.progress = Progress::done;
      out_.answers.push_back(std::move(answer));
    } catch (const Refusal& refusal) {
      workshop_.definitions.resize(std::min(definitions, workshop_.definitions.size()), TableText{});
      out_.remarks.resize(std::min(remarks, out_.remarks.size()));
      state.progress = Progress::refused;
      state.reason = refusal.reason;
      out_.reasons[decision.name] = place() + ": " + refusal.reason;
      out_.refused.push_back({spot.line, place(), refusal.reason, refusal.help});
    }
    workshop_.expressions.remark = outer;
    return states_[&decision];
  }

  const dmn::Decision* decision_of(const std::string& id) const {
    for (const dmn::Decision& one : model_.decisions) {
      if (one.id == id) return &one;
    }
    return nullptr;
  }

  /// What a decision may use: the inputs and decisions that it requires.
  Scope scope_of(const dmn::Decision& decision) {
    Scope scope;
    for (const dmn::InputData& input : model_.inputs) {
      const bool drawn = std::find(decision.inputs.begin(), decision.inputs.end(), input.id) != decision.inputs.end();
      if (!drawn) continue;
      if (const auto refused = input_refusals_.find(input.name); refused != input_refusals_.end()) throw refused->second;
      scope.values.emplace_back(input.name, inputs_.at(input.name));
    }
    if (model_.inputs.empty()) {
      for (const auto& [name, term] : inputs_) scope.values.emplace_back(name, term);
      for (const auto& [name, refusal] : input_refusals_) {
        if (asks_for(decision, name)) throw refusal;
      }
    }
    for (const std::string& id : decision.decisions) {
      const dmn::Decision* needed = decision_of(id);
      if (needed == nullptr) {
        throw Refusal{model_.imports ? "it rests on a decision of another file" : "it requires a decision that is not in the model", "put it into this file"};
      }
      State& state = state_of(*needed);
      if (state.progress == Progress::refused) throw Refusal{fmt::format("it rests on `{}`, which is refused", needed->name), ""};
      scope.values.emplace_back(needed->name, state.value);
    }
    return scope;
  }

  Term decide(const dmn::Decision& decision, Scope scope, Spot& spot, Answer& answer) {
    set_calls(scope, spot, 0);
    const std::string doc = model_.name.empty() ? fmt::format("Decision {}.", decision.name) : fmt::format("Decision {} of {}.", decision.name, model_.name);
    Term value = logic(decision.logic, decision.name, workshop_.names.take(decision.name), decision.type, one_line(doc), scope, spot, answer, true);
    return value;
  }

  static std::string one_line(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  }

  static bool asks_for(const dmn::Decision& decision, const std::string& name) {
    const auto* table = std::get_if<dmn::DecisionTable>(&decision.logic.is);
    if (table == nullptr) return false;
    return std::any_of(table->inputs.begin(), table->inputs.end(), [&](const dmn::InputClause& clause) { return clause.expression.text == name; });
  }

  Term expression(const dmn::Text& text, const Scope& scope, Spot& spot) {
    spot = {text.line, spot.part};
    const std::string& language = text.language.empty() ? model_.language : text.language;
    const bool feel = language.empty() || language.find("FEEL") != std::string::npos || language.find("feel") != std::string::npos;
    if (!feel) throw Refusal{"the expression is written in `" + language + "`, not in FEEL", "write it in FEEL"};
    if (text.text.empty()) throw Refusal{"the expression is empty", ""};
    const auto tree = feel::parse_expression(text.text, words_);
    if (!tree) throw Refusal{tree.error(), ""};
    return workshop_.expressions.translate(**tree, scope);
  }

  /// What a piece of logic comes to. `defined`: a decision of its own, that gets a declaration.
  Term logic(const dmn::Logic& logic, const std::string& name, const std::string& dunlin, const std::string& type, const std::string& doc, const Scope& scope,
             Spot& spot, Answer& answer, bool defined) {
    if (++depth_ > depth_max) throw Refusal{"the logic is nested too deeply", ""};
    struct Up {
      int& depth;
      ~Up() { --depth; }
    } up{depth_};
    const std::string& said = type.empty() ? logic.type : type;
    if (const auto* literal = std::get_if<dmn::Literal>(&logic.is)) return conclude(expression(literal->text, scope, spot), dunlin, said, doc, defined);
    if (const auto* table = std::get_if<dmn::DecisionTable>(&logic.is)) {
      Term value = translate_table(workshop_, {*table, name, dunlin, said, doc, scope, words_}, spot, answer);
      check_declared(value, said);
      return value;
    }
    if (const auto* invocation = std::get_if<dmn::Invocation>(&logic.is)) return conclude(invoke(*invocation, scope, spot, answer), dunlin, said, doc, defined);
    if (const auto* context = std::get_if<dmn::Context>(&logic.is)) return read_context(*context, name, dunlin, said, doc, scope, spot, answer, defined);
    if (const auto* unread = std::get_if<dmn::Unread>(&logic.is)) {
      spot.line = logic.line;
      throw Refusal{"boxed logic `" + unread->element + "` lies outside of what is imported", ""};
    }
    throw Refusal{"it has no logic", "write an expression or a table"};
  }

  void check_declared(const Term& value, const std::string& declared) {
    if (const auto why = disagreement(value, declared)) throw Refusal{*why + ": DMN makes null of it", "correct the type"};
  }

  /// A list that is written out, where the type asks for one value: DMN takes a list of one for its item, and makes null of any other.
  Term single(Term value, const std::string& declared) {
    const dmn::ItemDefinition* item = workshop_.types.item(declared);
    if (value.type.kind != Kind::list || value.rows || (item != nullptr && item->collection)) return value;
    if (const auto type = workshop_.types.find(declared); !type || type->kind == Kind::record) return value;
    if (value.items.size() == 1) return Term(value.items[0]);
    return workshop_.expressions.nothing("the type says one value, the logic gives a list", {&value});
  }

  /// What is wrong with the type of a value; nothing if it is as declared.
  std::optional<std::string> disagreement(const Term& value, const std::string& declared) {
    const dmn::ItemDefinition* item = workshop_.types.item(declared);
    if (item != nullptr && item->collection) {
      if (value.type.kind != Kind::list && value.type.kind != Kind::null)
        throw Refusal{"the type says a list, the table gives one value", "correct the type or the hit policy"};
      return std::nullopt;
    }
    const auto type = workshop_.types.find(declared);
    if (!type || value.type.kind == Kind::null || value.type.kind == Kind::list) return std::nullopt;
    // Tables of several outputs are often left with the type of one of them.
    if (value.type.kind == Kind::record) return std::nullopt;
    const bool same = value.type == *type || (value.type.is_number() && type->is_number()) || (value.type.is_words() && type->is_words());
    if (same) return std::nullopt;
    return fmt::format("the type says {}, the logic gives {}", type_words(*type), type_words(value.type));
  }

  /// A value gets its declaration, so that what rests on it calls it by its name.
  Term conclude(Term value, const std::string& dunlin, const std::string& declared, const std::string& doc, bool defined) {
    value = single(std::move(value), declared);
    if (const auto why = disagreement(value, declared)) value = workshop_.expressions.nothing(*why, {&value});
    if (value.type.kind == Kind::list && value.rows == nullptr) throw Refusal{"a list as a result lies outside of what is imported", ""};
    if (value.type.kind == Kind::list || value.type.kind == Kind::record || !defined) return value;
    const dmn::ItemDefinition* item = workshop_.types.item(declared);
    const auto type = item != nullptr && item->collection ? std::nullopt : workshop_.types.find(declared);
    if (value.figure) {
      value = workshop_.expressions.placed(value);
    } else {
      value = as_duration(value);
    }
    if (value.type.kind == Kind::null) {
      // Whoever uses it sees that it is null; its own declaration needs a type, and any will do.
      value.type = type && type->kind != Kind::record ? *type : Type{Kind::text, {}};
    } else if (type && type->kind == Kind::enumeration && value.words) {
      value = workshop_.expressions.as(value, *type);
    }
    FunctionText function{dunlin, doc, {}, {"", value.type, value.nullable}, bare(value.text)};
    std::string arguments;
    for (const std::string& need : value.needs) {
      function.parameters.push_back(workshop_.inputs.at(need));
      arguments += (arguments.empty() ? "" : ", ") + quoted_name(need);
    }
    Term made;
    made.type = value.type;
    made.nullable = value.nullable;
    made.needs = value.needs;
    made.figure = value.figure;
    made.words = value.words;
    made.truth = value.truth;
    made.key = value.key;
    if (value.text == "missing") made.type.kind = Kind::null;
    made.text = quoted_name(dunlin) + "(" + arguments + ")";
    if (value.is_constant() || value.text == "missing") {
      made.declared = made.text;
      made.text = value.text;
    }
    workshop_.definitions.push_back(std::move(function));
    if (value.is_constant()) made.needs.clear();
    return made;
  }

  /// Without the brackets around the whole.
  static std::string bare(const std::string& text) {
    if (!text.starts_with('(') || !text.ends_with(')')) return text;
    int depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
      if (quoted && text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        quoted = !quoted;
      } else if (!quoted && text[i] == '(') {
        ++depth;
      } else if (!quoted && text[i] == ')' && --depth == 0 && i + 1 < text.size()) {
        return text;
      }
    }
    return text.substr(1, text.size() - 2);
  }

  // ---- contexts and knowledge models ----

  Term read_context(const dmn::Context& context, const std::string& name, const std::string& dunlin, const std::string& declared, const std::string& doc,
                    const Scope& scope, Spot& spot, Answer& answer, bool defined) {
    Scope inner = scope;
    set_calls(inner, spot, 0);
    Term record;
    record.type.kind = Kind::record;
    const std::string part = spot.part;
    for (const dmn::Binding& entry : context.entries) {
      if (entry.value.empty()) throw Refusal{"the entry `" + entry.name + "` has no value", ""};
      const bool last = entry.name.empty();
      spot.part = part + (part.empty() ? "" : ", ") + (last ? "result" : "entry `" + entry.name + "`");
      if (last) {
        spot.part = part;
        return logic(entry.value[0], name, dunlin, declared, doc, inner, spot, answer, defined);
      }
      Answer unused;
      const std::string entry_dunlin = workshop_.names.take(name + " " + entry.name);
      Term value = logic(entry.value[0], name + " " + entry.name, entry_dunlin, entry.type, one_line(fmt::format("{} of {}.", entry.name, name)), inner, spot,
                         unused, true);
      if (value.type.kind != Kind::list) record.fields.emplace_back(entry.name, value);
      inner.values.emplace_back(entry.name, std::move(value));
      for (const std::string& need : inner.values.back().second.needs) {
        if (std::find(record.needs.begin(), record.needs.end(), need) == record.needs.end()) record.needs.push_back(need);
      }
    }
    spot.part = part;
    return record;
  }

  const dmn::KnowledgeModel* knowledge_of(const std::string& name) const {
    for (const dmn::KnowledgeModel& one : model_.knowledge) {
      if (one.name == name) return &one;
    }
    return nullptr;
  }

  /// Calls of knowledge models are written out: their parameters are seldom typed.
  void set_calls(Scope& scope, Spot& spot, int depth) {
    scope.call = [this, &spot, depth](const std::string& name, const std::vector<std::string>& names, std::vector<Term> arguments) -> std::optional<Term> {
      const dmn::KnowledgeModel* knowledge = knowledge_of(name);
      if (knowledge == nullptr) return std::nullopt;
      return apply(*knowledge, names, std::move(arguments), spot, depth);
    };
  }

  Term apply(const dmn::KnowledgeModel& knowledge, const std::vector<std::string>& names, std::vector<Term> arguments, Spot& spot, int depth) {
    if (depth > 12) throw Refusal{"knowledge models call one another too deeply", ""};
    Scope scope;
    if (arguments.size() != knowledge.parameters.size()) {
      throw Refusal{fmt::format("`{}` has {} parameters, {} are given", knowledge.name, knowledge.parameters.size(), arguments.size()), ""};
    }
    for (size_t i = 0; i < arguments.size(); ++i) {
      size_t at = i;
      if (!names.empty() && !names[i].empty()) {
        at = SIZE_MAX;
        for (size_t p = 0; p < knowledge.parameters.size(); ++p) {
          if (knowledge.parameters[p].name == names[i]) at = p;
        }
        if (at == SIZE_MAX) throw Refusal{fmt::format("`{}` has no parameter `{}`", knowledge.name, names[i]), ""};
      }
      const dmn::Parameter& parameter = knowledge.parameters[at];
      if (scope.find(parameter.name) != nullptr) throw Refusal{fmt::format("the parameter `{}` is given twice", parameter.name), ""};
      check_declared(arguments[i], parameter.type);
      scope.values.emplace_back(parameter.name, std::move(arguments[i]));
    }
    set_calls(scope, spot, depth + 1);
    const Spot outside = spot;
    spot.part = outside.part + (outside.part.empty() ? "" : ", ") + fmt::format("knowledge model `{}`", knowledge.name);
    Answer unused;
    const bool needs_name = !std::holds_alternative<dmn::Literal>(knowledge.logic.is);
    const std::string dunlin = needs_name ? workshop_.names.take(knowledge.name) : std::string();
    Term value = logic(knowledge.logic, knowledge.name, dunlin, "", one_line(fmt::format("Knowledge model {}.", knowledge.name)), scope, spot, unused, false);
    spot = outside;
    return value;
  }

  Term invoke(const dmn::Invocation& invocation, const Scope& scope, Spot& spot, Answer& answer) {
    const dmn::KnowledgeModel* knowledge = knowledge_of(invocation.function.text);
    if (knowledge == nullptr) throw Refusal{"there is no knowledge model `" + invocation.function.text + "` in the model", ""};
    std::vector<std::string> names;
    std::vector<Term> arguments;
    for (const dmn::Binding& binding : invocation.bindings) {
      names.push_back(binding.name);
      Answer unused;
      arguments.push_back(
          binding.value.empty() ? null_term() : logic(binding.value[0], binding.name, workshop_.names.take(binding.name), "", "", scope, spot, unused, false));
    }
    (void)answer;
    return apply(*knowledge, names, std::move(arguments), spot, 0);
  }

  // ---- answers ----

  void add_parts(const Term& value, Answer& answer, const std::string& name) {
    if (value.type.kind == Kind::record) {
      for (const auto& [field, term] : value.fields) add_parts(term, answer, name.empty() ? field : name + "." + field);
      return;
    }
    if (value.type.kind == Kind::list) throw Refusal{"a decision that only passes a list on lies outside of what is imported", "ask for the list itself"};
    answer.parts.push_back({name, value.type, value.nullable, value.declared.empty() ? value.text : value.declared});
  }

  void finish() {
    std::set<std::string> used;
    for (const Definition& definition : workshop_.definitions) {
      if (const auto* table = std::get_if<TableText>(&definition)) {
        for (const Column& column : table->inputs) used.insert(column.name);
      } else {
        for (const Column& column : std::get<FunctionText>(definition).parameters) used.insert(column.name);
      }
    }
    for (const auto& [name, enumeration] : workshop_.enumerations) out_.enumerations.push_back(enumeration);
    out_.inputs = std::move(all_inputs_);
    out_.definitions = std::move(workshop_.definitions);
    drop_unused_enumerations();
  }

  void drop_unused_enumerations() {
    std::set<std::string> used;
    const auto see = [&](const Column& column) { used.insert(column.type.enumeration); };
    for (const Definition& definition : out_.definitions) {
      if (const auto* table = std::get_if<TableText>(&definition)) {
        std::for_each(table->inputs.begin(), table->inputs.end(), see);
        std::for_each(table->outputs.begin(), table->outputs.end(), see);
      } else {
        const auto& function = std::get<FunctionText>(definition);
        std::for_each(function.parameters.begin(), function.parameters.end(), see);
        see(function.result);
      }
    }
    const auto first =
        std::stable_partition(out_.enumerations.begin(), out_.enumerations.end(), [&](const Enumeration& one) { return used.contains(one.name); });
    out_.unwritten.assign(first, out_.enumerations.end());
    out_.enumerations.erase(first, out_.enumerations.end());
  }

  const dmn::Model& model_;
  const TranslateOptions& options_;
  Workshop workshop_;
  feel::Names words_;
  std::map<std::string, Term> inputs_;  // by the name of the input data
  std::map<std::string, Refusal> input_refusals_;
  std::vector<Input> all_inputs_;
  std::map<const dmn::Decision*, State> states_;
  Translation out_;
  int depth_ = 0;
};

}  // namespace

Translation translate(const dmn::Model& model, const TranslateOptions& options) { return ModelTranslator(model, options).run(); }

}  // namespace dunlin::tables

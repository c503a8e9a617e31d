#include <pugixml.hpp>

#include "lang/tables/dmn.h"
#include "lang/tables/xml.h"

namespace dunlin::tables::dmn {

namespace {

std::string trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return std::string(text);
}

/// Names may be written over several lines: FEEL sees single blanks.
std::string name_of(std::string_view text) {
  std::string out;
  for (const char c : trimmed(text)) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (blank && !out.empty() && out.back() == ' ') continue;
    out += blank ? ' ' : c;
  }
  return out;
}

class Reader {
 public:
  explicit Reader(const Xml& xml) : xml_(xml) {}

  std::expected<Model, Problem> read() {
    const pugi::xml_node root = xml_.document().document_element();
    if (local_name(root.name()) != "definitions") {
      return std::unexpected(
          Problem{xml_.line_of(root), "", "this is no DMN model: its first element is `" + std::string(root.name()) + "`, not `definitions`", ""});
    }
    model_.name = name_of(root.attribute("name").value());
    model_.language = root.attribute("expressionLanguage").value();
    for (const pugi::xml_node& child : root.children()) {
      const std::string_view element = local_name(child.name());
      if (element == "itemDefinition") model_.items.push_back(item(child));
      if (element == "inputData") model_.inputs.push_back(input_data(child));
      if (element == "decision") model_.decisions.push_back(decision(child));
      if (element == "businessKnowledgeModel") model_.knowledge.push_back(knowledge(child));
      if (element == "import") model_.imports = true;
    }
    return std::move(model_);
  }

 private:
  static pugi::xml_node child(const pugi::xml_node& node, std::string_view name) {
    for (const pugi::xml_node& one : node.children()) {
      if (local_name(one.name()) == name) return one;
    }
    return {};
  }
  template <class Each>
  static void each(const pugi::xml_node& node, std::string_view name, Each&& visit) {
    for (const pugi::xml_node& one : node.children()) {
      if (local_name(one.name()) == name) visit(one);
    }
  }

  Text text(const pugi::xml_node& node) const {
    const pugi::xml_node inner = child(node, "text");
    return {trimmed(inner.text().get()), xml_.line_of(inner ? inner : node), node.attribute("expressionLanguage").value()};
  }
  std::optional<Text> optional_text(const pugi::xml_node& parent, std::string_view name) const {
    const pugi::xml_node node = child(parent, name);
    if (!node) return std::nullopt;
    Text read = text(node);
    if (read.text.empty()) return std::nullopt;
    return read;
  }
  /// As an attribute, or (for item definitions) an element of its own. DMN 1.1 writes `feel:number`.
  static std::string type(const pugi::xml_node& node) {
    std::string_view given = node.attribute("typeRef").value();
    if (given.empty()) given = child(node, "typeRef").text().get();
    const std::string whole = trimmed(given);
    return std::string(local_name(whole));
  }
  static std::string reference(const pugi::xml_node& node) {
    const std::string_view href = node.attribute("href").value();
    const size_t hash = href.rfind('#');
    return std::string(hash == std::string_view::npos ? href : href.substr(hash + 1));
  }

  ItemDefinition item(const pugi::xml_node& node) const {
    ItemDefinition made;
    made.name = name_of(node.attribute("name").value());
    made.type = type(node);
    made.allowed = optional_text(node, "allowedValues");
    made.collection = node.attribute("isCollection").as_bool();
    made.line = xml_.line_of(node);
    each(node, "itemComponent", [&](const pugi::xml_node& component) { made.components.push_back(item(component)); });
    return made;
  }

  InputData input_data(const pugi::xml_node& node) const {
    InputData made{node.attribute("id").value(), name_of(node.attribute("name").value()), "", xml_.line_of(node)};
    if (const pugi::xml_node variable = child(node, "variable")) {
      made.type = type(variable);
      if (const std::string name = name_of(variable.attribute("name").value()); !name.empty()) made.name = name;
    }
    return made;
  }

  Decision decision(const pugi::xml_node& node) const {
    Decision made;
    made.id = node.attribute("id").value();
    made.name = name_of(node.attribute("name").value());
    made.line = xml_.line_of(node);
    if (const pugi::xml_node variable = child(node, "variable")) {
      made.type = type(variable);
      if (const std::string name = name_of(variable.attribute("name").value()); !name.empty() && made.name.empty()) made.name = name;
    }
    each(node, "informationRequirement", [&](const pugi::xml_node& required) {
      if (const pugi::xml_node input = child(required, "requiredInput")) made.inputs.push_back(reference(input));
      if (const pugi::xml_node other = child(required, "requiredDecision")) made.decisions.push_back(reference(other));
    });
    each(node, "knowledgeRequirement", [&](const pugi::xml_node& required) { made.knowledge.push_back(reference(child(required, "requiredKnowledge"))); });
    made.logic = logic_in(node);
    return made;
  }

  KnowledgeModel knowledge(const pugi::xml_node& node) const {
    KnowledgeModel made;
    made.id = node.attribute("id").value();
    made.name = name_of(node.attribute("name").value());
    made.line = xml_.line_of(node);
    each(node, "knowledgeRequirement", [&](const pugi::xml_node& required) { made.knowledge.push_back(reference(child(required, "requiredKnowledge"))); });
    const pugi::xml_node logic = child(node, "encapsulatedLogic");
    each(logic, "formalParameter", [&](const pugi::xml_node& parameter) {
      made.parameters.push_back({name_of(parameter.attribute("name").value()), type(parameter)});
    });
    made.logic = logic_in(logic);
    return made;
  }

  Logic logic_in(const pugi::xml_node& parent) const {
    static constexpr std::string_view unread[] = {"relation", "list", "functionDefinition", "conditional", "for", "some", "every", "filter"};
    for (const pugi::xml_node& node : parent.children()) {
      const std::string_view element = local_name(node.name());
      Logic made;
      made.type = type(node);
      made.line = xml_.line_of(node);
      if (element == "literalExpression") {
        made.is = Literal{text(node)};
      } else if (element == "decisionTable") {
        made.is = table(node);
      } else if (element == "invocation") {
        made.is = invocation(node);
      } else if (element == "context") {
        made.is = context(node);
      } else {
        bool known = false;
        for (const std::string_view name : unread) known = known || name == element;
        if (!known) continue;
        made.is = Unread{std::string(element)};
      }
      return made;
    }
    return {};
  }

  Binding binding(const pugi::xml_node& node, std::string_view named) const {
    Binding made;
    if (const pugi::xml_node name = child(node, named)) {
      made.name = name_of(name.attribute("name").value());
      made.type = type(name);
    }
    Logic value = logic_in(node);
    if (!std::holds_alternative<std::monostate>(value.is)) made.value.push_back(std::move(value));
    return made;
  }
  Invocation invocation(const pugi::xml_node& node) const {
    Invocation made;
    made.function = text(child(node, "literalExpression"));
    each(node, "binding", [&](const pugi::xml_node& one) { made.bindings.push_back(binding(one, "parameter")); });
    return made;
  }
  Context context(const pugi::xml_node& node) const {
    Context made;
    each(node, "contextEntry", [&](const pugi::xml_node& one) { made.entries.push_back(binding(one, "variable")); });
    return made;
  }

  DecisionTable table(const pugi::xml_node& node) const {
    DecisionTable made;
    made.line = xml_.line_of(node);
    const std::string_view policy = node.attribute("hitPolicy").value(), aggregation = node.attribute("aggregation").value();
    if (!read_policy(policy, made.policy)) made.unknown_policy = policy;
    if (!read_aggregation(aggregation, made.aggregation)) made.unknown_policy = aggregation;
    each(node, "input", [&](const pugi::xml_node& one) {
      const pugi::xml_node expression = child(one, "inputExpression");
      InputClause clause{text(expression), type(expression), name_of(one.attribute("label").value()), optional_text(one, "inputValues")};
      made.inputs.push_back(std::move(clause));
    });
    each(node, "output", [&](const pugi::xml_node& one) {
      OutputClause clause{name_of(one.attribute("name").value()), name_of(one.attribute("label").value()), type(one), optional_text(one, "outputValues"),
                          optional_text(one, "defaultOutputEntry")};
      made.outputs.push_back(std::move(clause));
    });
    each(node, "rule", [&](const pugi::xml_node& one) {
      Rule rule;
      rule.line = xml_.line_of(one);
      each(one, "inputEntry", [&](const pugi::xml_node& entry) { rule.inputs.push_back(text(entry)); });
      each(one, "outputEntry", [&](const pugi::xml_node& entry) { rule.outputs.push_back(text(entry)); });
      made.rules.push_back(std::move(rule));
    });
    return made;
  }
  static bool read_policy(std::string_view name, HitPolicy& policy) {
    static constexpr std::pair<std::string_view, HitPolicy> names[] = {
        {"", HitPolicy::unique}, {"UNIQUE", HitPolicy::unique},   {"FIRST", HitPolicy::first},           {"PRIORITY", HitPolicy::priority},
        {"ANY", HitPolicy::any}, {"COLLECT", HitPolicy::collect}, {"RULE ORDER", HitPolicy::rule_order}, {"OUTPUT ORDER", HitPolicy::output_order}};
    for (const auto& [known, meaning] : names) {
      if (known == name) {
        policy = meaning;
        return true;
      }
    }
    return false;
  }
  static bool read_aggregation(std::string_view name, Aggregation& aggregation) {
    static constexpr std::pair<std::string_view, Aggregation> names[] = {
        {"", Aggregation::none}, {"SUM", Aggregation::sum}, {"MIN", Aggregation::minimum}, {"MAX", Aggregation::maximum}, {"COUNT", Aggregation::count}};
    for (const auto& [known, meaning] : names) {
      if (known == name) {
        aggregation = meaning;
        return true;
      }
    }
    return false;
  }

  const Xml& xml_;
  Model model_;
};

}  // namespace

std::expected<Model, Problem> read_model(std::string_view text) {
  const auto xml = Xml::read(text);
  if (!xml) return std::unexpected(xml.error());
  return Reader(*xml).read();
}

}  // namespace dunlin::tables::dmn

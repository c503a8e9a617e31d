#include "lang/tables/test_cases.h"

#include <pugixml.hpp>

#include "lang/tables/xml.h"

namespace dunlin::tables {

namespace {

template <class Each>
void each(const pugi::xml_node& node, std::string_view name, Each&& visit) {
  for (const pugi::xml_node& one : node.children()) {
    if (local_name(one.name()) == name) visit(one);
  }
}

std::string attribute(const pugi::xml_node& node, std::string_view name) {
  for (const pugi::xml_attribute& one : node.attributes()) {
    if (local_name(one.name()) == name) return one.value();
  }
  return {};
}

TestValue value_in(const pugi::xml_node& node) {
  TestValue made;
  if (attribute(node, "nil") == "true") return made;
  for (const pugi::xml_node& child : node.children()) {
    const std::string_view name = local_name(child.name());
    if (name == "component") {
      made.shape = TestValue::Shape::record;
      made.fields.emplace_back(attribute(child, "name"), value_in(child));
    } else if (name == "list") {
      made.shape = TestValue::Shape::list;
      if (attribute(child, "nil") == "true") return {};
      each(child, "item", [&](const pugi::xml_node& item) { made.items.push_back(value_in(item)); });
    } else if (name == "value") {
      if (attribute(child, "nil") == "true") return made;
      made.text = child.text().get();
      // An empty value without a type is how the kit writes null.
      const bool words = local_name(attribute(child, "type")) == "string";
      made.shape = made.text.empty() && !words ? TestValue::Shape::null : TestValue::Shape::scalar;
    }
  }
  return made;
}

}  // namespace

std::expected<std::vector<TestCase>, Problem> read_test_cases(std::string_view text) {
  const auto xml = Xml::read(text);
  if (!xml) return std::unexpected(xml.error());
  const pugi::xml_node root = xml->document().document_element();
  if (local_name(root.name()) != "testCases") {
    return std::unexpected(
        Problem{xml->line_of(root), "", "these are no test cases: the first element is `" + std::string(root.name()) + "`, not `testCases`", ""});
  }
  std::vector<TestCase> cases;
  each(root, "testCase", [&](const pugi::xml_node& node) {
    TestCase made;
    made.id = attribute(node, "id");
    each(node, "inputNode", [&](const pugi::xml_node& input) { made.inputs.emplace_back(attribute(input, "name"), value_in(input)); });
    each(node, "resultNode", [&](const pugi::xml_node& result) {
      TestCase::Expected expected;
      expected.decision = attribute(result, "name");
      expected.line = xml->line_of(result);
      each(result, "expected", [&](const pugi::xml_node& value) { expected.value = value_in(value); });
      made.expected.push_back(std::move(expected));
    });
    cases.push_back(std::move(made));
  });
  return cases;
}

std::string shown(const TestValue& value) {
  std::string out;
  switch (value.shape) {
    case TestValue::Shape::null:
      return "null";
    case TestValue::Shape::scalar:
      return value.text;
    case TestValue::Shape::record:
      for (const auto& [name, field] : value.fields) out += (out.empty() ? "" : ", ") + name + ": " + shown(field);
      return "{" + out + "}";
    case TestValue::Shape::list:
      for (const TestValue& item : value.items) out += (out.empty() ? "" : ", ") + shown(item);
      return "[" + out + "]";
  }
  return out;
}

}  // namespace dunlin::tables

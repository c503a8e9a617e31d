#include "lang/sema/personal_names.h"

#include "lang/sema/checked_letters.h"
#include "lang/sema/letters.h"

namespace dunlin::sema {

namespace {

class Names {
 public:
  explicit Names(const checked::Program& program) : program_(program), privacy_(program) {}

  std::set<std::string> run() {
    for (const checked::Entity& entity : program_.entities) {
      marked(entity.fields);
      for (const checked::Derived& derived : entity.derived) {
        if (privacy_.is_personal(derived)) add(derived.name, derived.type);
      }
    }
    for (const checked::EventType& event : program_.events) marked(event.fields);
    for (const checked::Queue& queue : program_.queues) marked(queue.fields);
    for (const checked::Strategy& strategy : program_.strategies) {
      for (const checked::Variable& variable : strategy.variables) {
        if (privacy_.is_personal(variable.initial)) add(variable.name, variable.type);
      }
      rules(strategy.rules, &strategy);
    }
    for (const checked::Stage& stage : program_.stages) rules(stage.rules, stage.strategy == none ? nullptr : &program_.strategies[stage.strategy]);
    for (const checked::Always& always : program_.always) rules(always.rules, nullptr);
    return std::move(names_);
  }

 private:
  void add(const std::string& name, const checked::Type& type) {
    names_.insert(name);
    if (type.kind != checked::TypeKind::record) return;
    for (const auto& part : program_.records[type.id].fields) names_.insert(name + "." + part.name);
  }
  void marked(const std::vector<checked::Field>& fields) {
    for (const checked::Field& field : fields) {
      if (field.personal) add(field.name, field.type);
    }
  }
  void filled(const std::vector<checked::FieldValue>& values, const std::vector<checked::Field>& fields) {
    for (const checked::FieldValue& one : values) {
      if (fields[one.field].name != checked::letter_field && privacy_.is_personal(one.value)) add(fields[one.field].name, fields[one.field].type);
    }
  }
  void rules(const std::vector<checked::Rule>& rules, const checked::Strategy* strategy) {
    using Kind = checked::Action::Kind;
    for (const checked::Rule& rule : rules) {
      if (rule.keep) filled(rule.keep->fields, program_.queues[rule.keep->queue].fields);
      for (const checked::Action& action : rule.actions) {
        if (action.kind == Kind::task) filled(action.fields, program_.queues[action.queue].fields);
        if (action.kind == Kind::raise) filled(action.fields, program_.events[action.event_type].fields);
        if (action.kind == Kind::open) filled(action.fields, program_.entities[action.entity].fields);
        if (action.kind == Kind::set && strategy != nullptr && privacy_.is_personal(action.value)) {
          const checked::Variable& variable = strategy->variables[action.variable];
          add(variable.name, variable.type);
        }
      }
    }
  }

  const checked::Program& program_;
  Privacy privacy_;
  std::set<std::string> names_;
};

}  // namespace

std::set<std::string> personal_names(const checked::Program& program) { return Names(program).run(); }

}  // namespace dunlin::sema

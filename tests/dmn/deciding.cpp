#include "tests/dmn/deciding.h"

#include <stdexcept>

#include "compiler/ir/lower.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"

namespace dunlin::test {

Deciding::Deciding(const std::string& declarations, const std::string& fields, const std::vector<std::string>& asked, const std::vector<SourceFile>& data) {
  std::string text = "bundle probe \"Probe\" { timezone UTC, currency EUR, calendar none, day starts 00:00 }\n" + declarations +
                     "\nentity probe {\n  key id : text\n  " + fields + "\n";
  for (size_t i = 0; i < asked.size(); ++i) text += "  asked_" + std::to_string(i) + " = " + asked[i] + "\n";
  BundleSources bundle;
  bundle.files = data;
  bundle.files.push_back({"probe.dun", text + "}\n"});
  Diagnostics diagnostics;
  const std::filesystem::path stdlib = std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib";
  program_ = check_bundle(bundle, sources_, diagnostics, {.stdlib = stdlib, .analyse = false});
  if (!program_) throw std::invalid_argument(render_text(diagnostics, sources_, {}) + text);
  ir_ = ir::lower(*program_);
  interpreter_ = make_interpreter(*ir_);
  native_ = std::move(*compile_native(*ir_, {.opt_level = 0}));
  calendar_ = std::move(*abi::CalendarTables::make({}));
  entity_ = &program_->entities[static_cast<size_t>(checked::find_entity(*program_, "probe"))];
}

std::vector<std::string> Deciding::answers(const std::vector<Given>& inputs) {
  arena_.clear();
  std::vector<int64_t> slots(static_cast<size_t>(entity_->slot_count), 0), settings(1);
  slots[0] = reinterpret_cast<int64_t>(arena_.text("1"));
  for (size_t i = 0; i < inputs.size(); ++i) {
    const checked::Field& field = entity_->fields.at(i + 1);
    auto slot = static_cast<size_t>(field.slot);
    if (field.type.optional) {
      if (inputs[i].missing) continue;
      slots[slot++] = 1;
    }
    slots[slot] = field.type.kind == checked::TypeKind::text ? reinterpret_cast<int64_t>(arena_.text(inputs[i].text)) : inputs[i].slot;
  }
  abi::State state{};
  state.strategy = state.stage = -1;
  abi::Instance self{};
  self.slots = slots.data();
  self.state = &state;
  self.entity = static_cast<int32_t>(entity_ - program_->entities.data());
  abi::Instance* instances[1] = {&self};
  abi::CaseView view{&self, instances, 1, {nullptr, 0}};
  abi::EvalContext context{};
  context.case_file = &view;
  context.self = &self;
  context.settings = settings.data();
  context.calendar = calendar_->view();
  context.arena = &arena_;
  context.now = 1'767'600'000 * abi::us_per_second;
  context.today = 20'458;
  std::vector<std::string> out;
  for (const checked::Derived& derived : entity_->derived) {
    std::string found[2];
    for (int backend = 0; backend < 2; ++backend) {
      int64_t result[16] = {};
      const auto done = (backend == 0 ? static_cast<const Evaluator&>(*interpreter_) : *native_).evaluate(derived.root, context, result);
      found[backend] = done.ok() ? checked::format_value(*program_, derived.type, result) : abi::fault_text(done.fault);
    }
    if (found[0] != found[1]) throw std::logic_error("interpreter " + found[0] + ", native " + found[1]);
    out.push_back(found[0]);
  }
  return out;
}

}  // namespace dunlin::test

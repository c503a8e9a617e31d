#include "tests/support/bundle_world.h"

#include <stdexcept>

#include "compiler/abi/clock.h"
#include "compiler/abi/text_bodies.h"
#include "compiler/ir/lower.h"
#include "compiler/ir/verify.h"
#include "lang/diag/diagnostic.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"

namespace dunlin::test {

BundleWorld::BundleWorld(const std::string& text, const WorldOptions& options) {
  Diagnostics diagnostics;
  BundleSources bundle{{{"test.dun", text}}};
  program_ = check_bundle(bundle, sources_, diagnostics,
                          {.stdlib = std::filesystem::path(DUNLIN_SOURCE_DIR) / "stdlib", .analyse = false, .looped_rows_min = options.looped_rows_min});
  if (!program_) throw std::invalid_argument(render_text(diagnostics, sources_, {}));
  for (const auto& entity : program_->entities)
    for (const auto& derived : entity.derived)
      if (derived.root != checked::none) program_->roots[static_cast<size_t>(derived.root)].wants_wake = true;
  ir_ = ir::lower(*program_, {.searched_rows_min = options.searched_rows_min});
  if (const auto problems = ir::verify(*ir_); !problems.empty()) throw std::logic_error(problems[0]);
  interpreter_ = make_interpreter(*ir_);
  abi::CalendarSpec spec;
  spec.timezone = program_->bundle.timezone;
  spec.day_start_s = program_->bundle.day_start_s;
  spec.minor_digits = program_->bundle.minor_digits;
  tables_ = std::move(*abi::CalendarTables::make(spec));
  settings_.resize(static_cast<size_t>(program_->setting_slots) + 1);
  for (const auto& setting : program_->settings) {
    abi::EvalContext context{};
    context.calendar = tables_->view();
    context.arena = &arena_;
    if (!interpreter_->evaluate(setting.initial, context, &settings_[static_cast<size_t>(setting.slot)]).ok()) throw std::logic_error(setting.name);
  }
}

int64_t BundleWorld::date(const std::string& text) {
  return abi::date_of_civil(std::stoi(text.substr(0, 4)), std::stoi(text.substr(5, 2)), std::stoi(text.substr(8, 2)));
}

int64_t BundleWorld::at(const std::string& local_time) const {
  const int64_t seconds = std::stoi(local_time.substr(11, 2)) * 3600 + std::stoi(local_time.substr(14, 2)) * 60;
  return tables_->zone().instant(date(local_time), seconds);
}

std::string BundleWorld::when(int64_t instant) const { return instant == abi::never ? "never" : abi::datetime_text(*tables_->view(), instant); }

Answer BundleWorld::ask(const std::string& field, CaseBuilder& builder, const abi::Instance* self, int64_t now, Trace* trace) {
  return ask_of(*interpreter_, field, builder, self, now, trace);
}

Answer BundleWorld::ask_of(const Evaluator& evaluator, const std::string& field, CaseBuilder& builder, const abi::Instance* self, int64_t now, Trace* trace) {
  const auto& derived = program_->entities[static_cast<size_t>(self->entity)].derived;
  const auto found = std::find_if(derived.begin(), derived.end(), [&](const auto& it) { return it.name == field; });
  if (found == derived.end()) throw std::invalid_argument("no derived field " + field);
  abi::EvalContext context{};
  context.case_file = &builder.view();
  context.self = self;
  context.now = now;
  if (abi::date_of(*tables_->view(), now, &context.today) != abi::Fault::none) throw std::invalid_argument("beyond the calendar");
  context.settings = settings_.data();
  context.calendar = tables_->view();
  context.arena = &arena_;
  int64_t out[32] = {};
  const auto outcome = trace != nullptr ? interpreter_->trace(found->root, context, out, *trace) : evaluator.evaluate(found->root, context, out);
  if (!outcome.ok()) return {outcome.fault, "", abi::never};
  return {abi::Fault::none, checked::format_value(*program_, found->type, out), out[checked::slot_count(*program_, found->type)]};
}

}  // namespace dunlin::test

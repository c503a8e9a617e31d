#include "tests/bench/night.h"

#include <array>
#include <chrono>
#include <cstring>

#include "compiler/abi/arena.h"
#include "compiler/abi/calendar.h"
#include "compiler/interp/interpreter.h"
#include "compiler/ir/lower.h"
#include "compiler/native/kernel.h"
#include "compiler/native/native.h"
#include "lang/diag/render.h"
#include "lang/sema/check.h"

namespace dunlin::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<const char*, 6> output_names = {"seg", "next_stage", "queue", "prio", "template", "due"};

struct TypedColumn;
template <class Source>
void fill(TypedColumn& column, const std::vector<Source>& from);

/// Column of a portfolio by the name of its field: one value, or all of them into a column of the kernel.
struct Reader {
  int64_t (*value)(const Columns&, size_t) = nullptr;
  void (*all)(const Columns&, TypedColumn&) = nullptr;
};
Reader reader_of(const std::string& field) {
#define DUNLIN_COLUMN(name)                                                                  \
  if (field == #name)                                                                        \
    return {[](const Columns& columns, size_t row) -> int64_t { return columns.name[row]; }, \
            [](const Columns& columns, TypedColumn& to) { fill(to, columns.name); }};
  DUNLIN_COLUMN(id)
  DUNLIN_COLUMN(balance)
  DUNLIN_COLUMN(product)
  DUNLIN_COLUMN(dpd)
  DUNLIN_COLUMN(risk)
  DUNLIN_COLUMN(behav)
  DUNLIN_COLUMN(mob)
  DUNLIN_COLUMN(calls7)
  DUNLIN_COLUMN(letters)
  DUNLIN_COLUMN(paid_after_letter)
  DUNLIN_COLUMN(broken)
  DUNLIN_COLUMN(promise_open)
  DUNLIN_COLUMN(promise_day)
  DUNLIN_COLUMN(rpc_days)
  DUNLIN_COLUMN(region)
  DUNLIN_COLUMN(secured)
  DUNLIN_COLUMN(legal)
  DUNLIN_COLUMN(last_pay_days)
  DUNLIN_COLUMN(tz_off)
  DUNLIN_COLUMN(stage)
#undef DUNLIN_COLUMN
  return {};
}

std::array<std::vector<int32_t>*, 6> outputs_of(DecisionColumns& d) { return {&d.seg, &d.ns, &d.queue, &d.prio, &d.template_number, &d.due}; }

/// Elements of one width, in the order of the rows.
struct TypedColumn {
  ColumnType type;
  std::vector<int64_t> room;  // aligned for any width

  TypedColumn(ColumnType t, size_t rows) : type(t), room((rows * column_bytes(t) + 7) / 8) {}
  /// Calls `with` with the elements as they are, so that a loop over them knows their width.
  template <class With>
  void elements(With with) {
    return by_width(room.data(), with);
  }
  template <class With>
  void elements(With with) const {
    return by_width(room.data(), with);
  }

 private:
  template <class Room, class With>
  void by_width(Room* data, With& with) const {
    const auto as = [&]<class Whole>(Whole) {
      using Element = std::conditional_t<std::is_const_v<Room>, const Whole, Whole>;
      with(reinterpret_cast<Element*>(data));
    };
    switch (type) {
      case ColumnType::i8:
        return as(int8_t{});
      case ColumnType::i16:
        return as(int16_t{});
      case ColumnType::i32:
        return as(int32_t{});
      case ColumnType::i64:
        return as(int64_t{});
    }
  }
};

template <class Source>
void fill(TypedColumn& column, const std::vector<Source>& from) {
  column.elements([&]<class Whole>(Whole* to) {
    for (size_t row = 0; row < from.size(); ++row) to[row] = static_cast<Whole>(from[row]);
  });
}

struct TypedColumns : KernelColumns {
  size_t rows = 0;
  std::vector<TypedColumn> in, out;
  std::vector<const void*> in_places;
  std::vector<void*> out_places;
  std::vector<uint8_t> fault;
};

class CompiledNight : public Night {
 public:
  std::expected<void, std::string> compile(const std::filesystem::path& bundle, const std::filesystem::path& stdlib);

  const CompileTimes& times() const override { return times_; }
  std::unique_ptr<KernelColumns> kernel_columns(const Columns& columns) const override;
  void run_kernel(KernelColumns& columns) const override;
  void read_decisions(const KernelColumns& columns, DecisionColumns& decisions) const override;
  void run_native_rows(const Columns& columns, DecisionColumns& decisions) const override { run_rows(*native_, columns, decisions); }
  void run_interpreter(const Columns& columns, DecisionColumns& decisions) const override { run_rows(*interpreter_, columns, decisions); }
  std::expected<std::string, std::string> kernel_listing() const override;

 private:
  const checked::Entity& account() const { return program_->entities[static_cast<size_t>(entity_)]; }
  std::expected<void, std::string> check(const std::filesystem::path& bundle, const std::filesystem::path& stdlib);
  std::expected<void, std::string> find_names();
  std::expected<void, std::string> make_code();
  abi::EvalContext context() const;
  void run_rows(const Evaluator& evaluator, const Columns& columns, DecisionColumns& decisions) const;

  CompileTimes times_;
  SourceMap sources_;
  std::unique_ptr<checked::Program> program_;
  std::unique_ptr<ir::Program> ir_;
  std::unique_ptr<abi::CalendarTables> calendar_;
  std::unique_ptr<Evaluator> native_;
  std::unique_ptr<Interpreter> interpreter_;
  std::unique_ptr<Kernel> kernel_;
  checked::Index entity_ = checked::none;
  std::vector<Reader> fields_;           // by field
  std::vector<checked::Index> outputs_;  // derived fields, in the order of output_names
  std::vector<checked::RootId> roots_;   // of them
};

/// Runs a step and takes its time.
template <class Step>
auto timed(double& ms, Step step) {
  const auto begin = Clock::now();
  auto result = step();
  ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
  return result;
}

std::expected<void, std::string> CompiledNight::check(const std::filesystem::path& bundle, const std::filesystem::path& stdlib) {
  Diagnostics diagnostics;
  program_ = timed(times_.check_ms, [&] {
    const auto sources = read_bundle(bundle, diagnostics, sources_);
    CheckOptions options;
    options.stdlib = stdlib;
    return check_bundle(sources, sources_, diagnostics, options);
  });
  if (!program_) return std::unexpected(render_text(diagnostics, sources_));
  return {};
}

std::expected<void, std::string> CompiledNight::find_names() {
  entity_ = checked::find_entity(*program_, "account");
  if (entity_ == checked::none) return std::unexpected("the bundle has no entity `account`");
  for (const auto& field : account().fields) {
    fields_.push_back(reader_of(field.name));
    if (!fields_.back().value) return std::unexpected("the portfolio has no column `" + field.name + "`");
  }
  for (const auto* name : output_names) {
    checked::Index found = checked::none;
    for (size_t i = 0; i < account().derived.size(); ++i)
      if (account().derived[i].name == name) found = static_cast<checked::Index>(i);
    if (found == checked::none) return std::unexpected("account has no attribute `" + std::string(name) + "`");
    outputs_.push_back(found);
    roots_.push_back(account().derived[static_cast<size_t>(found)].root);
  }
  return {};
}

std::expected<void, std::string> CompiledNight::make_code() {
  ir_ = timed(times_.lower_ms, [&] { return ir::lower(*program_); });
  auto quick = timed(times_.quick_ms, [&] { return compile_native(*ir_, {.opt_level = 0}); });
  if (!quick) return std::unexpected(quick.error());
  auto native = timed(times_.optimised_ms, [&] { return compile_native(*ir_, {.opt_level = 2}); });
  if (!native) return std::unexpected(native.error());
  native_ = std::move(*native);
  interpreter_ = make_interpreter(*ir_);
  auto kernel = timed(times_.kernel_ms, [&] { return compile_kernel(*ir_, entity_, outputs_); });
  if (!kernel) return std::unexpected(kernel.error());
  kernel_ = std::move(*kernel);
  return {};
}

std::expected<void, std::string> CompiledNight::compile(const std::filesystem::path& bundle, const std::filesystem::path& stdlib) {
  if (auto done = check(bundle, stdlib); !done) return done;
  auto calendar = abi::CalendarTables::make(abi::CalendarSpec{});
  if (!calendar) return std::unexpected(calendar.error());
  calendar_ = std::move(*calendar);
  if (auto done = find_names(); !done) return done;
  return make_code();
}

abi::EvalContext CompiledNight::context() const {
  abi::EvalContext context{};
  context.today = as_of;
  context.now = as_of * 86'400 * abi::us_per_second;
  context.calendar = calendar_->view();
  return context;
}

std::unique_ptr<KernelColumns> CompiledNight::kernel_columns(const Columns& columns) const {
  auto made = std::make_unique<TypedColumns>();
  made->rows = columns.rows();
  for (const auto& input : kernel_->inputs()) {
    const auto reader = fields_[static_cast<size_t>(input.index)];
    reader.all(columns, made->in.emplace_back(input.type, columns.rows()));
  }
  for (const auto& output : kernel_->outputs()) made->out.emplace_back(output.type, columns.rows());
  for (auto& column : made->in) made->in_places.push_back(column.room.data());
  for (auto& column : made->out) made->out_places.push_back(column.room.data());
  made->fault.resize(columns.rows());
  return made;
}

void CompiledNight::run_kernel(KernelColumns& columns) const {
  auto& typed = static_cast<TypedColumns&>(columns);
  kernel_->run(context(), typed.in_places.data(), typed.out_places.data(), typed.fault.data(), typed.rows);
}

void CompiledNight::read_decisions(const KernelColumns& columns, DecisionColumns& decisions) const {
  const auto& typed = static_cast<const TypedColumns&>(columns);
  const auto outputs = outputs_of(decisions);
  for (size_t i = 0; i < outputs.size(); ++i) {
    typed.out[i].elements([&](const auto* from) {
      for (size_t row = 0; row < typed.rows; ++row) (*outputs[i])[row] = typed.fault[row] ? -1 : static_cast<int32_t>(from[row]);
    });
  }
}

void CompiledNight::run_rows(const Evaluator& evaluator, const Columns& columns, DecisionColumns& decisions) const {
  auto asked = context();
  abi::Arena arena;
  asked.arena = &arena;
  std::vector<int64_t> slots(static_cast<size_t>(account().slot_count));
  abi::State state{};
  state.strategy = state.stage = -1;
  abi::Instance instance{};
  instance.slots = slots.data();
  instance.state = &state;
  asked.self = &instance;
  const auto outputs = outputs_of(decisions);
  for (size_t row = 0; row < columns.rows(); ++row) {
    for (size_t i = 0; i < fields_.size(); ++i) slots[static_cast<size_t>(account().fields[i].slot)] = fields_[i].value(columns, row);
    for (size_t i = 0; i < roots_.size(); ++i) {
      int64_t answer[2] = {};  // the value, and its wake
      const auto evaluation = evaluator.evaluate(roots_[i], asked, answer);
      (*outputs[i])[row] = evaluation.ok() ? static_cast<int32_t>(answer[0]) : -1;
    }
  }
}

std::expected<std::string, std::string> CompiledNight::kernel_listing() const {
  std::string listing;
  KernelOptions options;
  options.listing = &listing;
  auto kernel = compile_kernel(*ir_, entity_, outputs_, options);
  if (!kernel) return std::unexpected(kernel.error());
  return listing;
}

}  // namespace

std::expected<std::unique_ptr<Night>, std::string> Night::load(const std::filesystem::path& bundle, const std::filesystem::path& stdlib) {
  auto night = std::make_unique<CompiledNight>();
  if (auto done = night->compile(bundle, stdlib); !done) return std::unexpected(done.error());
  return night;
}

}  // namespace dunlin::bench

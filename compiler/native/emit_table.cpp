// Tables of constant cells: a function that finds the row, and arrays of what the rows say.
#include "compiler/native/function_emitter.h"

namespace dunlin::native {
namespace {

using llvm::Value;

/// One column's operands, as the row finder sees them.
struct Column {
  const ir::RowTable::Input* input;
  Value* known;  // null: not optional
  Value* key;    // i64; numbers as order keys
};

class RowFinder {
 public:
  RowFinder(ModuleEmitter& emitter, const ir::RowTable& rows, llvm::Function* machine)
      : m_(emitter), rows_(rows), table_(emitter.program.checked->tables[static_cast<size_t>(rows.table)]), machine_(machine), b_(emitter.context) {}

  void emit() {
    b_.SetInsertPoint(llvm::BasicBlock::Create(m_.context, "entry", machine_));
    read_columns();
    for (auto number : rows_.order) {
      const auto row = static_cast<size_t>(number);
      auto* hit = llvm::BasicBlock::Create(m_.context, "hit", machine_);
      auto* next = llvm::BasicBlock::Create(m_.context, "row", machine_);
      llvm::IRBuilder<>(hit).CreateRet(b_.getInt64(row));
      for (size_t i = 0; i < columns_.size(); ++i) {
        auto* accepted = accepts(columns_[i], table_.rows[row].cells[i]);
        if (auto* constant = llvm::dyn_cast<llvm::ConstantInt>(accepted); constant && constant->isOne()) continue;
        auto* going_on = llvm::BasicBlock::Create(m_.context, "cell", machine_);
        b_.CreateCondBr(accepted, going_on, next);
        b_.SetInsertPoint(going_on);
      }
      b_.CreateBr(hit);
      b_.SetInsertPoint(next);
    }
    b_.CreateRet(b_.getInt64(table_.rows.size()));
  }

 private:
  void read_columns() {
    unsigned argument = 0;
    for (const auto& input : rows_.inputs) {
      Column column{&input, nullptr, nullptr};
      if (input.optional) column.known = b_.CreateICmpNE(machine_->getArg(argument++), b_.getInt64(0));
      column.key = machine_->getArg(argument++);
      if (input.number) column.key = order_key(column.key);
      columns_.push_back(column);
    }
  }

  /// The bits of a double as an integer of the same order; both zeros are one (see checked::order_key_of_double).
  Value* order_key(Value* bits) {
    auto* negative = b_.CreateSub(b_.getInt64(static_cast<uint64_t>(INT64_MIN)), bits);
    return b_.CreateSelect(b_.CreateICmpSLT(bits, b_.getInt64(0)), negative, bits);
  }

  Value* accepts(const Column& column, const checked::Cell& cell) {
    Value* inside = column.input->text ? accepts_text(column, cell) : accepts_key(column, cell);
    if (!column.known) return inside;
    return b_.CreateSelect(column.known, inside, b_.getInt1(cell.accepts_missing));
  }

  Value* accepts_key(const Column& column, const checked::Cell& cell) {
    Value* any = b_.getFalse();
    for (const auto& interval : cell.intervals) {
      Value* inside = b_.getTrue();
      if (interval.low != INT64_MIN) inside = b_.CreateICmpSGE(column.key, b_.getInt64(static_cast<uint64_t>(interval.low)));
      if (interval.high != INT64_MAX) {
        const auto upper = m_.planted == Miscompilation::interval_end_left_out ? llvm::CmpInst::ICMP_SLT : llvm::CmpInst::ICMP_SLE;
        inside = b_.CreateAnd(inside, b_.CreateICmp(upper, column.key, b_.getInt64(static_cast<uint64_t>(interval.high))));
      }
      any = b_.CreateOr(any, inside);
    }
    return any;
  }

  Value* accepts_text(const Column& column, const checked::Cell& cell) {
    Value* any = b_.getFalse();
    auto* text = column.known ? b_.CreateSelect(column.known, column.key, b_.CreatePtrToInt(m_.address(m_.constants.text("")), m_.i64)) : column.key;
    auto* place = b_.CreateIntToPtr(text, m_.pointer);
    for (const auto& bytes : cell.texts) {
      auto* same = b_.CreateCall(m_.support("dunlin_equal_text"), {place, m_.address(m_.constants.text(bytes))});
      any = b_.CreateOr(any, b_.CreateICmpNE(same, b_.getInt64(0)));
    }
    return cell.texts_negated ? b_.CreateNot(any) : any;
  }

  ModuleEmitter& m_;
  const ir::RowTable& rows_;
  const checked::Table& table_;
  llvm::Function* machine_;
  llvm::IRBuilder<> b_;
  std::vector<Column> columns_;
};

}  // namespace

llvm::Function* ModuleEmitter::row_finder(int64_t table) {
  auto*& known = row_finders_[table];
  if (known) return known;
  const auto& rows = program.row_tables[static_cast<size_t>(table)];
  std::vector<llvm::Type*> keys;
  for (const auto& input : rows.inputs) keys.insert(keys.end(), input.optional ? 2 : 1, i64);
  known = llvm::Function::Create(llvm::FunctionType::get(i64, keys, false), llvm::GlobalValue::InternalLinkage, "row" + std::to_string(table), module);
  RowFinder(*this, rows, known).emit();
  return known;
}

llvm::GlobalVariable* ModuleEmitter::cells(int64_t table, int64_t output_slot) {
  auto*& known = cells_[{table, output_slot}];
  if (known) return known;
  const auto& rows = program.row_tables[static_cast<size_t>(table)];
  const auto slot = static_cast<size_t>(output_slot);
  std::vector<uint64_t> column;
  for (auto cell : rows.outputs[slot]) {
    if (rows.output_kinds[slot] == ir::Kind::pointer) cell = cell < 0 ? 0 : reinterpret_cast<int64_t>(constants.of_program[static_cast<size_t>(cell)]);
    column.push_back(static_cast<uint64_t>(cell));
  }
  if (column.size() == rows.order.size()) column.push_back(0);  // no row, and no `otherwise`: nobody looks at it
  auto* values = llvm::ConstantDataArray::get(context, column);
  return known = new llvm::GlobalVariable(module, values->getType(), true, llvm::GlobalValue::InternalLinkage, values, "cells" + std::to_string(table));
}

}  // namespace dunlin::native

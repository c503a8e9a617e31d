// A bundle's derived attributes over columns: one loop for all of them, without branches, in vector registers.
// For what looks only at stored fields of the instance, at settings and at the clock; it decides as the evaluator does, row by row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "compiler/abi/case_view.h"
#include "compiler/ir/ir.h"

namespace dunlin {

enum class ColumnType : uint8_t { i8, i16, i32, i64 };
size_t column_bytes(ColumnType type);

/// A column of values in slot form, stored as narrow as its range allows.
struct KernelColumn {
  checked::Index index = checked::none;  // input: field of the entity; output: derived field
  int32_t part = 0;                      // slot within the value: 0 is the known flag of an optional one
  ColumnType type = ColumnType::i64;
  int64_t minimum = 0, maximum = 0;  // values in it. The kernel relies on those of its inputs: declared ranges are checked on the way in
};

struct KernelOptions {
  bool host_cpu = true;
  int lanes = 0;                   // rows a round; 0: what fills the machine's registers with 32-bit values
  std::string* listing = nullptr;  // gets the LLVM code as made, then the assembly
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual const std::vector<KernelColumn>& inputs() const = 0;
  virtual const std::vector<KernelColumn>& outputs() const = 0;
  /// False if ranges prove that no row can fault: then nothing is written to `fault` but zeros.
  virtual bool can_fault() const = 0;
  /// Columns in the order of inputs() and outputs(), of `rows` elements each, aligned as their type; inputs and outputs do not overlap.
  /// Reads now, today and settings of the context. Where fault[i] is 1 the outputs of row i mean nothing: ask an evaluator.
  virtual void run(const abi::EvalContext& context, const void* const* in, void* const* out, uint8_t* fault, size_t rows) const = 0;
};

/// An error says which attribute cannot be computed over columns, and why.
std::expected<std::unique_ptr<Kernel>, std::string> compile_kernel(const ir::Program& program, checked::Index entity,
                                                                   const std::vector<checked::Index>& derived, const KernelOptions& options = {});

}  // namespace dunlin

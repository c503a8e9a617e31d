// What the functions of one LLVM module share: types, calls into this process, constants, decisions made for the whole program.
#pragma once

#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/Module.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "compiler/ir/ir.h"
#include "compiler/native/native.h"
#include "compiler/native/row_index.h"
#include "compiler/native/table_wake.h"

namespace dunlin::native {

/// Where each function's fault sites begin in the numbering of the whole program; 0 is "nowhere".
struct SiteNumbers {
  std::vector<int32_t> first;  // by function
  std::vector<Span> spans;     // by number
  explicit SiteNumbers(const ir::Program& program);
  int32_t number(ir::FunctionId function, int32_t site) const { return site < 0 ? 0 : first[static_cast<size_t>(function)] + site; }
};

/// Texts and tables that machine code points to. Lives as long as the code.
struct Constants {
  std::vector<std::unique_ptr<int64_t[]>> texts;
  std::vector<const abi::Text*> of_program;  // Program::texts
  std::map<std::string, const abi::Text*, std::less<>> made;
  std::vector<dunlin_native_function> natives;  // by checked::Program::natives; null where not used
  std::map<int64_t, std::unique_ptr<TableWakePlan>> wakes;
  std::map<int64_t, std::unique_ptr<RowIndex>> indices;  // by row table
  explicit Constants(const ir::Program& program);
  const abi::Text* text(std::string_view bytes);
  const TableWakePlan* table_wake(const ir::Program& program, int64_t row_table);
  const RowIndex* row_index(const ir::Program& program, int64_t row_table);
};

class ModuleEmitter {
 public:
  ModuleEmitter(const ir::Program& program, const SiteNumbers& sites, Constants& constants, Miscompilation planted, llvm::Module& module);

  /// The LLVM function of an IR function, declared where it is defined in another module. i32 (context, self, arguments, results)
  llvm::Function* function(ir::FunctionId id);
  /// Row of a table for its keys; i64 (i64 key…), a known flag before an optional key.
  llvm::Function* row_finder(int64_t table);
  /// [rows + otherwise] cells of one output slot
  llvm::GlobalVariable* cells(int64_t table, int64_t output_slot);
  /// Function of support.h, or a body of the language's functions.
  llvm::FunctionCallee support(const char* name);
  llvm::FunctionCallee builtin(int64_t builtin);
  llvm::Constant* address(const void* pointer);

  llvm::IntegerType *i1, *i8, *i32, *i64, *i128;
  llvm::Type* f64;
  llvm::PointerType* pointer;
  llvm::FunctionType* function_type;  // of IR functions
  llvm::MDNode* unlikely;

  const ir::Program& program;
  const SiteNumbers& sites;
  Constants& constants;
  const Miscompilation planted;
  llvm::Module& module;
  llvm::LLVMContext& context;

 private:
  std::map<int64_t, llvm::Function*> row_finders_;
  std::map<std::pair<int64_t, int64_t>, llvm::GlobalVariable*> cells_;
};

std::string function_symbol(ir::FunctionId id);

/// Writes function `id` into the emitter's module.
void emit_function(ModuleEmitter& emitter, ir::FunctionId id);

}  // namespace dunlin::native

#include "compiler/native/module_emitter.h"

#include <llvm/IR/MDBuilder.h>

#include <cstring>

#include "compiler/abi/builtin_bodies.h"
#include "compiler/native/support.h"

namespace dunlin::native {

using checked::Index;

SiteNumbers::SiteNumbers(const ir::Program& program) : spans(1) {
  for (const auto& function : program.functions) {
    first.push_back(static_cast<int32_t>(spans.size()));
    for (const auto& site : function.sites) spans.push_back(site.span);
  }
}

Constants::Constants(const ir::Program& program) {
  for (const auto& bytes : program.texts) of_program.push_back(text(bytes));
}

const abi::Text* Constants::text(std::string_view bytes) {
  auto& known = made[std::string(bytes)];
  if (known) return known;
  texts.push_back(std::make_unique<int64_t[]>(2 + bytes.size() / 8));
  auto* place = reinterpret_cast<abi::Text*>(texts.back().get());
  place->size = static_cast<int64_t>(bytes.size());
  std::memcpy(reinterpret_cast<char*>(texts.back().get()) + offsetof(abi::Text, data), bytes.data(), bytes.size());
  return known = place;
}

const TableWakePlan* Constants::table_wake(const ir::Program& program, int64_t row_table) {
  auto& known = wakes[row_table];
  if (!known) known = std::make_unique<TableWakePlan>(program, row_table);
  return known.get();
}

const RowIndex* Constants::row_index(const ir::Program& program, int64_t row_table) {
  auto& known = indices[row_table];
  if (!known) known = std::make_unique<RowIndex>(program, row_table);
  return known.get();
}

ModuleEmitter::ModuleEmitter(const ir::Program& program_, const SiteNumbers& sites_, Constants& constants_, Miscompilation planted_, llvm::Module& module_)
    : program(program_), sites(sites_), constants(constants_), planted(planted_), module(module_), context(module_.getContext()) {
  i1 = llvm::Type::getInt1Ty(context);
  i8 = llvm::Type::getInt8Ty(context);
  i32 = llvm::Type::getInt32Ty(context);
  i64 = llvm::Type::getInt64Ty(context);
  i128 = llvm::Type::getInt128Ty(context);
  f64 = llvm::Type::getDoubleTy(context);
  pointer = llvm::PointerType::get(context, 0);
  function_type = llvm::FunctionType::get(i32, {pointer, pointer, pointer, pointer}, false);
  unlikely = llvm::MDBuilder(context).createBranchWeights(1, 10000);
}

std::string function_symbol(ir::FunctionId id) { return "dunlin_f" + std::to_string(id); }

llvm::Function* ModuleEmitter::function(ir::FunctionId id) {
  const auto name = function_symbol(id);
  if (auto* known = module.getFunction(name)) return known;
  return llvm::Function::Create(function_type, llvm::GlobalValue::ExternalLinkage, name, module);
}

llvm::Constant* ModuleEmitter::address(const void* place) {
  return llvm::ConstantExpr::getIntToPtr(llvm::ConstantInt::get(i64, reinterpret_cast<uint64_t>(place)), pointer);
}

llvm::FunctionCallee ModuleEmitter::builtin(int64_t id) {
  return module.getOrInsertFunction(abi::builtin_symbol(static_cast<int>(id)), llvm::FunctionType::get(i32, {pointer, pointer, pointer}, false));
}

llvm::FunctionCallee ModuleEmitter::support(const char* name) {
  for (const auto& function : support_functions()) {
    if (std::string_view(function.name) != name) continue;
    auto type = [&](char c) -> llvm::Type* { return c == 'p' ? static_cast<llvm::Type*>(pointer) : c == 'f' ? i32 : i64; };
    std::vector<llvm::Type*> parameters;
    for (const char* c = function.signature + 1; *c; ++c) parameters.push_back(type(*c));
    return module.getOrInsertFunction(name, llvm::FunctionType::get(type(function.signature[0]), parameters, false));
  }
  llvm_unreachable("no such support function");
}

}  // namespace dunlin::native

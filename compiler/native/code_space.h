// Machine code of one version: modules go in, addresses come out, everything is freed together.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

namespace dunlin::native {

struct CodeOptions {
  int opt_level = 2;
  bool host_cpu = true;
};

class CodeSpace {
 public:
  using Symbols = std::vector<std::pair<std::string, const void*>>;
  static std::expected<std::unique_ptr<CodeSpace>, std::string> create(const CodeOptions& options);
  virtual ~CodeSpace() = default;

  /// Functions of this process that the code may call.
  virtual std::expected<void, std::string> define(const Symbols& symbols) = 0;
  /// Optimises the module as the options say and links it. `assembly`: where to put its assembly text, if wanted.
  virtual std::expected<void, std::string> add(std::unique_ptr<llvm::Module> module, std::string* assembly = nullptr) = 0;
  virtual std::expected<void*, std::string> find(const std::string& symbol) = 0;
  /// Data layout and triple of new modules; attributes of their functions.
  virtual void prepare(llvm::Module& module) = 0;
  virtual void finish_attributes(llvm::Module& module) = 0;
  /// Widest vector register in bits: 128 where nothing better is known.
  virtual int vector_bits() const = 0;
};

}  // namespace dunlin::native

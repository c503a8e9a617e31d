#include "compiler/native/code_space.h"

#include <llvm/ExecutionEngine/Orc/LLJIT.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/TargetParser/Host.h>
#include <llvm/Transforms/Utils/Cloning.h>

#include <atomic>
#include <mutex>

namespace dunlin::native {
namespace {

using llvm::orc::LLJIT;

std::unexpected<std::string> failure(llvm::Error error) { return std::unexpected(llvm::toString(std::move(error))); }

/// One linker for the whole process: making one takes longer than compiling a small bundle.
std::expected<LLJIT*, std::string> process_linker() {
  static std::once_flag once;
  static std::unique_ptr<LLJIT> linker;
  static std::string problem;
  std::call_once(once, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    auto made = llvm::orc::LLJITBuilder().create();
    if (made)
      linker = std::move(*made);
    else
      problem = llvm::toString(made.takeError());
  });
  if (!linker) return std::unexpected(problem);
  return linker.get();
}

std::expected<std::unique_ptr<llvm::TargetMachine>, std::string> make_machine(const CodeOptions& options) {
  auto host = llvm::orc::JITTargetMachineBuilder::detectHost();
  if (!host) return failure(host.takeError());
  if (!options.host_cpu) {
    host->setCPU("");
    host->getFeatures() = llvm::SubtargetFeatures();
  }
  host->setCodeGenOptLevel(options.opt_level == 0 ? llvm::CodeGenOptLevel::None : llvm::CodeGenOptLevel::Default);
  host->setRelocationModel(llvm::Reloc::PIC_);
  // No fused multiply and add: the interpreter rounds twice, so does the machine.
  host->getOptions().AllowFPOpFusion = llvm::FPOpFusion::Strict;
  auto machine = host->createTargetMachine();
  if (!machine) return failure(machine.takeError());
  return std::move(*machine);
}

class OrcCodeSpace : public CodeSpace {
 public:
  OrcCodeSpace(LLJIT& linker, llvm::orc::JITDylib& library, std::unique_ptr<llvm::TargetMachine> machine, CodeOptions options)
      : linker_(linker), library_(library), tracker_(library.createResourceTracker()), machine_(std::move(machine)), options_(options) {}

  ~OrcCodeSpace() override {
    llvm::consumeError(tracker_->remove());
    tracker_ = nullptr;
    llvm::consumeError(linker_.getExecutionSession().removeJITDylib(library_));
  }

  std::expected<void, std::string> define(const Symbols& symbols) override {
    llvm::orc::SymbolMap map;
    for (const auto& [name, address] : symbols)
      map[linker_.mangleAndIntern(name)] = {llvm::orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported | llvm::JITSymbolFlags::Callable};
    if (auto error = library_.define(llvm::orc::absoluteSymbols(std::move(map)))) return failure(std::move(error));
    return {};
  }

  std::expected<void, std::string> add(std::unique_ptr<llvm::Module> module, std::string* assembly) override {
    finish_attributes(*module);
    std::string problems;
    llvm::raw_string_ostream stream(problems);
    if (llvm::verifyModule(*module, &stream)) return std::unexpected("the code generator made an invalid module: " + stream.str());
    if (options_.opt_level > 0) optimise(*module);
    if (assembly) {
      auto copy = llvm::CloneModule(*module);
      *assembly = emit(*copy, llvm::CodeGenFileType::AssemblyFile).str().str();
    }
    auto buffer = std::make_unique<llvm::SmallVectorMemoryBuffer>(emit(*module, llvm::CodeGenFileType::ObjectFile), false);
    if (auto error = linker_.addObjectFile(tracker_, std::move(buffer))) return failure(std::move(error));
    return {};
  }

  std::expected<void*, std::string> find(const std::string& symbol) override {
    auto address = linker_.lookup(library_, symbol);
    if (!address) return failure(address.takeError());
    return address->toPtr<void*>();
  }

  void prepare(llvm::Module& module) override {
    module.setDataLayout(machine_->createDataLayout());
    module.setTargetTriple(machine_->getTargetTriple().str());
  }

  void finish_attributes(llvm::Module& module) override {
    for (auto& function : module) {
      if (function.isDeclaration()) continue;
      function.addFnAttr("target-cpu", machine_->getTargetCPU());
      function.addFnAttr("target-features", machine_->getTargetFeatureString());
      if (vector_bits() == 512) function.addFnAttr("prefer-vector-width", "512");
      function.addFnAttr(llvm::Attribute::NoUnwind);
      if (options_.opt_level == 0) {
        function.addFnAttr(llvm::Attribute::NoInline);
        function.addFnAttr(llvm::Attribute::OptimizeNone);
      }
    }
  }

  int vector_bits() const override {
    const auto features = machine_->getTargetFeatureString();
    if (features.contains("+avx512bw") && features.contains("+avx512vl") && features.contains("+avx512dq")) return 512;
    return features.contains("+avx2") ? 256 : 128;
  }

 private:
  struct Bytes : llvm::SmallVector<char, 0> {
    llvm::StringRef str() const { return {data(), size()}; }
  };

  void optimise(llvm::Module& module) {
    llvm::LoopAnalysisManager loops;
    llvm::FunctionAnalysisManager functions;
    llvm::CGSCCAnalysisManager calls;
    llvm::ModuleAnalysisManager modules;
    // Evaluators are short scalar code and kernels are vectors already: what LLVM would do to loops only costs time. Small functions are worth
    // inlining, large ones not: every root would drag a copy of all it calls through the pipeline.
    llvm::PipelineTuningOptions tuning;
    tuning.LoopVectorization = tuning.SLPVectorization = tuning.LoopUnrolling = tuning.LoopInterleaving = false;
    tuning.InlinerThreshold = 40;
    llvm::PassBuilder builder(machine_.get(), tuning);
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(calls);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, calls, modules);
    builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2).run(module, modules);
  }

  Bytes emit(llvm::Module& module, llvm::CodeGenFileType type) {
    Bytes bytes;
    llvm::raw_svector_ostream stream(bytes);
    llvm::legacy::PassManager passes;
    machine_->addPassesToEmitFile(passes, stream, nullptr, type, true);
    passes.run(module);
    return bytes;
  }

  LLJIT& linker_;
  llvm::orc::JITDylib& library_;
  llvm::orc::ResourceTrackerSP tracker_;
  std::unique_ptr<llvm::TargetMachine> machine_;
  CodeOptions options_;
};

}  // namespace

std::expected<std::unique_ptr<CodeSpace>, std::string> CodeSpace::create(const CodeOptions& options) {
  auto linker = process_linker();
  if (!linker) return std::unexpected(linker.error());
  auto machine = make_machine(options);
  if (!machine) return std::unexpected(machine.error());
  static std::atomic<uint64_t> version{0};
  auto library = (*linker)->createJITDylib("dunlin." + std::to_string(version++));
  if (!library) return failure(library.takeError());
  return std::make_unique<OrcCodeSpace>(**linker, *library, std::move(*machine), options);
}

}  // namespace dunlin::native

#include "server/bench/in_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "server/output/progress.h"
#include "tests/bench/night.h"

namespace dunlin::bench {
namespace {

/// Processor time of this thread: what other work on the machine takes away is not ours.
double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

template <class Work>
double timed(Work work) {
  double begin = cpu_seconds();
  work();
  return cpu_seconds() - begin;
}

Columns first_rows(const Columns& columns, size_t count) { return generate(std::min(count, columns.rows())); }

class Contest {
 public:
  Contest(const Night& night, const InMemoryOptions& options)
      : night_(night), options_(options), columns_(generate(static_cast<size_t>(options.accounts))), accounts_(as_accounts(columns_)) {
    // The slow ones decide a part: a second is enough to know a rate.
    some_ = first_rows(columns_, 100'000);
    few_ = first_rows(columns_, 20'000);
    typed_ = night.kernel_columns(columns_);
  }

  std::expected<InMemoryFigures, std::string> run() {
    server::Progress progress("bench", "rounds", options_.rounds, options_.progress);
    warm_up();
    for (int round = 0; round < options_.rounds; ++round) {
      run_round();
      progress.at(round + 1);
    }
    progress.end();
    InMemoryFigures figures;
    auto rate = [](const std::vector<double>& seconds, size_t rows) { return static_cast<double>(rows) / median(seconds); };
    figures.accounts = options_.accounts;
    figures.jit_per_s = rate(kernel_s_, columns_.rows());
    figures.jit_rows_per_s = rate(native_s_, some_.rows());
    figures.interpreter_per_s = rate(interpreter_s_, few_.rows());
    figures.handwritten_row_per_s = rate(row_s_, columns_.rows());
    figures.handwritten_columnar_per_s = rate(columnar_s_, columns_.rows());
    const auto& times = night_.times();
    figures.compile_ms = times.check_ms + times.lower_ms + times.kernel_ms;
    return checked(figures);
  }

 private:
  void warm_up() {
    auto thousand = first_rows(columns_, 1000);
    DecisionColumns decisions(thousand.rows());
    auto typed = night_.kernel_columns(thousand);
    night_.run_kernel(*typed);
    night_.run_native_rows(thousand, decisions);
    night_.run_interpreter(thousand, decisions);
  }

  void run_round() {
    kernel_s_.push_back(timed([&] { night_.run_kernel(*typed_); }));
    row_s_.push_back(timed([&] { run_row(accounts_, by_row_); }));
    columnar_s_.push_back(timed([&] { run_columnar(columns_, by_column_); }));
    native_s_.push_back(timed([&] { night_.run_native_rows(some_, by_native_); }));
    interpreter_s_.push_back(timed([&] { night_.run_interpreter(few_, by_interpreter_); }));
  }

  /// Speed counts only where all come to the same sums.
  std::expected<InMemoryFigures, std::string> checked(InMemoryFigures figures) {
    DecisionColumns by_kernel(columns_.rows());
    night_.read_decisions(*typed_, by_kernel);
    auto sums = check(columns_, by_kernel);
    figures.checksum = sums.checksum;
    if (check(columns_, by_row_) != sums || check(columns_, by_column_) != sums) {
      return std::unexpected("the kernel and the hand-written code come to different sums");
    }
    std::vector<Decision> some(some_.rows()), few(few_.rows());
    run_row(as_accounts(some_), some);
    run_row(as_accounts(few_), few);
    if (check(some_, by_native_) != check(some_, some)) return std::unexpected("native code and the hand-written code come to different sums");
    if (check(few_, by_interpreter_) != check(few_, few)) return std::unexpected("the interpreter and the hand-written code come to different sums");
    return figures;
  }

  const Night& night_;
  const InMemoryOptions& options_;
  Columns columns_, some_, few_;
  std::vector<Account> accounts_;
  std::unique_ptr<KernelColumns> typed_;
  std::vector<Decision> by_row_ = std::vector<Decision>(accounts_.size());
  DecisionColumns by_column_{columns_.rows()};
  DecisionColumns by_native_{std::min<size_t>(columns_.rows(), 100'000)}, by_interpreter_{std::min<size_t>(columns_.rows(), 20'000)};
  std::vector<double> kernel_s_, native_s_, interpreter_s_, row_s_, columnar_s_;
};

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

std::expected<InMemoryFigures, std::string> measure_in_memory(const InMemoryOptions& options) {
  auto night = Night::load(options.bundle, options.stdlib);
  if (!night) return std::unexpected(night.error());
  return Contest(**night, options).run();
}

}  // namespace dunlin::bench

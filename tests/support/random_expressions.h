// Random well-typed expressions over the debt program, about an account.
#pragma once

#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/debt_program.h"
#include "tests/support/tree.h"

namespace dunlin::test {

class RandomExpressions {
 public:
  RandomExpressions(checked::Program& program, uint64_t seed) : p_(program), random_(seed) {}

  tree::ExprPtr condition(int depth);
  tree::ExprPtr integer(int depth);
  tree::ExprPtr money(int depth);
  tree::ExprPtr decimal(int depth);
  tree::ExprPtr number(int depth);
  tree::ExprPtr date(int depth);
  tree::ExprPtr datetime(int depth);
  tree::ExprPtr duration(int depth);
  tree::ExprPtr enumeration(int depth);

  int64_t up_to(int64_t below) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(below)); }
  int64_t between(int64_t low, int64_t high) { return low + up_to(high - low + 1); }
  bool one_in(int64_t n) { return up_to(n) == 0; }

 private:
  using Op = checked::Op;
  tree::ExprPtr account();
  tree::ExprPtr field(const std::string& name);
  tree::ExprPtr defaulted(tree::ExprPtr optional, tree::ExprPtr fallback);
  tree::ExprPtr comparison(int depth);
  tree::ExprPtr aggregate(checked::AggregateFunction function, checked::Type result, int depth);
  tree::ExprPtr list_aggregate(checked::AggregateFunction function, checked::Type result, int depth);
  void window(checked::Aggregate& query, int depth);
  void where(checked::Aggregate& query, int depth);
  tree::ExprPtr table(checked::Index index, checked::Type result, std::vector<tree::ExprPtr> arguments);
  tree::ExprPtr let(checked::Type result, tree::ExprPtr value, const std::function<tree::ExprPtr(checked::Index)>& body);
  checked::Index fresh() { return next_local_++; }

  checked::Program& p_;
  std::mt19937_64 random_;
  checked::Index next_local_ = 100;
  std::vector<checked::Index> elements_;  // locals bound to accounts in lists around
};

}  // namespace dunlin::test

// ANTLR learns while it parses: its tables of states grow with every new shape of input, and are shared by all parsers of the
// process unless told otherwise. Here each thread has its own and throws them away when they have grown too large.
#pragma once

#include <antlr4-runtime.h>

#include <vector>

namespace dunlin::syntax {

class PredictionCache {
 public:
  /// Tables for a parser or lexer built on `atn`; emptied first if they hold more than `states_max` states.
  void prepare(const antlr4::atn::ATN& atn) {
    size_t states = 0;
    for (const auto& dfa : tables) states += dfa.states.size();
    if (!tables.empty() && states <= states_max) return;
    tables.clear();
    contexts.clear();
    for (size_t i = 0; i < atn.getNumberOfDecisions(); ++i) tables.emplace_back(atn.getDecisionState(i), i);
  }

  std::vector<antlr4::dfa::DFA> tables;
  antlr4::atn::PredictionContextCache contexts;

 private:
  static constexpr size_t states_max = 30'000;
};

}  // namespace dunlin::syntax

#include "lang/syntax/parse.h"

#include "DunlinParser.h"
#include "lang/syntax/builder.h"
#include "lang/syntax/caches.h"
#include "lang/syntax/error_strategy.h"
#include "lang/syntax/pieces.h"
#include "lang/syntax/tokens.h"

namespace dunlin {

namespace syntax {

namespace {

/// The file is read only if it is UTF-8 and within the limits of size.
bool readable(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits) {
  const std::string_view text = sources.text(file);
  const auto at = [&](size_t offset) { return Span{file, static_cast<uint32_t>(offset), static_cast<uint32_t>(offset + 1)}; };
  if (text.size() > limits.bytes_max) {
    diagnostics.error("E0102", at(0), "this file is longer than " + std::to_string(limits.bytes_max) + " bytes").help =
        "split it into several files of the same bundle";
    return false;
  }
  if (const size_t bad = find_invalid_utf8(text); bad != std::string_view::npos) {
    diagnostics.error("E0101", at(bad), "this file is not valid UTF-8").help = "save it as UTF-8; spreadsheets and old editors often write another encoding";
    return false;
  }
  for (size_t begin = 0; begin < text.size();) {
    size_t end = text.find('\n', begin);
    if (end == std::string_view::npos) end = text.size();
    if (end - begin > limits.line_bytes_max) {
      diagnostics.error("E0102", at(begin), "this line is longer than " + std::to_string(limits.line_bytes_max) + " bytes").help =
          "break it into several lines";
      return false;
    }
    begin = end + 1;
  }
  return true;
}

/// A parser over one slice, and everything it needs to live.
class Reading {
 public:
  Reading(const Slice& slice, TokenList tokens, Diagnostics& diagnostics, const ParseLimits& limits)
      : list(std::move(tokens)),
        source_(std::move(list.tokens)),
        stream_(&source_),
        parser(&stream_),
        strategy(std::make_shared<ErrorStrategy>(slice, diagnostics, limits)) {
    if (list.usable) stream_.fill();  // so that recovery may look ahead
    thread_local PredictionCache cache;
    cache.prepare(parser.getATN());
    parser.setInterpreter(new antlr4::atn::ParserATNSimulator(&parser, parser.getATN(), cache.tables, cache.contexts));
    parser.removeErrorListeners();
    parser.setErrorHandler(strategy);
  }

  /// Runs one start rule of the parser: on trial first, thoroughly if that finds a mistake.
  template <class Context>
  Context* run(Context* (grammar::DunlinParser::*start)()) {
    using antlr4::atn::PredictionMode;
    auto* simulator = parser.getInterpreter<antlr4::atn::ParserATNSimulator>();
    try {
      strategy->set_trial(true);
      simulator->setPredictionMode(PredictionMode::SLL);
      return (parser.*start)();
    } catch (const antlr4::ParseCancellationException&) {
      parser.reset();
      strategy->set_trial(false);
      simulator->setPredictionMode(PredictionMode::LL);
      return (parser.*start)();
    }
  }

  TokenList list;

 private:
  antlr4::ListTokenSource source_;
  antlr4::CommonTokenStream stream_;

 public:
  grammar::DunlinParser parser;
  std::shared_ptr<ErrorStrategy> strategy;
};

}  // namespace

ast::ExprPtr read_expression(const Slice& slice, Diagnostics& diagnostics, const ParseLimits& limits, int level) {
  const size_t errors_before = diagnostics.error_count();
  Reading reading(slice, read_tokens(slice, diagnostics, limits), diagnostics, limits);
  if (!reading.list.usable) return nullptr;
  auto* context = reading.run(&grammar::DunlinParser::expressionOnly);
  if (reading.strategy->failed() || context->exception) return nullptr;
  Builder builder(slice, reading.list, diagnostics, limits, level);
  ast::ExprPtr result = builder.only_expression(*context);
  return diagnostics.error_count() == errors_before ? std::move(result) : nullptr;
}

size_t read_declarations(const Slice& slice, std::vector<RawToken> raw, Diagnostics& diagnostics, const ParseLimits& limits, ast::File& file) {
  Reading reading(slice, read_tokens(slice, std::move(raw), diagnostics, limits), diagnostics, limits);
  if (!reading.list.usable) return 0;
  auto* context = reading.run(&grammar::DunlinParser::file);
  Builder(slice, reading.list, diagnostics, limits, 0).declarations(*context, file);
  return reading.strategy->errors();
}

}  // namespace syntax

ParsedFile parse_again(const SourceMap& sources, uint32_t file, const ParsedFile* before, const ParseLimits& limits) {
  ParsedFile made;
  made.tree.source = file;
  made.text = sources.text(file);
  Diagnostics found;
  if (syntax::readable(sources, file, found, limits)) {
    syntax::PieceReader(sources, file, limits, before, made).run();
  } else {
    made.diagnostics = found.all();
  }
  return made;
}

ast::File parse_file(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits) {
  ParsedFile made = parse_again(sources, file, nullptr, limits);
  for (Diagnostic& one : made.diagnostics) syntax::say(diagnostics, std::move(one));
  return std::move(made.tree);
}

ast::ExprPtr parse_expression(const SourceMap& sources, uint32_t file, Diagnostics& diagnostics, const ParseLimits& limits) {
  if (!syntax::readable(sources, file, diagnostics, limits)) return nullptr;
  const syntax::Slice slice{sources, file, 0, static_cast<uint32_t>(sources.text(file).size())};
  return syntax::read_expression(slice, diagnostics, limits, 0);
}

ast::ExprPtr parse_expression(const SourceMap& sources, Span part, Diagnostics& diagnostics, const ParseLimits& limits) {
  return syntax::read_expression({sources, part.file, part.begin, part.end}, diagnostics, limits, 0);
}

}  // namespace dunlin

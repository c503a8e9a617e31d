// dunlin lsp: the language server over standard input and output.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <thread>

#include "runtime/simulate/test_runner.h"
#include "server/compile.h"
#include "server/lsp/inbox.h"
#include "server/lsp/session.h"
#include "server/open_store.h"
#include "server/stdlib_folder.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

struct LspCommand {
  CommonOptions common;
  std::string stdlib;
  StoreOptions store;
};

/// On the interpreter: nothing is compiled for one test.
std::string run_test(const std::string& stdlib, const std::string& folder, const std::string& title) {
  auto bundle = check_folder({folder, stdlib}, false);
  if (!bundle) return bundle.error();
  if (!(*bundle)->program) return fmt::format("\"{}\" was not run: the bundle has mistakes", title);
  auto machine = make_machine(*(*bundle)->program, (*bundle)->stdlib, false);
  if (!machine) return machine.error();
  const auto report = simulate::run_tests(*(*bundle)->program, *machine->interpreter, *machine->calendar->view(), {.title_contains = title});
  std::string text;
  for (const auto& result : report.results) {
    if (result.title != title) continue;
    text += fmt::format("\"{}\" {}", title, result.passed() ? "passed" : "failed");
    for (const auto& failure : result.failures) {
      text += fmt::format("\n{}: expected {}, found {}", (*bundle)->sources.locate(failure.where), failure.expected, failure.found);
    }
  }
  return text.empty() ? fmt::format("there is no test \"{}\" in the saved files", title) : text;
}

lsp::Ports ports_of(const LspCommand& command, std::shared_ptr<store::Store> store) {
  lsp::Ports ports;
  ports.run_test = [stdlib = command.stdlib](const std::filesystem::path& folder, const std::string& title) {
    return run_test(stdlib, folder.string(), title);
  };
  if (store) {
    ports.live_counts = [store] {
      std::map<std::string, int64_t> counts;
      if (auto rows = store->funnel()) {
        for (const auto& row : *rows) counts[row.stage.find('.') == std::string::npos ? row.strategy + "." + row.stage : row.stage] += row.count;
      }
      return counts;
    };
  }
  return ports;
}

int serve(const LspCommand& command) {
  auto stdlib = find_stdlib(command.stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  std::shared_ptr<store::Store> store;
  if (!command.store.database.empty()) {
    int exit = 0;
    store = open_store_or_exit(command.store, command.common, exit);
    if (!store) return exit;
  }
  lsp::Inbox inbox;
  lsp::SessionOptions options{.stdlib = *stdlib};
  options.interrupted = [&inbox] { return inbox.waiting(); };
  const auto send = [](const std::string& message) {
    const std::string frame = lsp::framed(message);
    std::fwrite(frame.data(), 1, frame.size(), stdout);
    std::fflush(stdout);
  };
  lsp::Session session(options, ports_of(command, store), send);
  // The reader may still wait for input when the editor has said `exit`: the process then ends over it.
  std::thread reader([&inbox, max = options.message_bytes_max] {
    for (std::string message;;) {
      const lsp::Framing framing = lsp::read_message(std::cin, message, max);
      if (framing == lsp::Framing::end || framing == lsp::Framing::broken) break;
      inbox.push(framing == lsp::Framing::too_large ? std::string("too large") : std::move(message));
    }
    inbox.close();
  });
  bool closed = false;
  while (!session.ended() && !closed) {
    std::string message;
    const bool arrived = inbox.wait(message, session.next_tick(), closed);
    for (const std::string& id : inbox.take_cancelled()) session.cancel(id);
    if (arrived) {
      session.handle(message);
    } else {
      session.tick(lsp::Clock::now());
    }
  }
  const int exit = session.ended() ? session.exit_code() : static_cast<int>(Exit::input);
  if (closed) {
    reader.join();
    return exit;
  }
  std::fflush(stdout);
  std::quick_exit(exit);
}

}  // namespace

void add_lsp_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<LspCommand>();
  auto* sub = app.add_subcommand("lsp", "The language server: an editor starts it and speaks the Language Server Protocol on standard input and output");
  sub->add_option("--stdlib", command->stdlib, "Folder of the standard library, if not the installed one");
  sub->add_option("--database", command->store.database, "Show beside each stage how many live accounts stand in it, by this database (postgresql://…)");
  sub->footer("Example (what an editor is told to start):\n  dunlin lsp");
  sub->callback([command, &chosen] { chosen = [command] { return serve(*command); }; });
}

}  // namespace dunlin::server

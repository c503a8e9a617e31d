// dunlin letter: the letters of a bundle, and how one of them reads for an account.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "lang/sema/checked_letters.h"
#include "runtime/engine/letters.h"
#include "runtime/simulate/case_run.h"
#include "runtime/simulate/drawn.h"
#include "server/compile.h"
#include "server/import/near_match.h"
#include "server/open_store.h"
#include "server/output/table.h"
#include "server/output/terminal.h"
#include "server/repl/beginnings.h"
#include "server/writer_commands.h"

namespace dunlin::server {
namespace {

using Json = nlohmann::ordered_json;
using checked::Letter;

struct LetterCommand {
  CommonOptions common;
  StoreOptions store;
  BundleOptions bundle;
  Beginning beginning;
  std::string name, queue, to, output;
  bool masked = false;
};

struct Found {
  const checked::Queue* queue = nullptr;
  const Letter* letter = nullptr;
};

std::vector<Found> letters(const checked::Program& program, const LetterCommand& command) {
  std::vector<Found> found;
  for (const checked::Queue& queue : program.queues) {
    if (!command.queue.empty() && queue.name != command.queue) continue;
    for (const Letter& letter : checked::letters_of(queue)) {
      if (command.name.empty() || letter.name == command.name) found.push_back({&queue, &letter});
    }
  }
  return found;
}

int list(const LetterCommand& command, const checked::Program& program) {
  const auto found = letters(program, command);
  const auto entity = [&](checked::Index index) { return index == checked::none ? std::string() : program.entities[static_cast<size_t>(index)].name; };
  if (command.common.json) {
    auto rows = Json::array();
    for (const auto& [queue, letter] : found) {
      rows.push_back({{"name", letter->name},
                      {"queue", queue->name},
                      {"entity", entity(letter->entity)},
                      {"to", letter->recipient == checked::none ? Json(nullptr) : Json(entity(letter->recipient))},
                      {"format", letter->format == Letter::Format::html ? "html" : "text"},
                      {"language", letter->language},
                      {"personal", letter->personal},
                      {"file", letter->file}});
    }
    fmt::print("{}\n", Json{{"letters", rows}}.dump(2));
    return 0;
  }
  Table table({{"letter"}, {"queue"}, {"for"}, {"to"}, {"personal data"}, {"file"}});
  for (const auto& [queue, letter] : found)
    table.add({letter->name, queue->name, entity(letter->entity), entity(letter->recipient), letter->personal ? "yes" : "", letter->file});
  if (table.empty()) return fmt::print("the bundle has no letters\n"), 0;
  fmt::print("{}", table.text(command.common.color));
  return 0;
}

/// The case that the letter is tried on; nothing is stepped.
std::expected<std::unique_ptr<simulate::CaseRun>, std::string> case_of(const CaseSource& source, const RunnableBundle& bundle,
                                                                       const std::vector<int64_t>& settings, int32_t& position) {
  const checked::Program& program = bundle.program();
  const Evaluator& evaluator = *bundle.machine.interpreter;
  const abi::Calendar& calendar = *bundle.machine.calendar->view();
  const checked::Entity& entity = program.entities[static_cast<size_t>(source.entity)];
  if (source.load) {
    auto file = source.load();
    if (!file) return std::unexpected(file.error());
    position = (*file)->find(engine::stable_id(entity.name, source.key));
    if (position < 0) return std::unexpected(fmt::format("{} `{}` was not there yet at that instant", entity.name, source.key));
    return std::make_unique<simulate::CaseRun>(program, evaluator, calendar, settings, std::move(*file), source.at);
  }
  auto run = std::make_unique<simulate::CaseRun>(program, evaluator, calendar, settings);
  position = run->add(source.entity, entity.parent == checked::none ? -1 : run->some(entity.parent), source.key);
  for (const auto& given : source.values) {
    const int32_t owner = run->owner_of(position, given.entity);
    const checked::Field& field = program.entities[static_cast<size_t>(given.entity)].fields[static_cast<size_t>(given.field)];
    simulate::write_slots(program, field.type, given.value, run->file().arena(), run->file().slots(owner) + field.slot);
  }
  run->file().finish();
  run->go_to(source.at, {});
  return run;
}

/// Whom the letter goes to: as said, else the first there is; null: it goes to nobody in particular.
std::expected<const abi::Instance*, std::string> recipient_of(const LetterCommand& command, const checked::Program& program, const Letter& letter,
                                                              const engine::CaseFile& file) {
  if (letter.recipient == checked::none) return nullptr;
  const checked::Entity& entity = program.entities[static_cast<size_t>(letter.recipient)];
  for (size_t i = 0; i < file.instance_count(); ++i) {
    const abi::Instance& other = file.instance(static_cast<int32_t>(i));
    if (other.entity == letter.recipient && (command.to.empty() || engine::key_text(program, other) == command.to)) return &other;
  }
  return std::unexpected(command.to.empty() ? fmt::format("the letter goes to a {}, and there is none here", entity.name)
                                            : fmt::format("--to: there is no {} `{}` here", entity.name, command.to));
}

int show(const LetterCommand& command, const Found& found, const engine::LetterText& text, const std::string& about) {
  const checked::MessageSize size = checked::message_size(text.body);
  if (!command.output.empty()) {
    std::ofstream out(command.output, std::ios::binary);
    out << text.body;
    out.flush();
    if (!out) return fail(command.common, Exit::environment, fmt::format("`{}` cannot be written", command.output));
  }
  if (command.common.json) {
    Json body{{"name", text.name},
              {"queue", found.queue->name},
              {"about", about},
              {"key", text.key},
              {"subject", text.subject},
              {"format", text.html ? "html" : "text"},
              {"personal", found.letter->personal},
              {"masked", text.masked},
              {"body", text.body}};
    if (!text.html) body["message"] = {{"units", size.units}, {"alphabet", size.wide ? "UCS-2" : "GSM 03.38"}, {"parts", size.parts()}};
    fmt::print("{}\n", body.dump(2, ' ', false, Json::error_handler_t::replace));
    return 0;
  }
  fmt::print("{}\n", styled(fmt::format("{} \"{}\" for {}", found.queue->name, found.letter->name, printable(about)), Style::bold, command.common.color));
  if (found.letter->has_subject) fmt::print("subject: {}\n", printable(text.subject));
  if (!text.html)
    fmt::print("as a message: {} {} of {}, {} {}\n", size.units, size.wide ? "characters" : "septets", size.wide ? "UCS-2" : "the GSM alphabet", size.parts(),
               size.parts() == 1 ? "part" : "parts");
  if (!command.output.empty()) return fmt::print("written to {}\n", command.output), 0;
  fmt::print("\n{}{}", text.body, text.body.ends_with('\n') ? "" : "\n");
  return 0;
}

int write(LetterCommand& command, const RunnableBundle& bundle, const Found& found) {
  const checked::Program& program = bundle.program();
  auto zone = import::Zone::find(program.bundle);
  if (!zone) return fail(command.common, Exit::environment, zone.error());
  Beginning& from = command.beginning;
  if (from.entity.empty()) from.entity = program.entities[static_cast<size_t>(found.letter->entity)].name;
  from.example = from.key.empty() && from.csv.empty();
  std::unique_ptr<store::Store> store;
  if (!from.key.empty() && from.csv.empty()) {
    int exit = 0;
    store = open_store_or_exit(command.store, command.common, exit, StoreUse::look);
    if (!store) return exit;
    if (auto done = store->prepare(program); !done) return fail(command.common, done.error());
  }
  auto source = begin_case(from, bundle, *zone, store.get());
  if (!source) return fail(command.common, source.error().exit, source.error().message, source.error().help);
  abi::Arena arena;
  const abi::Calendar& calendar = *bundle.machine.calendar->view();
  const auto settings = engine::initial_settings(program, *bundle.machine.interpreter, calendar, arena);
  try {
    int32_t position = -1;
    auto run = case_of(*source, bundle, settings, position);
    if (!run) return fail(command.common, Exit::input, run.error());
    auto to = recipient_of(command, program, *found.letter, (*run)->file());
    if (!to) return fail(command.common, Exit::input, to.error());
    const simulate::CaseRun::Asked asked{program, *bundle.machine.interpreter};
    const engine::AskValue ask = [&](checked::RootId root, const abi::Instance& self, std::span<const int64_t> arguments) {
      return (*run)->value_of(asked, root, program.roots[static_cast<size_t>(root)].span, &self, {arguments.begin(), arguments.end()});
    };
    const abi::Instance& about = (*run)->file().instance(position);
    const auto stored = engine::write_letter(program, *found.letter, ask, about, *to, calendar);
    const auto text = stored ? engine::letter_text(*found.letter, *stored, !command.masked) : std::nullopt;
    if (!text) return fail(command.common, Exit::input, fmt::format("this letter is not for a {}, or it is too long", from.entity));
    const std::string whom =
        from.example ? fmt::format("a made-up {} (--seed gives another)", from.entity) : fmt::format("{} {}", from.entity, engine::key_text(program, about));
    return show(command, found, *text, whom);
  } catch (const simulate::Broken& broken) {
    return fail(command.common, Exit::input, broken.message);
  }
}

int letter(LetterCommand& command) {
  int exit = 0;
  auto bundle = runnable_bundle_or_exit(command.bundle, command.common, false, exit);
  if (!bundle) return exit;
  const checked::Program& program = bundle->program();
  if (!command.queue.empty() && checked::find_queue(program, command.queue) == checked::none)
    return fail(command.common, Exit::usage, fmt::format("--queue: the bundle has no queue `{}`", command.queue));
  if (command.name.empty()) return list(command, program);
  const auto found = letters(program, command);
  if (found.empty()) {
    std::vector<std::string> names;
    for (const checked::Queue& queue : program.queues) {
      for (const Letter& known : checked::letters_of(queue)) names.push_back(known.name);
    }
    return fail(command.common, Exit::usage, fmt::format("there is no letter \"{}\"", command.name), import::suggest(command.name, names));
  }
  for (const Found& one : found) {
    if (const int answer = write(command, *bundle, one); answer != 0) return answer;
  }
  return 0;
}

}  // namespace

void add_letter_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<LetterCommand>();
  auto* sub = app.add_subcommand("letter", "The letters of a bundle, or how one reads for an account");
  Beginning& from = command->beginning;
  from.entity.clear();
  add_bundle_options(*sub, command->bundle);
  sub->add_option("NAME", command->name, "Letter to show; without a name all are listed");
  sub->add_option("--queue", command->queue, "Only letters of this queue");
  sub->add_option("--account", from.key, "Key of an account in the database, or of a row of --csv; without one it is made up");
  sub->add_option("--entity", from.entity, "Entity the key belongs to; else the letter's own");
  sub->add_option("--to", command->to, "Key of whom the letter goes to; else the first there is");
  sub->add_option("--csv", from.csv, "Take the account from this file, whose columns are called like the fields");
  sub->add_option("--seed", from.seed, "Another made-up account for each number")->capture_default_str();
  sub->add_option("--at", from.at, "Instant of the letter (2026-01-05, 2026-01-05 09:30); without it now, or where a database's clock stands");
  sub->add_flag("--masked", command->masked, "As those read it who may not see personal data");
  sub->add_option("--output", command->output, "Write the letter to this file");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin letter strategies/card_collections demand --at 2026-01-05");
  sub->callback([command, &chosen] { chosen = [command] { return letter(*command); }; });
}

}  // namespace dunlin::server

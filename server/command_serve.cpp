// dunlin serve: one process that steps what wakes and answers over HTTP.
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <latch>

#include "runtime/store/patience.h"
#include "runtime/store/service.h"
#include "server/import/value_reader.h"
#include "server/open_service.h"
#include "server/plan/second_person.h"
#include "server/serve/ahead.h"
#include "server/serve/api.h"
#include "server/serve/config.h"
#include "server/serve/config_surroundings.h"
#include "server/serve/deliverer.h"
#include "server/serve/inflow_taker.h"
#include "server/serve/live.h"
#include "server/serve/log.h"
#include "server/serve/overseer.h"
#include "server/serve/serve_commands.h"
#include "server/serve/simulations.h"
#include "server/serve/table_puller.h"
#include "server/serve/watcher.h"
#include "server/stdlib_folder.h"

namespace dunlin::server {
namespace {

struct ServeCommand {
  CommonOptions common;
  StoreOptions store;
  std::string stdlib, config, clock, address, watch;
  std::vector<std::string> sets;
  int port = -1;
  bool check_config = false;
};

/// Tells systemd (Type=notify) how far we are; nothing where nobody listens.
void notify(const std::string& state) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) return;
  std::strcpy(address.sun_path, path);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  (void)sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
  close(fd);
}

std::expected<ServeConfig, std::string> config_of(const ServeCommand& command) {
  ConfigSources sources{command.config, command.sets};
  if (command.port >= 0) sources.flags.push_back(fmt::format("server.port={}", command.port));
  if (!command.address.empty()) sources.flags.push_back("server.address=" + command.address);
  if (!command.clock.empty()) sources.flags.push_back("engine.clock=" + command.clock);
  if (!command.watch.empty()) sources.flags.push_back("bundles.watch=" + command.watch);
  auto config = load_config(sources);
  if (!config) return config;
  if (!command.stdlib.empty()) config->stdlib = command.stdlib;
  if (!command.store.database.empty() || !command.store.data.empty()) config->store = command.store;
  return config;
}

/// "2026-03-20T06:00:00Z" -> what is to be added to the real clock.
std::expected<int64_t, std::string> clock_offset(const std::string& clock) {
  if (clock.empty()) return 0;
  std::tm parts{};
  const char* rest = strptime(clock.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (rest == nullptr || std::string(rest) != "Z") return std::unexpected(fmt::format("the clock is set as 2026-03-20T06:00:00Z, not `{}`", clock));
  const int64_t wanted = static_cast<int64_t>(timegm(&parts)) * 1'000'000;
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return wanted - std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

store::PostgresOptions postgres_of(const ServeConfig& config, const std::string& name) {
  store::PostgresOptions options;
  options.url = config.store.database;
  options.folder = config.store.data;
  options.application_name = name;
  return options;
}

/// Waits for a signal to stop; the others are dealt with here.
void wait_for_the_end(const sigset_t& signals, Scheduler& scheduler, const std::function<http::Certificate()>& reload_certificate) {
  for (;;) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      log::write(log::Level::info, "stopping", {{"signal", strsignal(signal)}});
      return;
    }
    log::write(log::Level::info, "looking for a new version", {{"signal", "SIGHUP"}});
    scheduler.wake();
    (void)reload_certificate();
  }
}

/// A certificate is renewed every few weeks: a bad one must be seen in the log long before the old one runs out.
http::Certificate reload(http::HttpServer& server, const http::ServerOptions& options) {
  http::Certificate certificate = server.reload_certificate();
  if (certificate.state == http::Certificate::State::loaded) {
    log::write(log::Level::info, "the certificate was read again", {{"certificate", options.certificate_file}, {"valid_until", certificate.valid_until}});
  } else if (certificate.state == http::Certificate::State::kept) {
    log::write(log::Level::error, "the new certificate cannot be used; the old one stays in use", {{"reason", certificate.wrong}});
  }
  return certificate;
}

int serve(const ServeCommand& command) {
  auto config = config_of(command);
  if (!config) return fail(command.common, Exit::input, config.error(), "dunlin serve --check-config shows every setting");
  auto offset = clock_offset(config->clock);
  if (!offset) return fail(command.common, Exit::input, offset.error());
  if (command.check_config) {
    if (const std::string wrong = wrong_surroundings(*config); !wrong.empty()) return fail(command.common, Exit::input, wrong);
    return fmt::print("{}", config_text(*config)), 0;
  }
  auto stdlib = find_stdlib(config->stdlib);
  if (!stdlib) return fail(command.common, Exit::environment, stdlib.error());
  log::start(config->log_level);
  int exit = 0;
  // A batch takes seconds. A scheduler to whom the database says nothing for so long is deaf, and should notice.
  constexpr int statement_seconds = 120;
  StoreOptions stepping = config->store;
  if (!stepping.database.empty()) stepping.database = store::with_statement_timeout(stepping.database, std::max(statement_seconds, 6 * config->lease_seconds));
  auto store = open_store_or_exit(stepping, command.common, exit);
  if (!store) return exit;
  auto service = store::Service::open(postgres_of(*config, "dunlin api"), static_cast<size_t>(config->database_connections), config->statement_seconds * 1000);
  if (!service) return fail(command.common, service.error());
  // What the configuration asks for holds for the command line on this database too.
  if (config->second_person) {
    auto asked = ask_for_second_person(**service, true, "serve", command_line_origin(), "bundles.second_person is set");
    if (!asked) return fail(command.common, exit_of(asked.error()), asked.error().message, asked.error().help);
  }
  // All threads are born with these blocked; this one waits for them. The private server was started before, with nothing blocked.
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);

  Scheduler scheduler(std::move(store), *config, *stdlib, *offset);
  Metrics metrics;
  const auto open_admin = [&] { return store::open_postgres(postgres_of(*config, "dunlin admin")); };
  Oidc oidc(config->oidc);
  Ldap ldap(config->ldap);
  Live live(**service, scheduler, *config, postgres_of(*config, "dunlin listener"));
  scheduler.on_stepped = [&] { live.stepped(); };
  Ahead ahead(**service, *config, *stdlib);
  live.on_candidate = [&] { ahead.wake(); };
  scheduler.compiled_ahead = [&](const std::string& hash) { return ahead.take(hash); };
  Simulations simulations(open_admin, *stdlib);
  Api api({**service, scheduler, metrics, oidc, ldap, live, *config, *stdlib, open_admin, simulations});
  Deliverer deliverer(**service, scheduler, *config);
  Overseer overseer(**service, scheduler, config->keep_months, postgres_of(*config, "dunlin history"));
  TablePuller puller(scheduler, postgres_of(*config, "dunlin tables"), config->tables_seconds);
  InflowTaker taker(scheduler, postgres_of(*config, "dunlin inflow"));
  Watcher watcher({**service, scheduler, *config, *stdlib, open_admin});
  std::latch whole(1);  // requests may come before the server is told what it needs of itself
  auto server = http::HttpServer::start(config->http, [&](const http::Request& request) {
    whole.wait();
    return api.handle(request);
  });
  if (!server) return fail(command.common, Exit::environment, server.error());
  api.connections = [&] { return (*server)->counts(); };
  api.reload_certificate = [&] { return reload(**server, config->http); };
  api.certificate_expires = [&] { return (*server)->certificate_expires(); };
  whole.count_down();
  ahead.start();
  scheduler.start();
  live.start();
  watcher.start();
  deliverer.start();
  overseer.start();
  puller.start();
  taker.start();
  const char* scheme = config->http.certificate_file.empty() ? "http" : "https";
  log::write(log::Level::info, "serving", {{"url", fmt::format("{}://{}:{}", scheme, config->http.address, (*server)->port())}});
  notify("READY=1");
  wait_for_the_end(signals, scheduler, api.reload_certificate);
  notify("STOPPING=1");
  (*server)->stop(config->drain_seconds);
  simulations.stop();
  deliverer.stop();
  puller.stop();
  taker.stop();
  overseer.stop();
  watcher.stop();
  scheduler.stop();
  live.stop();
  ahead.stop();
  log::write(log::Level::info, "stopped");
  return 0;
}

}  // namespace

void add_serve_command(CLI::App& app, Chosen& chosen) {
  auto command = std::make_shared<ServeCommand>();
  auto* sub = app.add_subcommand("serve", "Step what wakes, and answer over HTTP");
  sub->add_option("--config", command->config, "A TOML file with settings")->check(CLI::ExistingFile);
  sub->add_option("--set", command->sets, "One setting: section.name=value; stronger than the file and the environment");
  sub->add_option("--address", command->address, "Address to listen on (server.address)");
  sub->add_option("--port", command->port, "Port to listen on, 0 for a free one (server.port)")->check(CLI::Range(0, 65535));
  sub->add_option("--clock", command->clock, "Start the clock at this instant instead of now (2026-03-20T06:00:00Z); it goes on from there");
  sub->add_option("--watch", command->watch,
                  "Watch this folder: a bundle that is saved there is checked and planned, and made active where bundles.watch_apply is true (bundles.watch)");
  sub->add_option("--stdlib", command->stdlib, "Folder of the standard library, if not the installed one");
  sub->add_flag("--check-config", command->check_config, "Show every setting as it would be, and end");
  add_store_options(*sub, command->store);
  add_common_options(*sub, command->common);
  sub->footer("Example:\n  dunlin serve --port 8460 --set log.level=debug");
  sub->callback([command, &chosen] { chosen = [command] { return serve(*command); }; });
}

}  // namespace dunlin::server

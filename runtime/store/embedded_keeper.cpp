#include "runtime/store/embedded_keeper.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace dunlin::store {

namespace {

// Between fork and exec only calls that are safe in a child of a threaded process: no allocation, no locks.

bool become(const ServerUser& user) {
  if (!user.change) return true;
  return setgroups(1, &user.gid) == 0 && setgid(user.gid) == 0 && setuid(user.uid) == 0;
}

std::vector<char*> arguments_of(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

void default_signals() {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGQUIT}) ::signal(signal, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void output_to(int log) {
  const int nothing = open("/dev/null", O_RDONLY);
  dup2(nothing, 0);
  dup2(log, 1);
  dup2(log, 2);
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return -1;
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void pause_ms(long ms) {
  const timespec time{ms / 1000, (ms % 1000) * 1'000'000};
  nanosleep(&time, nullptr);
}

[[noreturn]] void keep(const KeeperPlan& plan, const std::vector<char*>& arguments) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_IGN);
  constexpr int users_lock = 10, keeper_lock = 11;
  output_to(plan.log);
  dup2(plan.users_lock, users_lock);
  dup2(plan.keeper_lock, keeper_lock);
  close_range(3, users_lock - 1, 0);
  close_range(keeper_lock + 1, ~0U, 0);
  if (!become(plan.user) || chdir(plan.folder.c_str()) != 0) _exit(1);

  const pid_t server = fork();
  if (server < 0) _exit(1);
  if (server == 0) {
    default_signals();
    close_range(3, ~0U, 0);
    prctl(PR_SET_PDEATHSIG, SIGINT);  // should the keeper be killed, the server still stops
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  bool asked = false;
  for (int waited_ms = 0;; waited_ms += 50) {
    if (waitpid(server, nullptr, WNOHANG) != 0) _exit(0);
    if (!asked && flock(users_lock, LOCK_EX | LOCK_NB) == 0) {
      // Nobody is left. Holding the lock makes newcomers wait until the server has stopped; they then start their own.
      asked = true;
      waited_ms = 0;
      kill(server, SIGINT);
    }
    if (asked && waited_ms > 60'000) kill(server, SIGQUIT);
    pause_ms(asked ? 10 : 50);
  }
}

}  // namespace

int run_as(const ServerUser& user, const std::vector<std::string>& command, int log) {
  const std::vector<char*> arguments = arguments_of(command);
  const pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    default_signals();
    output_to(log);
    close_range(3, ~0U, 0);
    if (!become(user)) _exit(126);
    if (chdir("/") != 0) _exit(126);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  return wait_for(child);
}

bool may_use_folder(const ServerUser& user, const std::string& folder) {
  if (!user.change) return access(folder.c_str(), R_OK | W_OK | X_OK) == 0;
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) _exit(become(user) && access(folder.c_str(), R_OK | W_OK | X_OK) == 0 ? 0 : 1);
  return wait_for(child) == 0;
}

bool start_keeper(const KeeperPlan& plan) {
  const std::vector<char*> arguments = arguments_of(plan.command);
  const pid_t child = fork();
  if (child < 0) return false;
  if (child == 0) {
    setsid();  // Ctrl-C at the terminal is for us, not for the server
    const pid_t keeper = fork();
    if (keeper == 0) keep(plan, arguments);
    _exit(keeper < 0 ? 1 : 0);
  }
  return wait_for(child) == 0;
}

}  // namespace dunlin::store

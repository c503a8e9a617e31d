#include "server/give_way.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <exception>
#include <thread>

namespace dunlin::server {

void give_way_from_here() {
  constexpr int last_in_line = 19;
  (void)setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), last_in_line);
}

void give_way(const std::function<void()>& work) {
  std::exception_ptr thrown;
  // A thread of its own: without privileges nobody gets back what was given away.
  std::thread aside([&] {
    give_way_from_here();
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  });
  aside.join();
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace dunlin::server

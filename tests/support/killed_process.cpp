#include "support/killed_process.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>

namespace batchfit::test {

KilledProcess::KilledProcess(const std::function<void()>& action) {
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("cannot fork");
  if (pid_ > 0) return;
  action();
  ::_exit(1);
}

void KilledProcess::kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

SharedCounters::SharedCounters(int count) : count_(count) {
  void* memory = ::mmap(nullptr, sizeof(long) * static_cast<std::size_t>(count), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::runtime_error("cannot map shared memory");
  counters_ = static_cast<volatile long*>(memory);
}

SharedCounters::~SharedCounters() {
  ::munmap(const_cast<long*>(counters_), sizeof(long) * static_cast<std::size_t>(count_));
}

}  // namespace batchfit::test

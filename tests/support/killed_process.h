#pragma once

#include <sys/types.h>

#include <functional>

namespace batchfit::test {

/// Runs `action` in a process of its own until it is killed with SIGKILL. The action must not return.
class KilledProcess {
 public:
  explicit KilledProcess(const std::function<void()>& action);
  KilledProcess(const KilledProcess&) = delete;
  KilledProcess& operator=(const KilledProcess&) = delete;
  ~KilledProcess() { kill(); }

  void kill();

 private:
  pid_t pid_ = 0;
};

/// Memory that processes share: how many records each has been told are on the disk.
class SharedCounters {
 public:
  explicit SharedCounters(int count);
  SharedCounters(const SharedCounters&) = delete;
  SharedCounters& operator=(const SharedCounters&) = delete;
  ~SharedCounters();

  volatile long& operator[](int index) { return counters_[index]; }

 private:
  int count_;
  volatile long* counters_;
};

}  // namespace batchfit::test

#pragma once

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/descriptor.h"
#include "base/error.h"

namespace batchfit::video {

/// A program that bytes are read from or written to. Its other end is closed to it: stdin is empty where it
/// is not written to, and nothing of it reaches this process's stdout. It ends when its pipe is closed; the
/// destructor kills it where it has not. Every pipe closes when this process dies, and it with them.
class Child {
 public:
  enum class Pipe { from_its_stdout, to_its_stdin };

  /// `words` are the program and its arguments. unavailable error where it cannot be started.
  static Result<Child> start(const std::vector<std::string>& words, Pipe pipe);

  Child(Child&& other) noexcept;
  Child& operator=(Child&&) = delete;
  ~Child();

  /// Reads until `to` is full or its stdout ends; the number of bytes read.
  std::size_t read(std::span<std::byte> to);

  /// What one read gives, without waiting for more; 0 where its stdout has ended.
  std::size_t read_some(std::span<std::byte> to);

  /// Writes all pieces, one after the other. runtime error where it no longer reads.
  Result<void> write(std::span<const std::span<const std::byte>> pieces);

  void close_pipe() { pipe_.close(); }

  /// May be called from another thread.
  void kill() const;

  /// Closes the pipe and waits for the end. Empty where it exited with 0; else how it ended.
  std::string wait();

  /// What it wrote to stderr, or the last of it; whole once it has ended.
  std::string said() const;

  /// The last of that, on one line, for people.
  std::string last_words() const;

 private:
  struct Said {
    std::mutex mutex;
    std::string text;
    std::mutex reaping;  ///< its number is not another's while this is held
  };
  Child(pid_t pid, Descriptor pipe, Descriptor errors);
  static void listen(const Descriptor& errors, Said& said);

  pid_t pid_;
  Descriptor pipe_;
  std::unique_ptr<Said> said_;
  std::thread listener_;
};

/// All that a program writes to stdout and stderr, in this order; empty where it cannot be started.
std::string output_of(const std::vector<std::string>& words);

}  // namespace batchfit::video

#include "tensor_reader.h"

#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>
#include <fmt/core.h>
#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <thread>

#include "file_weights.h"

namespace batchfit {
namespace {

constexpr std::int64_t piece = 2 << 20;
/// One thread copies about 6 GB/s out of the page cache; a PCIe 5 slot takes 50.
constexpr int most_threads = 8;

int thread_count() {
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, most_threads);
}

/// Unmaps the pages that lie wholly in the bytes; they stay in the page cache.
void drop(const std::byte* from, std::int64_t size) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(from) + page - 1) / page * page;
  const auto end = (reinterpret_cast<std::uintptr_t>(from) + static_cast<std::uintptr_t>(size)) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

/// Calls `work(thread, index)` for each index below `count`, by several threads. The first exception is
/// thrown again here.
void share_out(std::int64_t count, int threads, const std::function<void(int, std::int64_t)>& work) {
  std::atomic<std::int64_t> next{0};
  std::exception_ptr failed;
  std::atomic<bool> has_failed{false};
  const auto run = [&](int thread) {
    try {
      for (std::int64_t i = next++; i < count && !has_failed; i = next++) work(thread, i);
    } catch (...) {
      if (!has_failed.exchange(true)) failed = std::current_exception();
    }
  };
  std::vector<std::thread> helpers;
  const auto helper_count = static_cast<int>(std::min<std::int64_t>(threads, count)) - 1;
  for (int i = 1; i <= helper_count; ++i) helpers.emplace_back(run, i);
  run(0);
  for (std::thread& helper : helpers) helper.join();
  if (failed) std::rethrow_exception(failed);
}

}  // namespace

TensorReader::TensorReader(at::Device device) : device_(device) {
  if (device.is_cuda()) {
    copy_ = cuda_copy(device, thread_count(), piece);
  } else {
    copy_ = [](int, const std::byte* from, std::int64_t size, std::byte* to) {
      std::memcpy(to, from, static_cast<std::size_t>(size));
    };
  }
}

at::Tensor TensorReader::read(const files::NamedTensor& stored) {
  const auto options = at::TensorOptions().device(device_).dtype(scalar_type_of(stored.type));
  const at::Tensor tensor = at::empty(stored.shape, options);
  read_into(stored.bytes, tensor);
  return tensor;
}

void TensorReader::read_into(files::ByteSpan bytes, const at::Tensor& out) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  TORCH_CHECK(out.is_contiguous() && static_cast<std::int64_t>(out.nbytes()) == size,
              "a tensor of other size than its bytes");
  if (size == 0) return;
  bytes_read_ += size;
  ::madvise(const_cast<std::byte*>(bytes.data()) -
                reinterpret_cast<std::uintptr_t>(bytes.data()) % static_cast<std::uintptr_t>(::getpagesize()),
            bytes.size(), MADV_WILLNEED);
  auto* to = static_cast<std::byte*>(out.mutable_data_ptr());
  const std::int64_t count = (size + piece - 1) / piece;
  const std::size_t first_hash = hashes_.size();
  hashes_.resize(first_hash + static_cast<std::size_t>(count));
  share_out(count, thread_count(), [&](int thread, std::int64_t i) {
    const std::byte* from = bytes.data() + i * piece;
    const std::int64_t length = std::min(piece, size - i * piece);
    hashes_[first_hash + static_cast<std::size_t>(i)] = XXH3_64bits(from, static_cast<std::size_t>(length));
    copy_(thread, from, length, to + i * piece);
    drop(from, length);
  });
}

void TensorReader::include(std::string_view text) {
  hashes_.push_back(XXH3_64bits(text.data(), text.size()));
}

std::string TensorReader::digest() const {
  return fmt::format("{:016x}", XXH3_64bits(hashes_.data(), hashes_.size() * sizeof(std::uint64_t)));
}

}  // namespace batchfit

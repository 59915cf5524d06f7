#include "video/frame_pool.h"

#include <gtest/gtest.h>

#include <thread>

#include "video/latencies.h"
#include "video/queue.h"

namespace batchfit::video {
namespace {

std::shared_ptr<std::byte> plain_memory(std::size_t bytes) {
  return {new std::byte[bytes], std::default_delete<std::byte[]>()};
}

TEST(FramePool, memory_is_used_again_and_more_than_the_most_is_waited_for) {
  int made = 0;
  FramePool pool(10, 2, [&](std::size_t bytes) {
    ++made;
    return plain_memory(bytes);
  });
  auto first = pool.lend(), second = pool.lend();
  const std::byte* bytes = first.get();
  std::thread returns([&] { first.reset(); });
  const auto third = pool.lend();  // not before the first is back
  returns.join();
  EXPECT_EQ(third.get(), bytes);
  EXPECT_EQ(made, 2);
}

TEST(FramePool, memory_can_be_made_ahead_up_to_the_most) {
  int made = 0;
  FramePool pool(10, 3, [&](std::size_t bytes) {
    ++made;
    return plain_memory(bytes);
  });
  pool.fill(2);
  EXPECT_EQ(made, 2);
  pool.fill(100);
  EXPECT_EQ(made, 3);
  EXPECT_NE(pool.lend(), nullptr);
  EXPECT_EQ(made, 3);
}

TEST(FramePool, closing_it_wakes_who_waits) {
  FramePool pool(10, 1, plain_memory);
  const auto lent = pool.lend();
  std::thread closes([&] { pool.close(); });
  EXPECT_EQ(pool.lend(), nullptr);
  closes.join();
}

TEST(Queue, what_is_left_comes_out_in_order_after_it_is_closed) {
  Queue<int> queue;
  queue.push(1);
  queue.push(2);
  queue.close();
  EXPECT_EQ(queue.pop(), 1);
  EXPECT_EQ(queue.pop(), 2);
  EXPECT_EQ(queue.pop(), std::nullopt);
}

TEST(Queue, a_deadline_ends_the_wait) {
  Queue<int> queue;
  EXPECT_EQ(queue.pop(Clock::now()), std::nullopt);
  queue.push(3);
  EXPECT_EQ(queue.pop(Clock::now()), 3);
}

TEST(Latencies, percentiles_are_right_within_two_percent) {
  Latencies latencies;
  EXPECT_EQ(latencies.percentile(0.5), std::nullopt);
  for (int i = 1; i <= 1000; ++i) latencies.add(i * 1e-4);
  EXPECT_NEAR(*latencies.percentile(0.5), 0.05, 0.001);
  EXPECT_NEAR(*latencies.percentile(0.95), 0.095, 0.002);
}

}  // namespace
}  // namespace batchfit::video

#include "forecast/recording.h"

#include <gmock/gmock.h>

#include <fstream>

#include "forecast/allocator_simulation.h"

namespace batchfit {
namespace {

const std::filesystem::path recordings = std::filesystem::path(BATCHFIT_TEST_DATA) / "allocator";

/// Replays every trace and returns how many were replayed.
int replay_all(const std::filesystem::path& path) {
  const auto recording = read_recording(path);
  EXPECT_TRUE(recording) << recording.error().text();
  int replayed = 0;
  for (const RecordedWorkload& workload : recording->workloads) {
    for (const auto& [trace, segments, blocks] : workload.traces) {
      SCOPED_TRACE(workload.name + " at batch " + std::to_string(trace.batch));
      for (const auto& addresses : {std::vector<std::int64_t>{}, segments}) {
        const AllocatorOutcome outcome = simulate(trace, std::nullopt, addresses);
        EXPECT_EQ(outcome.reserved_peak, trace.reserved_peak);
        EXPECT_EQ(outcome.allocated_peak, trace.allocated_peak);
        EXPECT_EQ(outcome.retries, 0);
      }
      ++replayed;
    }
  }
  return replayed;
}

TEST(Recording, every_eager_pass_is_replayed_to_the_byte) {
  EXPECT_EQ(replay_all(recordings / "h200-torch-2.11.json.gz"), 35);
}

TEST(Recording, every_capture_is_replayed_to_the_byte) {
  EXPECT_EQ(replay_all(recordings / "h200-torch-2.11-capture.json.gz"), 69);
}

TEST(Recording, every_block_of_a_capture_lies_where_the_allocator_put_it) {
  const auto recording = read_recording(recordings / "h200-torch-2.11-capture.json.gz");
  ASSERT_TRUE(recording);
  for (const RecordedWorkload& workload : recording->workloads) {
    for (const auto& [trace, segments, blocks] : workload.traces) {
      SCOPED_TRACE(workload.name + " at batch " + std::to_string(trace.batch));
      AllocatorSimulation allocator(Timing::graph);
      std::size_t segment = 0;
      std::vector<std::int64_t> addresses;
      for (const AllocationEvent& event : trace.events) {
        if (event.is_free) {
          allocator.release(event.block);
          continue;
        }
        const Bytes before = allocator.reserved();
        const auto next = segment < segments.size() ? std::optional(segments[segment]) : std::nullopt;
        addresses.push_back(allocator.allocate(event.block, event.bytes, next).value());
        if (allocator.reserved() > before) ++segment;
      }
      EXPECT_EQ(addresses, blocks);
      EXPECT_EQ(segment, segments.size());
    }
  }
}

TEST(Recording, a_journal_of_the_cache_is_replayed_to_the_byte) {
  const auto journals = std::filesystem::path(BATCHFIT_TEST_DATA) / "journals";
  EXPECT_EQ(replay_all(journals / "h100-resnet50-fp32-graph.jsonl.gz"), 24);
  EXPECT_EQ(replay_all(journals / "h100-vit_b_16-fp16-eager.jsonl.gz"), 21);
  const auto recording = read_recording(journals / "h100-resnet50-fp16-cl-eager.jsonl.gz");
  ASSERT_TRUE(recording);
  EXPECT_EQ(recording->device, "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(recording->workloads.front().name, "resnet50 fp16 channels-last, eager");
  EXPECT_EQ(recording->workloads.front().peaks.front().context, 798556160);
}

TEST(Recording, what_is_no_recording_is_an_error_that_names_the_file) {
  const auto path = std::filesystem::temp_directory_path() / "batchfit-no-recording.json";
  for (const char* text :
       {"", "{", "{\"format\":2}", "{\"format\":1,\"device\":\"d\",\"torch\":\"t\",\"workloads\":[1]}"}) {
    std::ofstream(path) << text;
    const auto recording = read_recording(path);
    ASSERT_FALSE(recording) << text;
    EXPECT_EQ(recording.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(recording.error().message, testing::HasSubstr("batchfit-no-recording"));
  }
  std::filesystem::remove(path);
  EXPECT_EQ(read_recording("/no/such/file").error().kind, ErrorKind::runtime);
}

}  // namespace
}  // namespace batchfit

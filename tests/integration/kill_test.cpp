// Processes that write a cache are killed with SIGKILL at random moments. BATCHFIT_KILLS sets how many
// moments (120).
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <random>

#include "facts/cache.h"
#include "facts/journal.h"
#include "facts/summary.h"
#include "support/facts.h"
#include "support/killed_process.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests

int kills() {
  const char* set = std::getenv("BATCHFIT_KILLS");
  return set != nullptr ? std::atoi(set) : 120;
}

/// A write takes some milliseconds, so kills within this fall into every part of a few of them.
constexpr int longest_life_us = 30'000;
/// Batches of one writer are numbered from here on, so that each record says whose it is.
constexpr Batch numbers_of_one = 1'000'000;

/// Appends records for ever, counts each once it is on the disk, and rewrites the summary after every third.
void write_for_ever(const std::filesystem::path& path, const Subject& subject, int writer,
                    volatile long& acknowledged) {
  Cache cache(path, [](const std::string&) { ::_exit(2); });
  cache.load(subject);
  for (;;) {
    const long next = acknowledged + 1;
    cache.append(subject, measured(writer * numbers_of_one + next));
    acknowledged = next;
    if (next % 3 == 0) cache.summarize(subject);
  }
}

/// Records that the writers have been told of.
long total(SharedCounters& acknowledged, int writers) {
  long sum = 0;
  for (int writer = 0; writer < writers; ++writer) sum += acknowledged[writer];
  return sum;
}

/// How often each batch was recorded; a killed writer may write the record in flight once more when it
/// resumes.
std::map<Batch, int> records_of(const Evidence& evidence) {
  std::map<Batch, int> counts;
  for (const Record& record : evidence.records()) ++counts[std::get<Observation>(record).batch];
  return counts;
}

class Kill : public testing::TestWithParam<int> {};

TEST_P(Kill, at_random_moments_loses_no_record_beyond_the_one_in_flight_and_leaves_a_valid_cache) {
  const int writers = GetParam();
  const TemporaryFolder folder;
  const auto path = folder / "cache.json";
  const Subject subject = subject_of();
  SharedCounters acknowledged(writers);
  std::mt19937 random(20'260'101);
  long in_flight = 0;
  long records = 0;
  for (int moment = 0; moment < kills(); ++moment) {
    {
      std::vector<std::unique_ptr<KilledProcess>> running;
      const long before = total(acknowledged, writers);
      for (int writer = 0; writer < writers; ++writer) {
        running.push_back(std::make_unique<KilledProcess>(
            [&, writer] { write_for_ever(path, subject, writer, acknowledged[writer]); }));
      }
      // Every other time all may be killed while they still open the cache; else one has written before.
      while (moment % 2 == 1 && total(acknowledged, writers) == before) ::usleep(200);
      for (int writer = 0; writer < writers; ++writer) {
        ::usleep(static_cast<useconds_t>(random() % longest_life_us));
        running[writer]->kill();
      }
    }
    Cache cache(path, [&](const std::string& text) { ADD_FAILURE() << "moment " << moment << ": " << text; });
    const auto counts = records_of(cache.load(subject));
    records = static_cast<long>(counts.size());
    for (int writer = 0; writer < writers; ++writer) {
      const Batch first = writer * numbers_of_one;
      for (long i = 1; i <= acknowledged[writer]; ++i) {
        ASSERT_TRUE(counts.contains(first + i)) << "lost record " << i << " of writer " << writer;
      }
      const long beyond = counts.contains(first + acknowledged[writer] + 1) ? 1 : 0;
      ASSERT_FALSE(counts.contains(first + acknowledged[writer] + 2));
      // It is on the disk though its writer did not live to know: a resumed run would find it.
      acknowledged[writer] = acknowledged[writer] + beyond;
      in_flight += beyond;
    }
    for (const auto& [batch, times] : counts)
      ASSERT_EQ(times, 1) << "batch " << batch << " was written twice";
    if (std::filesystem::exists(path)) {
      const auto summary = parse_json(bytes_of(path));
      ASSERT_TRUE(summary && check_summary(*summary)) << "moment " << moment;
    }
  }
  EXPECT_GE(records, kills() / 2) << "too little was written to be lost";
  EXPECT_TRUE(names_in(folder / "cache.d", "set-aside").empty());
  std::printf(
      "%d kills of %d writers: %ld records, %ld written whole by a writer that did not live to know\n",
      kills(), writers, records, in_flight);
}

INSTANTIATE_TEST_SUITE_P(Writers, Kill, testing::Values(1, 4),
                         [](const auto& writers) { return std::to_string(writers.param) + "_at_once"; });

}  // namespace
}  // namespace batchfit

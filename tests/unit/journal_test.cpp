#include "facts/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/facts.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  Result<JournalContent> read(const std::string& bytes) {
    write_bytes(path, bytes);
    return read_journal(path);
  }
  TemporaryFolder folder;
  const std::filesystem::path path = folder / "j.jsonl";
  const std::string header = journal_header(subject_of());
  const std::string one = journal_line(measured(1));
  const std::string two = journal_line(measured(2));
};

TEST_F(JournalTest, every_kind_of_record_comes_back_as_it_was_written) {
  Observation observation = measured(3).samples({0.1, 1.0 / 3, 1e-9}).own(5).cap(7);
  observation.memory.allocated_peak = 4;
  observation.alloc_retries = 1;
  observation.ooms = 0;
  observation.energy_j = 2.5;
  observation.conditions = {1980.0, 3201.0, 41.0, 350.5, {"power_cap"}, 1, 2};
  observation.started_at = 1763971200.123;
  observation.took = 0.25;
  Comparison comparison = test::compared(8, 2, 1);
  comparison.conditions.sm_clock_mhz = 1980;
  AllocationTrace trace;
  trace.batch = 2;
  trace.timing = Timing::graph;
  trace.segments_before = {{0x7f0000000000, true, {{512, -1}, {2096640, 0}}}};
  trace.events = {{1024, 1, false}, {0, -1, true}, {0, 1, true}};
  trace.reserved_peak = 2097152;
  const std::vector<Record> records{observation, comparison, trace, fault_of(4), out_of_memory(9).cap(1),
                                    failed(10)};
  std::string bytes = header;
  for (const Record& record : records) bytes += journal_line(record);
  const auto content = read(bytes);
  ASSERT_TRUE(content) << content.error().text();
  EXPECT_EQ(content->subject, subject_of());
  EXPECT_TRUE(content->damaged.empty());
  EXPECT_FALSE(content->torn);
  ASSERT_EQ(content->evidence.records().size(), records.size());
  for (std::size_t i = 0; i < records.size(); ++i) EXPECT_EQ(content->evidence.records()[i], records[i]) << i;
}

TEST_F(JournalTest, a_last_line_torn_at_any_byte_is_left_out_and_nothing_else) {
  for (std::size_t length = 1; length < two.size(); ++length) {
    const auto content = read(header + one + two.substr(0, length));
    ASSERT_TRUE(content) << length;
    EXPECT_TRUE(content->torn) << length;
    EXPECT_TRUE(content->damaged.empty()) << length;
    EXPECT_EQ(content->evidence.records().size(), 1U) << length;
  }
}

TEST_F(JournalTest, a_torn_last_line_is_cut_before_the_next_record_is_appended) {
  write_bytes(path, header + one + two.substr(0, two.size() - 1));
  ASSERT_TRUE(append_lines_durably(path, two, header));
  EXPECT_EQ(bytes_of(path), header + one + two);
}

TEST_F(JournalTest, a_torn_line_longer_than_a_block_is_cut_as_well) {
  write_bytes(path, header + one + std::string(100'000, 'x'));
  ASSERT_TRUE(append_lines_durably(path, two, header));
  EXPECT_EQ(bytes_of(path), header + one + two);
}

TEST_F(JournalTest, a_header_torn_anywhere_is_written_again_with_the_next_record) {
  for (std::size_t length = 0; length < header.size(); length += 1 + header.size() / 10) {
    const auto content = read(header.substr(0, length));
    ASSERT_TRUE(content) << length;
    EXPECT_FALSE(content->subject) << length;
    ASSERT_TRUE(append_lines_durably(path, one, header));
    EXPECT_EQ(bytes_of(path), header + one) << length;
  }
}

TEST_F(JournalTest, a_damaged_middle_line_is_named_and_the_lines_around_it_are_kept) {
  for (const std::string damage :
       {"\n", "garbage\n", "{}\n", "[]\n", "{\"record\":\"dream\"}\n", "\xff\xfe\n"}) {
    const auto content = read(header + one + damage + two);
    ASSERT_TRUE(content) << damage;
    EXPECT_EQ(content->damaged.size(), 1U) << damage;
    EXPECT_EQ(content->evidence.observed(), (std::vector<Batch>{1, 2})) << damage;
  }
}

TEST_F(JournalTest, another_format_or_version_or_no_header_is_corrupt_and_named) {
  const std::string foreign = R"({"format":"batchfit-journal","version":2,"subject":{}})";
  for (const std::string& first :
       {foreign, std::string(R"({"format":"x","version":1})"), std::string("hello"),
        std::string(R"({"format":"batchfit-journal","version":1})"), std::string()}) {
    const auto content = read(first + "\n" + one);
    ASSERT_FALSE(content) << first;
    EXPECT_EQ(content.error().kind, ErrorKind::corrupt) << first;
    EXPECT_THAT(content.error().message, HasSubstr(path.string()));
  }
  EXPECT_THAT(read(foreign + "\n").error().message, HasSubstr("version 2"));
}

TEST_F(JournalTest, its_name_is_for_people_and_safe_in_a_folder) {
  EXPECT_EQ(journal_name(subject_of()), "resnet50-fp16-graph-" + key_of(subject_of()) + ".jsonl");
  const std::string name = journal_name(subject_of("../a b/\n" + std::string(500, 'x')));
  EXPECT_EQ(name.find_first_of("/ \n"), std::string::npos);
  EXPECT_LT(name.size(), 100U);
}

}  // namespace
}  // namespace batchfit

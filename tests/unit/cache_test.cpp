#include "facts/cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "facts/journal.h"
#include "facts/lock.h"
#include "facts/summary.h"
#include "support/facts.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

class CacheTest : public testing::Test {
 protected:
  Cache open() {
    return Cache(path, [this](const std::string& text) { warnings.push_back(text); });
  }
  void write_journal(const std::string& bytes) { write_bytes(journal, bytes); }
  std::vector<Batch> remembered() { return open().load(subject).observed(); }
  std::vector<std::string> aside() { return names_in(journal.parent_path(), ".set-aside-"); }

  TemporaryFolder folder;
  const Subject subject = subject_of();
  const fs::path path = folder / "cache.json";
  const fs::path journal = folder / "cache.d" / journal_name(subject);
  std::vector<std::string> warnings;
};

TEST_F(CacheTest, what_was_appended_is_there_for_the_next_run_in_the_order_it_came) {
  {
    Cache cache = open();
    EXPECT_TRUE(cache.load(subject).empty());
    for (const Record& record : {Record(measured(4)), Record(fault_of(2)), Record(measured(1))}) {
      cache.append(subject, record);
    }
  }
  const Evidence evidence = open().load(subject);
  ASSERT_EQ(evidence.records().size(), 3U);
  EXPECT_EQ(evidence.records()[0], Record(measured(4)));
  EXPECT_EQ(evidence.records()[1], Record(fault_of(2)));
  EXPECT_TRUE(open().load(subject_of("vit_b_16")).empty());
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, two_runs_that_append_in_turn_share_one_journal) {
  Cache one = open(), other = open();
  one.append(subject, measured(1));
  other.append(subject, measured(2));
  one.append(subject, measured(3));
  EXPECT_THAT(remembered(), ElementsAre(1, 2, 3));
}

TEST_F(CacheTest, a_crash_while_the_header_was_written_loses_no_record_of_others) {
  Cache other = open();
  write_journal(journal_header(subject).substr(0, 40));
  EXPECT_TRUE(other.load(subject).empty());
  other.append(subject, measured(1));
  EXPECT_THAT(remembered(), ElementsAre(1));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, a_foreign_journal_is_set_aside_byte_for_byte_and_a_new_one_begun) {
  const std::string foreign = "{\"format\":\"batchfit-journal\",\"version\":99,\"subject\":{}}\nprecious\n";
  write_journal(foreign);
  Cache cache = open();
  EXPECT_TRUE(cache.load(subject).empty());
  cache.append(subject, measured(1));
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(bytes_of(journal.parent_path() / aside()[0]), foreign);
  EXPECT_THAT(remembered(), ElementsAre(1));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("set-aside-1")));
}

TEST_F(CacheTest, a_journal_of_another_subject_is_set_aside) {
  write_journal(journal_header(subject_of("vit_b_16")) + journal_line(measured(1)));
  EXPECT_THAT(remembered(), IsEmpty());
  EXPECT_EQ(aside().size(), 1U);
}

TEST_F(CacheTest, a_damaged_line_costs_itself_alone_and_the_damaged_file_is_kept) {
  const std::string damaged =
      journal_header(subject) + journal_line(measured(1)) + "{\"rec\n" + journal_line(measured(2));
  write_journal(damaged);
  EXPECT_THAT(remembered(), ElementsAre(1, 2));
  ASSERT_EQ(aside().size(), 1U);
  EXPECT_EQ(bytes_of(journal.parent_path() / aside()[0]), damaged);
  EXPECT_EQ(warnings.size(), 1U);
  EXPECT_THAT(remembered(), ElementsAre(1, 2));
  EXPECT_EQ(aside().size(), 1U) << "the mended journal was set aside again";
}

TEST_F(CacheTest, files_set_aside_before_are_never_replaced) {
  for (int i = 0; i < 3; ++i) {
    write_journal("rubbish " + std::to_string(i) + "\n");
    EXPECT_THAT(remembered(), IsEmpty());
  }
  ASSERT_EQ(aside().size(), 3U);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bytes_of(journal.parent_path() / aside()[static_cast<std::size_t>(i)]),
              "rubbish " + std::to_string(i) + "\n");
  }
}

TEST_F(CacheTest, a_subject_whose_names_are_no_utf8_keeps_its_journal) {
  Subject odd = subject;
  odd.device.name = "card \xff";
  open().append(odd, measured(1));
  EXPECT_THAT(open().load(odd).observed(), ElementsAre(1));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, the_summary_says_what_was_measured) {
  Cache cache = open();
  cache.append(subject, measured(4).samples({0.002, 0.001, 0.004}).own(1000));
  cache.append(subject, out_of_memory(8).cap(2000));
  cache.summarize(subject);
  const Json summary = Json::parse(bytes_of(path));
  EXPECT_TRUE(check_summary(summary));
  const Json& workload = summary["devices"][0]["workloads"][0];
  EXPECT_EQ(workload["key"], key_of(subject));
  EXPECT_EQ(workload["journal"], journal_name(subject));
  const Json& batches = workload["batches"];
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0]["latency_s"], 0.002);
  EXPECT_EQ(batches[0]["latency_min_s"], 0.001);
  EXPECT_EQ(batches[0]["latency_max_s"], 0.004);
  EXPECT_EQ(batches[0]["samples"], 3);
  EXPECT_EQ(batches[0]["throughput_per_s"], 2000);
  EXPECT_EQ(batches[0]["own_memory_bytes"], 1000);
  EXPECT_EQ(batches[1]["outcome"], "out_of_memory");
  EXPECT_EQ(batches[1]["cap_bytes"], 2000);
  EXPECT_FALSE(batches[1].contains("latency_s"));
}

TEST_F(CacheTest, a_summary_holds_every_workload_once_under_its_device) {
  Cache cache = open();
  Subject elsewhere = subject;
  elsewhere.device.name = "another card";
  for (const Subject& each : {subject, subject_of("vit_b_16"), elsewhere, subject}) {
    cache.append(each, measured(1));
    cache.summarize(each);
  }
  const Json summary = cache.summary();
  ASSERT_EQ(summary["devices"].size(), 2U);
  EXPECT_EQ(summary["devices"][0]["workloads"].size(), 2U);
  EXPECT_EQ(summary["devices"][1]["workloads"].size(), 1U);
}

TEST_F(CacheTest, a_summary_is_made_from_all_that_the_journal_holds_and_not_from_what_one_run_knows) {
  Cache one = open(), other = open();
  one.append(subject, measured(1));
  other.append(subject, measured(2));
  one.summarize(subject);
  EXPECT_EQ(one.summary()["devices"][0]["workloads"][0]["batches"].size(), 2U);
}

TEST_F(CacheTest, a_lost_summary_is_made_again_from_the_journals) {
  Cache cache = open();
  for (const Subject& each : {subject, subject_of("vit_b_16")}) {
    cache.append(each, measured(1));
    cache.summarize(each);
  }
  const Json before = cache.summary();
  fs::remove(path);
  EXPECT_EQ(open().summary(), before);
  cache.summarize(subject);
  EXPECT_EQ(Json::parse(bytes_of(path)), before);
}

TEST_F(CacheTest, a_damaged_or_foreign_summary_is_set_aside_and_made_again_from_the_journals) {
  open().append(subject, measured(1));
  open().summarize(subject);
  const std::string good = bytes_of(path);
  const std::string late_damage = std::string(good).replace(good.find("\"batches\""), 9, "\"botches\"");
  const std::string misshapen =
      "{\"format\": \"batchfit-cache\", \"version\": 1, \"devices\": [{\"device\":1,\"workloads\":[1]}]}\n";
  int set_aside = 0;
  for (const std::string& bad :
       {std::string(), std::string("garbage"), good.substr(0, good.size() / 2),
        std::string("{\"format\": \"batchfit-cache\", \"version\": 2, \"devices\": []}\n"),
        std::string("{\"mine\": 1}\n"), late_damage, misshapen}) {
    warnings.clear();
    write_bytes(path, bad);
    Cache cache = open();
    cache.summarize(subject);
    EXPECT_EQ(bytes_of(path), good) << bad;
    ++set_aside;
    EXPECT_EQ(bytes_of(path.string() + ".set-aside-" + std::to_string(set_aside)), bad);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("set-aside-" + std::to_string(set_aside)))) << bad;
  }
}

TEST_F(CacheTest, nothing_of_a_write_is_left_but_the_file) {
  open().append(subject, measured(1));
  open().summarize(subject);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("cache.d", "cache.json"));
  EXPECT_THAT(names_in(folder / "cache.d"), ElementsAre("lock", journal_name(subject)));
}

TEST_F(CacheTest, a_workload_of_which_nothing_was_measured_stops_no_other) {
  Cache cache = open();
  cache.summarize(subject);
  cache.append(subject_of("vit_b_16"), measured(1));
  EXPECT_THAT(open().load(subject_of("vit_b_16")).observed(), ElementsAre(1));
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, a_refresh_forgets_one_workload_and_keeps_its_old_journal_aside) {
  Cache cache = open();
  cache.append(subject, measured(1));
  cache.append(subject_of("vit_b_16"), measured(1));
  const std::string old = bytes_of(journal);
  cache.refresh(subject);
  EXPECT_THAT(remembered(), IsEmpty());
  EXPECT_THAT(open().load(subject_of("vit_b_16")).observed(), ElementsAre(1));
  cache.append(subject, measured(2));
  EXPECT_THAT(remembered(), ElementsAre(2));
  EXPECT_EQ(bytes_of(journal.string() + ".set-aside-1"), old);
}

TEST_F(CacheTest, without_a_path_nothing_is_read_or_written) {
  Cache cache(std::nullopt, [this](const std::string& text) { warnings.push_back(text); });
  cache.append(subject, measured(1));
  cache.refresh(subject);
  cache.summarize(subject);
  EXPECT_TRUE(cache.load(subject).empty());
  EXPECT_TRUE(cache.clear());
  EXPECT_EQ(cache.summary(), empty_summary());
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, a_cache_of_any_name_has_a_folder_of_its_own) {
  for (const char* name : {"a.json", "b.x", "b.y", "c.d", "d"}) {
    Cache cache(folder / name, [this](const std::string& text) { warnings.push_back(text); });
    EXPECT_TRUE(cache.load(subject).empty()) << name;
    cache.append(subject, measured(1));
    cache.summarize(subject);
    EXPECT_EQ(cache.summary()["devices"].size(), 1U) << name;
  }
  EXPECT_THAT(warnings, IsEmpty());
}

TEST_F(CacheTest, clearing_removes_it_and_waits_for_whoever_writes) {
  Cache cache = open();
  cache.append(subject, measured(1));
  cache.summarize(subject);
  ASSERT_TRUE(cache.clear());
  EXPECT_THAT(names_in(folder.path()), IsEmpty());
  cache.append(subject, measured(2));
  EXPECT_THAT(remembered(), ElementsAre(2));
}

TEST_F(CacheTest, a_path_that_cannot_be_looked_at_is_a_warning_and_no_exception) {
  for (const fs::path& bad :
       {folder / std::string(300, 'x'), fs::path("/proc/none/cache.json"), folder / "f/c.json"}) {
    write_bytes(folder / "f", "a file, no folder");
    warnings.clear();
    Cache cache(bad, [this](const std::string& text) { warnings.push_back(text); });
    EXPECT_TRUE(cache.load(subject).empty());
    cache.append(subject, measured(1));
    cache.append(subject, measured(2));
    cache.summarize(subject);
    EXPECT_FALSE(warnings.empty()) << bad;
    EXPECT_LE(warnings.size(), 2U) << bad << ": once for reading, once for writing";
  }
}

/// Without root's right to write anywhere, where the test has it.
class Unprivileged {
 public:
  Unprivileged() {
    if (was_root_ && ::seteuid(nobody) != 0) ADD_FAILURE() << "cannot give root's rights up";
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;
  ~Unprivileged() {
    if (was_root_ && ::seteuid(0) != 0) ADD_FAILURE() << "cannot take root's rights back";
  }

 private:
  static constexpr uid_t nobody = 65534;
  bool was_root_ = ::geteuid() == 0;
};

TEST_F(CacheTest, a_cache_that_cannot_be_written_is_read_and_warned_of_once) {
  open().append(subject, measured(1));
  open().summarize(subject);
  const std::string before = bytes_of(journal);
  for (const fs::path& each : {folder.path(), folder / "cache.d"}) fs::permissions(each, fs::perms(0555));
  {
    const Unprivileged user;
    Cache cache = open();
    EXPECT_THAT(cache.load(subject).observed(), ElementsAre(1));
    EXPECT_EQ(cache.summary()["devices"].size(), 1U);
    cache.append(subject, measured(2));
    cache.append(subject, measured(3));
    cache.summarize(subject);
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("the cache is not written")));
    cache.refresh(subject);
    EXPECT_TRUE(cache.load(subject).empty())
        << "what the user asked to measure again was answered from the cache";
  }
  fs::permissions(folder / "cache.d", fs::perms(0755));
  EXPECT_EQ(bytes_of(journal), before);
}

TEST_F(CacheTest, a_damaged_cache_that_cannot_be_mended_still_gives_its_good_records) {
  write_journal(journal_header(subject) + journal_line(measured(1)) + "x\n" + journal_line(measured(2)));
  write_bytes(path, "garbage");
  for (const fs::path& each : {folder.path(), folder / "cache.d"}) fs::permissions(each, fs::perms(0555));
  {
    const Unprivileged user;
    EXPECT_THAT(remembered(), ElementsAre(1, 2));
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("the cache is not written")));
  }
  fs::permissions(folder / "cache.d", fs::perms(0755));
}

TEST_F(CacheTest, a_lock_that_is_never_given_up_costs_the_cache_and_not_the_run) {
  open().append(subject, measured(1));
  const auto lock = FileLock::acquire(folder / "cache.d" / "lock", 0);
  ASSERT_TRUE(lock);
  Cache cache(
      path, [this](const std::string& text) { warnings.push_back(text); }, 0.01);
  EXPECT_THAT(cache.load(subject).observed(), ElementsAre(1));
  cache.append(subject, measured(2));
  cache.append(subject, measured(3));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("is locked by process " + std::to_string(::getpid()))));
}

TEST_F(CacheTest, records_of_four_processes_at_once_are_all_kept_in_each_ones_order) {
  constexpr int writers = 4, records = 200;
  for (int writer = 0; writer < writers; ++writer) {
    if (::fork() != 0) continue;
    bool warned = false;
    Cache cache(path, [&](const std::string&) { warned = true; });
    for (int i = 0; i < records; ++i) cache.append(subject, measured(writer * records + i + 1));
    ::_exit(warned ? 1 : 0);
  }
  for (int writer = 0; writer < writers; ++writer) {
    int status = 0;
    ::wait(&status);
    EXPECT_EQ(status, 0);
  }
  const auto content = read_journal(journal);
  ASSERT_TRUE(content);
  EXPECT_TRUE(content->damaged.empty());
  ASSERT_EQ(content->evidence.records().size(), static_cast<std::size_t>(writers * records));
  std::vector<Batch> last(writers, 0);
  for (const Batch batch : content->evidence.observed_in_order()) {
    Batch& before = last[static_cast<std::size_t>((batch - 1) / records)];
    EXPECT_LT(before, batch);
    before = batch;
  }
}

TEST_F(CacheTest, runs_that_mend_one_journal_at_once_lose_no_record_of_each_other) {
  constexpr int rounds = 20, runs = 4;
  for (int round = 0; round < rounds; ++round) {
    write_journal(journal_header(subject) + journal_line(measured(1)) + "damage\n" +
                  journal_line(measured(2)));
    for (int run = 0; run < runs; ++run) {
      if (::fork() != 0) continue;
      Cache cache(path, [](const std::string&) {});
      cache.load(subject);
      cache.append(subject, measured(10 + run));
      ::_exit(0);
    }
    for (int run = 0; run < runs; ++run) ::wait(nullptr);
    ASSERT_THAT(remembered(), ElementsAre(1, 2, 10, 11, 12, 13)) << round;
  }
}

TEST_F(CacheTest, a_stamp_gives_back_the_subject_of_its_request_and_of_no_other) {
  Cache cache = open();
  const Json request = {{"model", "resnet50"}, {"device", "cuda:0"}};
  EXPECT_FALSE(cache.stamped(request));
  cache.stamp(request, {subject, {"weights: random"}});
  EXPECT_EQ(open().stamped(request)->subject, subject);
  EXPECT_EQ(open().stamped(request)->notes, std::vector<std::string>{"weights: random"});
  EXPECT_FALSE(cache.stamped({{"model", "resnet50"}, {"device", "cuda:1"}}));
  cache.stamp(request, {subject_of("vit_b_16"), {}});
  EXPECT_EQ(cache.stamped(request)->subject, subject_of("vit_b_16"));
}

TEST_F(CacheTest, a_damaged_stamp_is_as_good_as_none) {
  Cache cache = open();
  const Json request = {{"model", "resnet50"}};
  cache.stamp(request, {subject, {}});
  const fs::path stamp = folder / "cache.d" / "stamps" / names_in(folder / "cache.d" / "stamps")[0];
  const std::string good = bytes_of(stamp);
  for (const std::string& bad : {std::string(), std::string("[]"), good.substr(0, good.size() / 2),
                                 std::string(R"({"request":{"model":"resnet50"},"subject":{}})")}) {
    write_bytes(stamp, bad);
    EXPECT_FALSE(cache.stamped(request)) << bad;
  }
}

}  // namespace
}  // namespace batchfit

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include "facts/cache.h"
#include "facts/journal.h"
#include "support/facts.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::ElementsAre;
using testing::HasSubstr;

/// No file of this process may grow beyond `bytes`: writes come back short, then fail, as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    ::signal(SIGXFSZ, handler_);
  }

 private:
  sighandler_t handler_;
  rlimit before_{};
};

TEST(FullDisk, the_old_files_stay_whole_and_the_run_goes_on_after_one_warning) {
  const TemporaryFolder folder;
  const Subject subject = subject_of();
  std::vector<std::string> warnings;
  const auto warn = [&](const std::string& text) { warnings.push_back(text); };
  Cache(folder / "c.json", warn).append(subject, measured(1));
  Cache(folder / "c.json", warn).summarize(subject);
  const auto journal = folder / "c.d" / journal_name(subject);
  const std::string records = bytes_of(journal);
  const std::string summary = bytes_of(folder / "c.json");
  ASSERT_GT(summary.size(), 200U);

  // Room for any part of the next record, so that it is cut anywhere.
  const std::size_t next = journal_line(measured(2)).size();
  for (std::size_t room = 0; room < next; room += 7) {
    warnings.clear();
    {
      const FullDisk disk(records.size() + room);
      Cache cache(folder / "c.json", warn);
      EXPECT_THAT(cache.load(subject).observed(), ElementsAre(1));
      cache.append(subject, measured(2));
      cache.append(subject, measured(3));
    }
    EXPECT_EQ(bytes_of(journal), records) << room;
    EXPECT_THAT(warnings, ElementsAre(HasSubstr("the cache is not written"))) << room;
  }
  {
    const FullDisk disk(summary.size() / 2);
    Cache(folder / "c.json", warn).summarize(subject);
  }
  EXPECT_EQ(bytes_of(folder / "c.json"), summary);
  EXPECT_THAT(names_in(folder.path()), ElementsAre("c.d", "c.json"));
}

TEST(FullDisk, a_journal_that_could_not_be_begun_is_begun_when_there_is_room) {
  const TemporaryFolder folder;
  const Subject subject = subject_of();
  {
    const FullDisk disk(50);
    Cache(folder / "c.json", [](const std::string&) {}).append(subject, measured(1));
  }
  Cache cache(folder / "c.json", [](const std::string& text) { ADD_FAILURE() << text; });
  EXPECT_TRUE(cache.load(subject).empty());
  cache.append(subject, measured(1));
  EXPECT_THAT(cache.load(subject).observed(), ElementsAre(1));
}

TEST(FullDisk, a_damaged_journal_that_cannot_be_copied_stays_where_it_is) {
  const TemporaryFolder folder;
  const Subject subject = subject_of();
  const auto journal = folder / "c.d" / journal_name(subject);
  const std::string damaged = journal_header(subject) + journal_line(measured(1)) + "x\n";
  write_bytes(journal, damaged);
  const FullDisk disk(damaged.size() / 2);
  Cache cache(folder / "c.json", [](const std::string&) {});
  EXPECT_THAT(cache.load(subject).observed(), ElementsAre(1));
  EXPECT_EQ(bytes_of(journal), damaged);
  EXPECT_THAT(names_in(folder / "c.d", "set-aside"), testing::IsEmpty());
}

}  // namespace
}  // namespace batchfit

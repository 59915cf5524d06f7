#include "tune/forecast_batches.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/forecast_table.h"
#include "support/facts.h"
#include "support/temporary_folder.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::AllOf;
using testing::ElementsAre;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Lt;
using testing::Optional;

/// A device of 16 GiB on which a batch takes 1 GiB and 256 MiB an item; it notes what it is asked to run.
class StubWorker : public Worker {
 public:
  std::vector<Record> run(const Probe& probe) override {
    const Batch batch = batch_of(probe);
    ran.push_back(batch);
    if (batch == crashing) return {fault_of(batch)};
    return {measured(batch).own(gibibyte + batch * 256 * mebibyte)};
  }
  Environment environment() override { return {16 * gibibyte, others}; }
  void set_cap(std::optional<Bytes> cap) override { caps.push_back(cap); }

  Batch crashing = 0;
  Bytes others = 0;
  std::vector<Batch> ran;
  std::vector<std::optional<Bytes>> caps;
};

class ForecastBatches : public testing::Test {
 protected:
  std::vector<ForecastedBatch> run(const std::vector<Batch>& batches) {
    Cache cache(folder_.path() / "cache.json", [](const std::string&) {});
    return forecast_batches({subject_, limits_, batches, {}, {}}, worker_, cache);
  }

  TemporaryFolder folder_;
  Subject subject_ = subject_of();
  Limits limits_{MemoryShare{0.9}, NoLimit{}};
  StubWorker worker_;
};

TEST_F(ForecastBatches, each_is_forecast_from_those_before_it_and_then_measured) {
  const auto batches = run({1, 2, 4, 8});
  EXPECT_THAT(worker_.ran, ElementsAre(1, 2, 4, 8));
  EXPECT_FALSE(batches[0].forecast) << "nothing is known yet";
  EXPECT_EQ(batches[3].forecast->basis, Basis::peaks);
  EXPECT_EQ(batches[3].measured(), 3 * gibibyte);
  EXPECT_NEAR(*batches[3].error(), 0, 0.001);
  EXPECT_EQ(batches[3].inside(), true);
}

TEST_F(ForecastBatches, a_batch_beyond_the_limit_is_not_run) {
  const auto batches = run({1, 2, 4, 8, 512});
  EXPECT_THAT(worker_.ran, ElementsAre(1, 2, 4, 8));
  EXPECT_EQ(batches[4].beyond, limits_.own_memory(worker_.environment()));
  EXPECT_THAT(batches[4].records, IsEmpty());
  EXPECT_FALSE(batches[4].error());
}

TEST_F(ForecastBatches, what_the_cache_knows_is_forecast_all_the_same_and_not_run_again) {
  const auto first = run({1, 2, 4});
  worker_.ran.clear();
  const auto second = run({1, 2, 4});
  EXPECT_THAT(worker_.ran, IsEmpty());
  EXPECT_TRUE(second[2].from_cache);
  EXPECT_EQ(second[2].forecast->own, first[2].forecast->own);
  EXPECT_NE(second[2].forecast->basis, Basis::measured);
}

TEST_F(ForecastBatches, a_worker_that_is_lost_is_tried_three_times_and_the_next_batch_goes_on) {
  worker_.crashing = 2;
  const auto batches = run({1, 2, 4});
  EXPECT_THAT(worker_.ran, ElementsAre(1, 2, 2, 2, 4));
  EXPECT_FALSE(batches[1].measured());
  EXPECT_TRUE(batches[2].measured());
}

TEST_F(ForecastBatches, beside_a_neighbour_the_worker_is_capped_just_above_the_limit) {
  worker_.others = 4 * gibibyte;
  run({1});
  const Bytes limit = limits_.own_memory(worker_.environment()).value();
  EXPECT_THAT(worker_.caps, ElementsAre(Optional(AllOf(Gt(limit), Lt(limit + 32 * mebibyte)))));
}

TEST_F(ForecastBatches, the_table_and_the_export_say_what_was_measured_and_what_was_left) {
  ForecastRun made;
  made.subject = subject_;
  made.batches = run({1, 2, 4, 8, 512});
  const std::string table = render_forecasts(made);
  EXPECT_THAT(table, HasSubstr("3.00 GiB"));
  EXPECT_THAT(table, HasSubstr("over the limit's 14.4 GiB"));
  EXPECT_THAT(table, HasSubstr("3 of 3 inside the interval"));
  const Json json = Json::parse(export_forecasts_json(made));
  EXPECT_EQ(json["batches"][3]["own_bytes"], 3 * gibibyte);
  EXPECT_FALSE(json["batches"][0].contains("forecast"));
  EXPECT_TRUE(json["batches"][4].contains("beyond_bytes"));
}

}  // namespace
}  // namespace batchfit

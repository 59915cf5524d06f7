// Parts of the libtorch worker that decide without running a model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "device_ledger.h"
#include "handler.h"
#include "models/model.h"
#include "requests.h"
#include "sampling.h"

namespace batchfit {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

/// A pass that takes 1, 2, 3, … seconds and writes down its runs.
class CountingPass : public Pass {
 public:
  explicit CountingPass(std::string* log = nullptr, std::string name = "")
      : log_(log), name_(std::move(name)) {}
  void run() override { write(name_ + "u "); }
  Seconds timed() override {
    write(name_ + "t ");
    return ++timed_;
  }

 private:
  void write(const std::string& what) {
    if (log_ != nullptr) *log_ += what;
  }
  std::string* log_;
  std::string name_;
  int timed_ = 0;
};

TEST(Sampling, samples_stop_between_the_bounds_once_the_seconds_are_spent) {
  CountingPass least, some, most;
  EXPECT_THAT(take_samples(least, {2, 9, 0.5}), ElementsAre(1, 2));
  EXPECT_THAT(take_samples(some, {2, 9, 5.5}), ElementsAre(1, 2, 3));
  EXPECT_THAT(take_samples(most, {2, 4, 1000}), ElementsAre(1, 2, 3, 4));
}

TEST(Sampling, an_untimed_run_comes_first) {
  std::string log;
  CountingPass pass(&log);
  take_samples(pass, {2, 2, 0});
  EXPECT_EQ(log, "u t t ");
}

TEST(Sampling, each_timed_run_of_a_pair_follows_an_untimed_one_of_the_same_batch) {
  std::string log;
  CountingPass reference(&log, "r"), candidate(&log, "c");
  const auto pairs = take_pairs(reference, candidate, {true, false});
  EXPECT_EQ(log, "ru rt cu ct cu ct ru rt ");
  EXPECT_THAT(pairs, ElementsAre(Comparison::Pair{1, 1, true}, Comparison::Pair{2, 2, false}));
}

TEST(Sampling, the_order_of_pairs_follows_from_the_seed_and_favours_neither) {
  EXPECT_EQ(draw_order(50, 7), draw_order(50, 7));
  EXPECT_NE(draw_order(50, 7), draw_order(50, 8));
  // 1000 fair coins: six standard deviations are 95.
  const auto order = draw_order(1000, 1);
  EXPECT_NEAR(std::count(order.begin(), order.end(), true), 500, 95);
}

TEST(DeviceLedger, what_was_there_before_our_context_is_others) {
  DeviceLedger ledger(3 * gibibyte);
  EXPECT_FALSE(ledger.others());
  ledger.context_made(3 * gibibyte + 500 * mebibyte);
  EXPECT_EQ(ledger.context(), 500 * mebibyte);
  EXPECT_EQ(ledger.others(), 3 * gibibyte);
}

TEST(DeviceLedger, a_change_while_we_were_idle_is_anothers_and_a_small_one_while_we_ran_is_ours) {
  DeviceLedger ledger(0);
  ledger.context_made(500 * mebibyte);
  ledger.was_running(700 * mebibyte);
  EXPECT_EQ(ledger.context(), 700 * mebibyte);
  ledger.was_idle(2700 * mebibyte);
  EXPECT_EQ(ledger.context(), 700 * mebibyte);
  EXPECT_EQ(ledger.others(), 2000 * mebibyte);
  ledger.was_running(2650 * mebibyte);
  EXPECT_EQ(ledger.context(), 650 * mebibyte);
  EXPECT_EQ(ledger.others(), 2000 * mebibyte);
}

TEST(DeviceLedger, a_large_growth_while_we_ran_is_anothers) {
  DeviceLedger ledger(0);
  ledger.context_made(500 * mebibyte);
  ledger.was_running(10 * gibibyte);
  EXPECT_EQ(ledger.context(), 500 * mebibyte);
  EXPECT_EQ(ledger.others(), 10 * gibibyte - 500 * mebibyte);
}

TEST(DeviceLedger, without_a_first_reading_neither_part_is_known) {
  DeviceLedger ledger(std::nullopt);
  ledger.context_made(gibibyte);
  ledger.was_idle(2 * gibibyte);
  ledger.was_running(2 * gibibyte);
  EXPECT_FALSE(ledger.context());
  EXPECT_FALSE(ledger.others());
}

TEST(MostReservable, it_is_what_is_free_and_ours_less_a_margin_or_the_cap_less_the_context) {
  EXPECT_EQ(most_reservable(10 * gibibyte, gibibyte, std::nullopt, gibibyte), 11 * gibibyte - 512 * mebibyte);
  EXPECT_EQ(most_reservable(10 * gibibyte, gibibyte, 4 * gibibyte, gibibyte), 3 * gibibyte);
  EXPECT_EQ(most_reservable(gibibyte, 0, 4 * gibibyte, gibibyte), 512 * mebibyte);
  EXPECT_EQ(most_reservable(0, 0, std::nullopt, std::nullopt), 0);
}

TEST(Requests, a_load_names_the_field_that_is_wrong) {
  const auto message = [](const char* text) { return load_request(Json::parse(text)).error().message; };
  EXPECT_THAT(message(R"({"device":"cpu"})"), HasSubstr("model"));
  EXPECT_THAT(message(R"({"device":"cpu","model":"m","timing":"slow"})"), HasSubstr("timing"));
  EXPECT_THAT(message(R"({"device":"cpu","model":"m","threads":0})"), HasSubstr("threads"));
  EXPECT_THAT(message(R"({"device":"cpu","model":"m","tf32":1})"), HasSubstr("tf32"));
  EXPECT_THAT(message(R"({"device":"cpu","model":"m","inputs":[{"shape":[0]}]})"), HasSubstr("input"));
}

TEST(Requests, a_probe_needs_a_batch_and_bounds_in_order) {
  EXPECT_FALSE(probe_request(Json::parse(R"({"batch":0})")));
  EXPECT_FALSE(probe_request(Json::parse(R"({"batch":1,"min_samples":9,"max_samples":3})")));
  EXPECT_FALSE(compare_request(Json::parse(R"({"reference":1,"candidate":2,"pairs":0})")));
  const auto probe = probe_request(Json::parse(R"({"batch":8,"cap_bytes":1000})"));
  ASSERT_TRUE(probe);
  EXPECT_EQ(probe->batch, 8);
  EXPECT_EQ(probe->cap, 1000);
}

TEST(Handler, cuda_devices_are_numbered_from_0) {
  EXPECT_EQ(cuda_index("cuda"), 0);
  EXPECT_EQ(cuda_index("cuda:12"), 12);
  for (const char* name : {"cuda:", "cuda:-1", "cuda:1x", "cudax", "gpu"})
    EXPECT_FALSE(cuda_index(name)) << name;
}

class SilentCall : public Call {
 public:
  void progress(const Json&) override {}
  bool stop_asked() const override { return false; }
};

TEST(Handler, hello_lists_the_models_and_touches_no_device) {
  TorchHandler handler;
  SilentCall call;
  const auto reply = handler.handle("hello", Json{{"protocol", 1}}, call);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->at("protocol"), 1);
  EXPECT_EQ(reply->at("models").size(), models().size());
  EXPECT_EQ(reply->at("runtime").at("name"), "libtorch");
}

TEST(Handler, a_probe_before_a_load_is_a_usage_error) {
  TorchHandler handler;
  SilentCall call;
  const auto reply = handler.handle("probe", Json{{"batch", 1}}, call);
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().kind, RefusalKind::usage);
  EXPECT_FALSE(reply.error().remedy.empty());
}

}  // namespace
}  // namespace batchfit

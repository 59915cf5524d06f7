#include "facts/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <set>

#include "support/facts.h"

namespace batchfit {
namespace {

using namespace test;  // NOLINT(google-build-using-namespace): helpers of the tests
using testing::HasSubstr;

Json observation() { return to_json(Record(measured(8).own(1000))); }

Json with(Json json, const char* name, Json value) {
  json[name] = std::move(value);
  return json;
}

Json without(Json json, const char* name) {
  json.erase(name);
  return json;
}

void expect_refused(const Json& json, const char* name) {
  const auto record = record_from_json(json);
  ASSERT_FALSE(record) << dump_json(json);
  EXPECT_EQ(record.error().kind, ErrorKind::corrupt);
  EXPECT_THAT(record.error().message, HasSubstr(name));
}

TEST(Json, numbers_that_are_no_measurement_are_refused_by_name) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const Json& bad : {Json(-1), Json(std::numeric_limits<double>::quiet_NaN()), Json(infinity), Json("7"),
                          Json(true), Json(nullptr), Json::array(), Json::object()}) {
    expect_refused(with(observation(), "samples_s", Json::array({0.1, bad})), "samples_s");
  }
  for (const Json& bad : {Json(-1), Json(1.5), Json(1e300), Json(std::numeric_limits<std::uint64_t>::max()),
                          Json(std::uint64_t{1} << 62), Json("7"), Json(false), Json::array()}) {
    expect_refused(with(observation(), "reserved_peak_bytes", bad), "reserved_peak_bytes");
    expect_refused(with(observation(), "batch", bad), "batch");
  }
}

TEST(Json, a_number_that_overflows_a_double_is_no_json) {
  EXPECT_FALSE(parse_json("{\"x\":1e999}"));
  EXPECT_FALSE(parse_json("{\"x\":NaN}"));
  EXPECT_FALSE(parse_json("{\"x\":1} trailing"));
  EXPECT_FALSE(parse_json("\"\xff\""));
  EXPECT_FALSE(parse_json(""));
}

TEST(Json, what_must_be_there_is_missed_by_name) {
  for (const char* name : {"batch", "outcome"}) expect_refused(without(observation(), name), name);
  expect_refused(without(observation(), "record"), "record");
  const Json comparison = to_json(Record(test::compared(8, 1, 1)));
  for (const char* name : {"reference", "candidate", "pairs_s"})
    expect_refused(without(comparison, name), name);
  expect_refused(without(to_json(Record(fault_of(1))), "kind"), "kind");
  const Json trace = to_json(Record(AllocationTrace{}));
  for (const char* name : {"batch", "timing", "events", "segments_before", "reserved_peak_bytes"}) {
    expect_refused(without(trace, name), name);
  }
}

TEST(Json, batch_0_is_refused) {
  expect_refused(with(observation(), "batch", 0), "batch");
  expect_refused(with(to_json(Record(test::compared(8, 1, 1))), "reference", 0), "reference");
  expect_refused(with(to_json(Record(fault_of(1))), "batch", 0), "batch");
}

TEST(Json, a_measurement_without_a_time_is_none) {
  expect_refused(without(observation(), "samples_s"), "samples");
  expect_refused(with(observation(), "samples_s", Json::array()), "samples");
  expect_refused(with(observation(), "samples_s", {0.1, 0}), "sample");
  const Json comparison = to_json(Record(test::compared(8, 1, 1)));
  expect_refused(with(comparison, "pairs_s", Json::array()), "pairs");
  for (const char* pair :
       {"[1,2]", "[1,2,2]", "[1,0,1]", "[0,1,1]", "[1,2,0.5]", "[1,2,1,1]", "[1,2,true]"}) {
    expect_refused(with(comparison, "pairs_s", Json::array({Json::parse(pair)})), "pairs_s");
  }
}

TEST(Json, a_trace_refuses_integers_that_would_wrap) {
  const Json trace = to_json(Record(AllocationTrace{}));
  const std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  expect_refused(with(trace, "events", {{huge}}), "events");
  expect_refused(with(trace, "events", {{1, huge}}), "events");
  expect_refused(with(trace, "events", {{1, -1}}), "events");
  expect_refused(with(trace, "events", {{1, 2, 3}}), "events");
  expect_refused(with(trace, "segments_before", Json::array({Json::parse("[1,4294967297,[]]")})),
                 "segments_before");
  expect_refused(with(trace, "segments_before", Json::array({Json::parse("[1,1,[[0,1]]]")})),
                 "segments_before");
}

TEST(Json, null_is_absence_where_a_field_may_be_absent) {
  Json json = observation();
  for (const char* name : {"energy_j", "cap_bytes", "reason", "conditions"}) json[name] = nullptr;
  const auto record = record_from_json(json);
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(std::get<Observation>(*record), static_cast<Observation>(measured(8).own(1000)));
}

TEST(Json, what_is_unknown_is_absent_and_never_0) {
  const Json json = to_json(Observation{});
  for (const char* name :
       {"allocated_peak_bytes", "reserved_peak_bytes", "context_bytes", "resident_peak_bytes", "cap_bytes",
        "alloc_retries", "ooms", "energy_j", "conditions", "first_token_samples_s"}) {
    EXPECT_FALSE(json.contains(name)) << name;
  }
}

TEST(Json, an_observation_keeps_when_its_first_tokens_were_there) {
  Observation observation = measured(8);
  observation.first_token_samples = {0.02, 0.03};
  const auto record = record_from_json(to_json(Record(observation)));
  ASSERT_TRUE(record) << record.error().text();
  EXPECT_EQ(std::get<Observation>(*record), observation);
}

TEST(Json, fields_of_a_later_version_are_ignored) {
  EXPECT_TRUE(record_from_json(with(observation(), "colour", "blue")));
}

TEST(Json, bytes_that_are_no_utf8_do_not_stop_a_record_from_being_saved) {
  const Fault fault{1, "worker", "bad \xff byte", 0};
  const auto json = parse_json(dump_json(to_json(fault)));
  ASSERT_TRUE(json);
  EXPECT_EQ(fault_from_json(*json)->detail, "bad \xEF\xBF\xBD byte");
}

// A key that changes orphans every cache there is: change the version of the journal with it.
TEST(Json, the_key_of_a_subject_never_changes) { EXPECT_EQ(key_of(subject_of()), "ffdc9f55e7f1e5a0"); }

TEST(Json, every_field_of_a_subject_is_in_its_key) {
  const std::vector<std::function<void(Subject&)>> changes{
      [](Subject& s) { s.device.kind = "cpu"; },
      [](Subject& s) { s.device.name += "x"; },
      [](Subject& s) { s.device.total_memory += 1; },
      [](Subject& s) { s.device.mig.reset(); },
      [](Subject& s) { s.device.power_limit_w = 600; },
      [](Subject& s) { s.device.driver.reset(); },
      [](Subject& s) { s.runtime.name += "x"; },
      [](Subject& s) { s.runtime.version += "x"; },
      [](Subject& s) { s.runtime.details["cudnn"] = "9.2"; },
      [](Subject& s) { s.workload.model += "x"; },
      [](Subject& s) { s.workload.weights += "x"; },
      [](Subject& s) { s.workload.model_code += "x"; },
      [](Subject& s) { s.workload.dtype = "bf16"; },
      [](Subject& s) { s.workload.tf32 = true; },
      [](Subject& s) { s.workload.channels_last = true; },
      [](Subject& s) { s.workload.folded_batchnorm = true; },
      [](Subject& s) { s.workload.include_copies = true; },
      [](Subject& s) { s.workload.mode = "prefill"; },
      [](Subject& s) {
        s.workload.input_shape = {3, 224};
      },
      [](Subject& s) { s.workload.shape["length"] = 513; },
      [](Subject& s) {
        s.workload.prompts = {"12ab", 3, 20, 10};
      },
      [](Subject& s) {
        s.workload.prompts = {"12ac", 3, 20, 10};
      },
      [](Subject& s) { s.workload.timing = Timing::eager; },
      [](Subject& s) { s.workload.threads.reset(); },
  };
  std::set<std::string> keys{key_of(subject_of())};
  for (const auto& change : changes) {
    Subject subject = subject_of();
    change(subject);
    keys.insert(key_of(subject));
    EXPECT_EQ(subject_from_json(to_json(subject)).value(), subject);
  }
  EXPECT_EQ(keys.size(), changes.size() + 1);
}

TEST(Json, prompts_say_what_share_is_padding_and_are_refused_where_they_cannot_be) {
  Workload workload = subject_of().workload;
  workload.prompts = {"12ab", 3, 20, 10};
  EXPECT_DOUBLE_EQ(workload.prompts->padding_share(), 10.0 / 30);
  Json json = to_json(workload);
  json["prompts"]["tokens"] = 2;
  EXPECT_FALSE(workload_from_json(json));
  json["prompts"].erase("tokens");
  EXPECT_FALSE(workload_from_json(json));
}

}  // namespace
}  // namespace batchfit

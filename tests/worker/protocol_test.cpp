#include "worker/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit {
namespace {

using testing::HasSubstr;

const char* const good_observation =
    R"({"record":"observation","batch":8,"outcome":"measured","samples_s":[0.001,0.002]})";

Json answer_with(const std::string& records) { return Json::parse(R"({"records":[)" + records + "]}"); }

std::string error_of(const std::string& records, const Probe& asked) {
  const auto read = read_probe_reply(answer_with(records), asked);
  if (read) return "";
  EXPECT_EQ(read.error().kind, ErrorKind::protocol);
  return read.error().message;
}

TEST(Reply, of_the_request_that_was_asked_is_taken) {
  const auto reply = read_reply(R"({"id":7,"ok":true,"more":[1]})", 7);
  ASSERT_TRUE(reply) << reply.error().text();
  EXPECT_FALSE(reply->refusal);
  EXPECT_FALSE(reply->replace_worker);
  EXPECT_EQ(reply->body.at("more").size(), 1U);
}

TEST(Reply, that_is_not_ok_is_a_refusal_with_the_workers_words) {
  const auto reply = read_reply(
      R"({"id":7,"ok":false,"replace_worker":true,"error":{"kind":"usage","message":"no model","remedy":"there is x"}})",
      7);
  ASSERT_TRUE(reply) << reply.error().text();
  ASSERT_TRUE(reply->refusal);
  EXPECT_TRUE(reply->replace_worker);
  EXPECT_EQ(reply->refusal->error().kind, ErrorKind::usage);
  EXPECT_EQ(reply->refusal->error().text(), "no model; there is x");
}

TEST(Reply, that_breaks_the_protocol_is_an_error_that_says_how) {
  const std::vector<std::pair<std::string, std::string>> broken = {
      {"Loading model...", "not JSON: 'Loading model...'"},
      {"", "not JSON"},
      {"[1]", "not a JSON object"},
      {R"({"ok":true})", "has no 'id'"},
      {R"({"id":8,"ok":true})", "answer to request 8 where 7"},
      {R"({"id":-7,"ok":true})", "'id' is not zero or more"},
      {R"({"id":7.5,"ok":true})", "'id' is not an integer"},
      {R"({"id":7})", "has no 'ok'"},
      {R"({"id":7,"ok":1})", "'ok' is not true or false"},
      {R"({"id":7,"ok":false})", "has no 'error'"},
      {R"({"id":7,"ok":false,"error":"bad"})", "error is not a JSON object"},
      {R"({"id":7,"ok":true,"x":NaN})", "not JSON"},
      {R"({"id":7,"ok":true,"x":1e999})", "not JSON"},
      {"\x1b[31m\xff", "'?[31m?'"},
  };
  for (const auto& [line, message] : broken) {
    const auto reply = read_reply(line, 7);
    ASSERT_FALSE(reply) << line;
    EXPECT_EQ(reply.error().kind, ErrorKind::protocol) << line;
    EXPECT_THAT(reply.error().message, HasSubstr(message)) << line;
  }
}

TEST(Reply, nested_a_million_deep_is_only_read) {
  const std::string deep(1'000'000, '[');
  EXPECT_FALSE(read_reply(deep, 7));
  EXPECT_TRUE(read_reply(R"({"id":7,"ok":true,"x":)" + deep + std::string(deep.size(), ']') + "}", 7));
}

TEST(Hello, of_another_version_says_both_versions) {
  const auto hello = read_hello(Json{{"protocol", 2}});
  ASSERT_FALSE(hello);
  EXPECT_THAT(hello.error().message, HasSubstr("speaks protocol 2, this batchfit speaks 1"));
  EXPECT_FALSE(hello.error().remedy.empty());
}

TEST(Hello, without_its_parts_is_refused) {
  const Json good = Json::parse(R"({"protocol":1,"worker":{"name":"w","version":"1"},
    "runtime":{"name":"r","version":"2"},"capabilities":["compare","new"],"models":[{"name":"m","dtypes":["fp32"]}]})");
  const auto hello = read_hello(good);
  ASSERT_TRUE(hello) << hello.error().text();
  EXPECT_EQ(hello->worker_name, "w");
  EXPECT_TRUE(hello->capabilities.has("compare"));
  EXPECT_EQ(hello->models.at(0).dtypes, std::vector<std::string>{"fp32"});
  for (const char* part : {"protocol", "worker", "runtime", "models"}) {
    Json without = good;
    without.erase(part);
    const auto read = read_hello(without);
    ASSERT_FALSE(read) << part;
    EXPECT_THAT(read.error().message, HasSubstr(part));
  }
}

TEST(ProbeReply, of_the_batch_that_was_asked_is_taken) {
  EXPECT_EQ(error_of(good_observation, Measure{8}), "");
  EXPECT_EQ(error_of(R"({"record":"comparison","reference":1,"candidate":8,"pairs_s":[[0.1,0.2,1]]})",
                     Compare{1, 8, 20}),
            "");
}

TEST(ProbeReply, that_does_not_answer_the_probe_is_an_error_that_says_how) {
  EXPECT_THAT(error_of(good_observation, Measure{4}),
              HasSubstr("a probe of batch 4 holds an observation of batch 8"));
  EXPECT_THAT(error_of(good_observation, Compare{1, 8, 20}), HasSubstr("no comparison"));
  EXPECT_THAT(error_of("", Measure{8}), HasSubstr("0 records"));
  EXPECT_THAT(error_of(std::string(good_observation) + "," + good_observation, Measure{8}),
              HasSubstr("2 records"));
  EXPECT_THAT(error_of(R"({"record":"fault","batch":8,"kind":"crash"})", Measure{8}), HasSubstr("neither"));
  EXPECT_THAT(error_of(R"({"record":"observation","batch":8,"outcome":"measured"})", Measure{8}),
              HasSubstr("no samples"));
  EXPECT_THAT(
      error_of(R"({"record":"observation","batch":8,"outcome":"measured","samples_s":[0]})", Measure{8}),
      HasSubstr("a sample of 0 s"));
  EXPECT_THAT(
      error_of(
          R"({"record":"observation","batch":8,"outcome":"measured","samples_s":[1],"reserved_peak_bytes":-1})",
          Measure{8}),
      HasSubstr("'reserved_peak_bytes' is not zero or more"));
  EXPECT_THAT(
      error_of(R"({"record":"comparison","reference":1,"candidate":8,"pairs_s":[]})", Compare{1, 8, 20}),
      HasSubstr("no pairs"));
  EXPECT_THAT(error_of(R"({"record":"comparison","reference":1,"candidate":8,"pairs_s":[[1,1,1],[1,1,0]]})",
                       Compare{1, 8, 1}),
              HasSubstr("2 pairs where 1"));
  EXPECT_THAT(error_of(R"({"record":"comparison","reference":2,"candidate":8,"pairs_s":[[1,1,1]]})",
                       Compare{1, 8, 20}),
              HasSubstr("batches 2 and 8"));
}

TEST(ProbeReply, that_rehearses_is_taken_only_where_that_was_asked_for) {
  constexpr const char* rehearsal =
      R"({"record":"observation","batch":8,"outcome":"rehearsed","reserved_peak_bytes":1})";
  EXPECT_EQ(error_of(rehearsal, Measure{8, 1, /*rehearse=*/true}), "");
  EXPECT_EQ(error_of(good_observation, Measure{8, 1, /*rehearse=*/true}), "")
      << "a worker may run it all the same";
  EXPECT_THAT(error_of(rehearsal, Measure{8}), HasSubstr("a rehearsal where the batch was to be run"));
  EXPECT_THAT(error_of(R"({"record":"observation","batch":8,"outcome":"rehearsed","samples_s":[1]})",
                       Measure{8, 1, /*rehearse=*/true}),
              HasSubstr("is rehearsed and has samples"));
}

TEST(ProbeReply, without_a_list_of_records_is_an_error) {
  const auto read = read_probe_reply(Json::object(), Measure{1});
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, HasSubstr("has no list 'records'"));
}

TEST(Requests, say_what_the_protocol_page_says) {
  ProbeDetails details;
  details.cap = 1000;
  const Json probe = probe_request(Measure{8}, details);
  EXPECT_EQ(probe.at("op"), "probe");
  EXPECT_EQ(probe.at("batch"), 8);
  EXPECT_EQ(probe.at("cap_bytes"), 1000);
  EXPECT_FALSE(probe_request(Measure{8}, {}).contains("cap_bytes"));
  EXPECT_FALSE(probe_request(Measure{8}, {}).contains("rehearse"));
  EXPECT_EQ(probe_request(Measure{8, 1, /*rehearse=*/true}, {}).at("rehearse"), true);
  for (const char* name : {"threads", "dtype", "inputs", "prompts"})
    EXPECT_FALSE(load_request({}).contains(name)) << name;
  LoadRequest file;
  file.prompts = "prompts.txt";
  EXPECT_EQ(load_request(file).at("prompts"), "prompts.txt");
  file.inputs = {{{3, 224, 224}, "fp16", true}};
  EXPECT_EQ(load_request(file).at("inputs"), Json::parse(R"([{"shape":[3,224,224],"dtype":"fp16"}])"));
  EXPECT_EQ(probe_request(Compare{1, 8, 20}, {}).at("pairs"), 20);
}

TEST(Protocol, a_line_of_progress_is_told_from_an_answer_and_from_another_requests) {
  EXPECT_EQ(read_progress(R"({"id":7,"progress":{"frames":3}})", 7), Json::parse(R"({"frames":3})"));
  EXPECT_FALSE(read_progress(R"({"id":7,"ok":true})", 7));
  EXPECT_FALSE(read_progress(R"({"id":6,"progress":{}})", 7));
  EXPECT_FALSE(read_progress("no JSON", 7));
}

}  // namespace
}  // namespace batchfit

#include "sim/faults.h"

#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <thread>

#include "sim/serve.h"

namespace batchfit::sim {
namespace {

using Strike = std::function<Json(const PlannedFault&, Json reply, std::int64_t id, int output)>;

/// Ends with the process: the thread that reads stdin sees to that.
[[noreturn]] void wait_for_the_end() {
  for (;;) ::pause();
}

/// As a process stuck in a driver: stopped, it notices neither a closed stdin nor SIGTERM.
[[noreturn]] void turn_deaf() {
  ::raise(SIGSTOP);
  wait_for_the_end();
}

/// Sends these bytes instead of the answer, and nothing more.
Strike sends(std::function<std::string(Json reply, std::int64_t id)> bytes) {
  return [bytes](const PlannedFault&, Json reply, std::int64_t id, int output) -> Json {
    write_all(output, bytes(std::move(reply), id));
    wait_for_the_end();
  };
}

/// Changes the answer.
Strike changes(std::function<void(Json& reply)> change) {
  return [change](const PlannedFault&, Json reply, std::int64_t, int) {
    change(reply);
    return reply;
  };
}

/// Changes the first record, where there is one.
Strike changes_record(std::function<void(Json& record)> change) {
  return changes([change](Json& reply) {
    if (reply.contains("records") && !reply["records"].empty()) change(reply["records"][0]);
  });
}

std::string line_of(Json reply, std::int64_t id) {
  reply["id"] = id;
  return dump_json(reply) + "\n";
}

/// The answer's line with its first number of that name replaced by text that JSON does not have.
std::string with_raw_number(Json reply, std::int64_t id, const std::string& text) {
  if (reply.contains("records") && !reply["records"].empty()) reply["records"][0]["took_s"] = "@";
  std::string line = line_of(std::move(reply), id);
  const std::size_t at = line.find("\"@\"");
  return at == std::string::npos ? text + "\n" : line.replace(at, 3, text);
}

Json refusal(const char* kind, bool replace) {
  Json reply = {{"ok", false}, {"error", {{"kind", kind}, {"message", "simulated"}}}};
  if (replace) reply["replace_worker"] = true;
  return reply;
}

/// An observation that was not measured.
void unmeasure(Json& record, const char* outcome) {
  record["outcome"] = outcome;
  record["reason"] = "simulated";
  for (const char* name : {"samples_s", "allocated_peak_bytes", "reserved_peak_bytes"}) record.erase(name);
}

const std::map<std::string, Strike>& strikes() {
  constexpr std::size_t over_longest_line = std::size_t{17} << 20;
  static const std::map<std::string, Strike> all = {
      // The process.
      {"crash",
       [](auto&&...) -> Json {
         ::raise(SIGKILL);
         wait_for_the_end();
       }},
      {"exit",
       [](auto&&...) -> Json {
         write_all(STDERR_FILENO, "simulated: cannot go on\n");
         ::_exit(3);
       }},
      {"hang", [](auto&&...) -> Json { wait_for_the_end(); }},
      {"deaf", [](auto&&...) -> Json { turn_deaf(); }},
      {"close_stdout",
       [](auto&&, auto&&, auto&&, int output) -> Json {
         ::close(output);
         wait_for_the_end();
       }},
      {"slow",
       [](const PlannedFault& fault, Json reply, auto&&...) {
         std::this_thread::sleep_for(std::chrono::duration<double>(fault.wall));
         return reply;
       }},
      {"stderr_flood",
       [](auto&&, Json reply, auto&&...) {
         for (int i = 0; i < 10'000; ++i) write_all(STDERR_FILENO, std::string(100, 'w') + "\n");
         return reply;
       }},
      // The line.
      {"garbage", sends([](auto&&...) { return std::string("\x1b[31m\xff\xfe{]\n"); })},
      {"chatter",
       sends([](Json reply, std::int64_t id) { return "Loading model...\n" + line_of(reply, id); })},
      {"empty_line", sends([](auto&&...) { return std::string("\n"); })},
      {"not_an_object", sends([](auto&&...) { return std::string("[1,2,3]\n"); })},
      {"huge_line", sends([](auto&&...) { return std::string(over_longest_line, 'x') + "\n"; })},
      {"partial_line", sends([](Json reply, std::int64_t id) { return line_of(reply, id).substr(0, 20); })},
      {"partial_line_and_exit",
       [](auto&&, Json reply, std::int64_t id, int output) -> Json {
         write_all(output, line_of(std::move(reply), id).substr(0, 20));
         ::_exit(3);
       }},
      {"wrong_id", sends([](Json reply, std::int64_t id) { return line_of(std::move(reply), id + 1000); })},
      {"no_id", sends([](Json reply, auto&&...) { return dump_json(reply) + "\n"; })},
      {"nan",
       sends([](Json reply, std::int64_t id) { return with_raw_number(std::move(reply), id, "NaN"); })},
      {"infinity",
       sends([](Json reply, std::int64_t id) { return with_raw_number(std::move(reply), id, "1e999"); })},
      // The answer.
      {"no_ok", changes([](Json& reply) { reply.erase("ok"); })},
      {"wrong_version", changes([](Json& reply) { reply["protocol"] = 2; })},
      {"no_records", changes([](Json& reply) { reply.erase("records"); })},
      {"two_records", changes([](Json& reply) { reply["records"].push_back(reply["records"].at(0)); })},
      {"wrong_batch", changes_record([](Json& record) {
         const char* name = record.contains("batch") ? "batch" : "candidate";
         record[name] = record[name].get<Batch>() + 1;
       })},
      {"wrong_record", changes_record([](Json& record) {
         record = {{"record", "fault"}, {"batch", 1}, {"kind", "crash"}};
       })},
      {"negative_memory", changes_record([](Json& record) { record["reserved_peak_bytes"] = -1; })},
      {"negative_latency", changes_record([](Json& record) { record["samples_s"] = {-0.001}; })},
      {"zero_latency", changes_record([](Json& record) { record["samples_s"] = {0.0}; })},
      {"no_samples", changes_record([](Json& record) { record.erase("samples_s"); })},
      {"text_for_a_number", changes_record([](Json& record) { record["took_s"] = "long"; })},
      // What an honest worker may say.
      {"refuse", [](auto&&...) { return refusal("runtime", false); }},
      {"refuse_and_replace", [](auto&&...) { return refusal("runtime", true); }},
      {"refuse_for_memory", [](auto&&...) { return refusal("out_of_memory", false); }},
      {"replace_worker", changes([](Json& reply) { reply["replace_worker"] = true; })},
      {"failed", changes_record([](Json& record) { unmeasure(record, "failed"); })},
      {"out_of_memory", changes_record([](Json& record) {
         unmeasure(record, "out_of_memory");
         record["ooms"] = 1;
       })},
      {"alloc_retries", changes_record([](Json& record) { record["alloc_retries"] = 3; })},
  };
  return all;
}

}  // namespace

const PlannedFault* fault_at(const std::vector<PlannedFault>& faults, const Moment& moment) {
  for (const PlannedFault& fault : faults) {
    const bool here = fault.op == moment.op && (!fault.batch || *fault.batch == moment.batch) &&
                      (fault.probe ? *fault.probe == moment.probe : moment.attempt <= fault.times);
    if (here) return &fault;
  }
  return nullptr;
}

std::vector<std::string> fault_kinds() {
  std::vector<std::string> kinds;
  for (const auto& [kind, strike] : strikes()) kinds.push_back(kind);
  return kinds;
}

Json strike(const PlannedFault& fault, Json reply, std::int64_t id, int output) {
  const auto found = strikes().find(fault.kind);
  return found == strikes().end() ? reply : found->second(fault, std::move(reply), id, output);
}

}  // namespace batchfit::sim

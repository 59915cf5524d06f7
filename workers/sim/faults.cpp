#include "sim/faults.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <map>
#include <string_view>
#include <thread>
#include <utility>

namespace batchfit::sim {
namespace {

/// What a fault has to work with.
struct Blow {
  const PlannedFault& fault;
  Json reply;  ///< the good answer
  Json id;
  int output;

  std::string line() const { return reply_line(id, reply) + "\n"; }
};
using Strike = std::function<Answer<Json>(Blow&)>;

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(descriptor, bytes.data(), bytes.size());
    if (n < 0 && errno != EINTR) return;
    if (n > 0) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

/// Ends with the process: the thread that reads stdin sees to that.
[[noreturn]] void wait_for_the_end() {
  for (;;) ::pause();
}

[[noreturn]] void raise_for_good(int signal) {
  ::raise(signal);
  wait_for_the_end();
}

[[noreturn]] void exit_with(std::string_view last_words) {
  write_all(STDERR_FILENO, last_words);
  ::_exit(3);
}

/// Sends these bytes instead of the answer, and nothing more.
Strike sends(std::function<std::string(const Blow&)> bytes) {
  return [bytes](Blow& blow) -> Answer<Json> {
    write_all(blow.output, bytes(blow));
    wait_for_the_end();
  };
}

Strike sends_text(const std::string& text) {
  return sends([text](const Blow&) { return text; });
}

/// Sends the answer's line cut short.
std::string half_of(const std::string& line) { return line.substr(0, line.size() / 2); }

/// Sends the answer with a number that JSON does not have, or of another type.
Strike sends_number(const std::string& text) {
  return sends([text](const Blow& blow) {
    Blow marked = blow;
    marked.reply["took_s"] = "@";
    std::string line = marked.line();
    return line.replace(line.find("\"@\""), 3, text);
  });
}

Strike sends_without(const char* field) {
  return sends([field](const Blow& blow) {
    Json json = Json::parse(blow.line());
    json.erase(field);
    return json.dump() + "\n";
  });
}

/// Sends the answer changed.
Strike changes(std::function<void(Json& reply)> change) {
  return [change](Blow& blow) -> Answer<Json> {
    change(blow.reply);
    return blow.reply;
  };
}

/// Changes the first record, where there is one.
Strike changes_record(std::function<void(Json& record)> change) {
  return changes([change](Json& reply) {
    if (reply.contains("records")) change(reply["records"].at(0));
  });
}

Strike sets_in_record(const char* field, const Json& value) {
  return changes_record([field, value](Json& record) { record[field] = value; });
}

/// Makes the record one of a batch that was not measured.
Strike ends_in(const char* outcome) {
  return changes_record([outcome](Json& record) {
    record["outcome"] = outcome;
    record["reason"] = "simulated";
    for (const char* name : {"samples_s", "allocated_peak_bytes", "reserved_peak_bytes"}) record.erase(name);
  });
}

Strike refuses(RefusalKind kind, bool replace_worker) {
  return [=](Blow&) -> Answer<Json> {
    return tl::unexpected(Refusal{kind, "simulated", "", replace_worker});
  };
}

void next_batch(Json& record) {
  const char* name = record.contains("batch") ? "batch" : "candidate";
  record[name] = record[name].get<Batch>() + 1;
}

std::map<std::string, Strike> strikes_on_the_process() {
  return {
      {"crash", [](Blow&) -> Answer<Json> { raise_for_good(SIGKILL); }},
      {"exit", [](Blow&) -> Answer<Json> { exit_with("simulated: cannot go on\n"); }},
      {"hang", [](Blow&) -> Answer<Json> { wait_for_the_end(); }},
      // As one stuck in a driver: stopped, it notices neither a closed stdin nor SIGTERM.
      {"deaf", [](Blow&) -> Answer<Json> { raise_for_good(SIGSTOP); }},
      {"close_stdout",
       [](Blow& blow) -> Answer<Json> {
         ::close(blow.output);
         wait_for_the_end();
       }},
      {"slow",
       [](Blow& blow) -> Answer<Json> {
         std::this_thread::sleep_for(std::chrono::duration<double>(blow.fault.wall));
         return blow.reply;
       }},
      {"stderr_flood",
       [](Blow& blow) -> Answer<Json> {
         for (int i = 0; i < 10'000; ++i) write_all(STDERR_FILENO, std::string(100, 'w') + "\n");
         return blow.reply;
       }},
      {"partial_line_and_exit",
       [](Blow& blow) -> Answer<Json> {
         write_all(blow.output, half_of(blow.line()));
         exit_with("");
       }},
  };
}

std::map<std::string, Strike> strikes_on_the_line() {
  constexpr std::size_t over_longest_line = std::size_t{17} << 20;
  return {
      {"garbage", sends_text("\x1b[31m\xff\xfe{]\n")},
      {"empty_line", sends_text("\n")},
      {"not_an_object", sends_text("[1,2,3]\n")},
      {"huge_line", sends_text(std::string(over_longest_line, 'x') + "\n")},
      {"chatter", sends([](const Blow& blow) { return "Loading model...\n" + blow.line(); })},
      {"partial_line", sends([](const Blow& blow) { return half_of(blow.line()); })},
      {"wrong_id", sends([](const Blow& blow) { return reply_line(1'000'000, blow.reply) + "\n"; })},
      {"no_id", sends_without("id")},
      {"no_ok", sends_without("ok")},
      {"nan", sends_number("NaN")},
      {"infinity", sends_number("1e999")},
  };
}

std::map<std::string, Strike> strikes_on_the_answer() {
  return {
      {"wrong_version", changes([](Json& reply) { reply["protocol"] = 2; })},
      {"no_records", changes([](Json& reply) { reply.erase("records"); })},
      {"two_records", changes([](Json& reply) { reply["records"].push_back(reply["records"].at(0)); })},
      {"wrong_record", changes_record([](Json& record) {
         record = {{"record", "fault"}, {"batch", 1}, {"kind", "crash"}};
       })},
      {"wrong_batch", changes_record(next_batch)},
      {"no_samples", sets_in_record("samples_s", Json::array())},
      {"zero_latency", sets_in_record("samples_s", {0.0})},
      {"negative_latency", sets_in_record("samples_s", {-0.001})},
      {"negative_memory", sets_in_record("reserved_peak_bytes", -1)},
      {"text_for_a_number", sets_in_record("took_s", "long")},
      // What an honest worker may say.
      {"refuse", refuses(RefusalKind::runtime, false)},
      {"refuse_and_replace", refuses(RefusalKind::runtime, true)},
      {"refuse_for_memory", refuses(RefusalKind::out_of_memory, false)},
      {"replace_worker", changes([](Json& reply) { reply["replace_worker"] = true; })},
      {"failed", ends_in("failed")},
      {"out_of_memory", ends_in("out_of_memory")},
      {"leaky", ends_in("out_of_memory")},  // and from then on the handler spoils every answer
      {"alloc_retries", sets_in_record("alloc_retries", 3)},
  };
}

const std::map<std::string, Strike>& strikes() {
  static const std::map<std::string, Strike> all = [] {
    auto merged = strikes_on_the_process();
    merged.merge(strikes_on_the_line());
    merged.merge(strikes_on_the_answer());
    return merged;
  }();
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

Answer<Json> strike(const PlannedFault& fault, const Json& reply, const Json& id, int output) {
  const auto found = strikes().find(fault.kind);
  if (found == strikes().end()) return reply;
  Blow blow{fault, reply, id, output};
  return found->second(blow);
}

}  // namespace batchfit::sim

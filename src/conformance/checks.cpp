#include "conformance/checks.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace batchfit::conformance {
namespace {

constexpr Seconds end_patience = 10;  // "at once", on a machine that is busy
constexpr Seconds short_heartbeat_timeout = 1;

Finding pass() { return {}; }
Finding fail(std::string why) { return {Finding::Verdict::fail, std::move(why)}; }
Finding skip(std::string why) { return {Finding::Verdict::skip, std::move(why)}; }
Finding passes_if(bool holds, const std::string& why) { return holds ? pass() : fail(why); }

Finding talk(const Subject& subject, const std::function<Finding(Conversation&)>& check) {
  auto conversation = Conversation::start(subject);
  return conversation ? check(*conversation) : fail(conversation.error().text());
}

/// With the model loaded.
Finding talk_loaded(const Subject& subject,
                    const std::function<Finding(Conversation&, const Loaded&)>& check) {
  return talk(subject, [&](Conversation& worker) {
    const auto loaded = worker.load();
    return loaded ? check(worker, *loaded) : fail(loaded.error().text());
  });
}

Finding is_refused(Conversation& worker, const Json& request, const std::string& kind) {
  const auto reply = worker.ask(request);
  if (!reply) return fail(reply.error().text());
  if (!reply->refusal) return fail(request.dump() + " is answered with ok");
  return passes_if(kind.empty() || reply->refusal->kind == kind,
                   fmt::format("the error's kind is '{}', not '{}'", reply->refusal->kind, kind));
}

Result<ProbeReply> measure(Conversation& worker, Batch batch, std::optional<Bytes> cap = std::nullopt) {
  ProbeDetails details;
  details.cap = cap;
  const auto body = worker.need(probe_request(Measure{batch}, details));
  if (!body) return failure(body.error());
  return read_probe_reply(*body, Measure{batch});
}

Finding measures(Conversation& worker, Batch batch) {
  const auto reply = measure(worker, batch);
  if (!reply) return fail(reply.error().text());
  for (const Record& record : reply->records) {
    const auto* observation = std::get_if<Observation>(&record);
    if (observation == nullptr) continue;
    if (observation->outcome != Outcome::measured)
      return fail("batch 1 is not measured: " + observation->reason);
    const Sampling asked;
    const auto samples = static_cast<int>(observation->samples.size());
    return passes_if(
        samples >= asked.min_samples && samples <= asked.max_samples,
        fmt::format("{} samples, asked for {} to {}", samples, asked.min_samples, asked.max_samples));
  }
  return fail("no observation");
}

Finding hello(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    const auto hello = worker.hello();
    if (!hello) return fail(hello.error().text());
    return passes_if(!hello->models.empty(), "it names no model");
  });
}

Finding other_version(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    const auto reply = worker.ask({{"op", "hello"}, {"protocol", 99}, {"heartbeat_timeout_s", 60}});
    if (!reply) return fail(reply.error().text());
    if (reply->refusal) return pass();
    return passes_if(reply->body.value("protocol", Json()) == protocol_version,
                     "it claims to speak version 99");
  });
}

Finding devices(const Subject& subject) {
  return talk(subject, [&](Conversation& worker) {
    if (const auto said = worker.hello(); !said) return fail(said.error().text());
    const auto body = worker.need({{"op", "devices"}});
    if (!body) return fail(body.error().text());
    const auto listed = read_devices(*body);
    if (!listed) return fail(listed.error().text());
    const bool has = std::any_of(listed->begin(), listed->end(),
                                 [&](const DeviceInfo& info) { return info.id == subject.load.device; });
    return passes_if(has, "there is no " + subject.load.device);
  });
}

Finding unknown_op(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    Finding refused = is_refused(worker, {{"op", "no_such_op"}}, "unsupported");
    if (refused.verdict != Finding::Verdict::pass) return refused;
    const auto hello = worker.hello();
    return hello ? pass() : fail("it does not go on: " + hello.error().text());
  });
}

Finding line_that_is_not_json(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    if (!worker.send("this is {not JSON") || !worker.send(R"({"id":77,"op":"devices"})"))
      return fail("it ended");
    // It may answer the first line with an error, which has no id, or pass over it.
    for (int lines = 0; lines < 2; ++lines) {
      const auto line = worker.receive();
      if (!line) return fail(line.error().text());
      if (read_reply(*line, 77)) return pass();
    }
    return fail("it does not answer what comes after");
  });
}

Finding unknown_field(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    Json request = hello_request(60);
    request["no_such_field"] = {{"deep", {1, 2, 3}}};
    const auto body = worker.need(request);
    return body ? pass() : fail(body.error().text());
  });
}

Finding unknown_model(const Subject& subject) {
  return talk(subject, [&](Conversation& worker) {
    LoadRequest unknown = subject.load;
    unknown.model = "no-such-model";
    if (const auto said = worker.hello(); !said) return fail(said.error().text());
    return is_refused(worker, load_request(unknown), "usage");
  });
}

Finding probe_before_load(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    if (const auto said = worker.hello(); !said) return fail(said.error().text());
    return is_refused(worker, probe_request(Measure{1}, {}), "");
  });
}

Finding load(const Subject& subject) {
  return talk_loaded(subject, [&](Conversation&, const Loaded& loaded) {
    return passes_if(loaded.subject.workload.model == subject.load.model,
                     "the subject's model is '" + loaded.subject.workload.model + "'");
  });
}

Finding probe(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded&) { return measures(worker, 1); });
}

Finding rehearsal(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded& loaded) {
    if (!loaded.capabilities.has("rehearsal")) return skip("no capability rehearsal");
    const Measure asked{2, 1, /*rehearse=*/true};
    const auto body = worker.need(probe_request(asked, {}));
    if (!body) return fail(body.error().text());
    const auto reply = read_probe_reply(*body, asked);
    if (!reply) return fail(reply.error().text());
    const auto* observation = std::get_if<Observation>(&reply->records.front());
    const bool rehearsed = observation != nullptr && observation->outcome == Outcome::rehearsed;
    return passes_if(rehearsed && observation->memory.own(),
                     "it is not rehearsed, or its memory is not told");
  });
}

Finding batch_zero(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded&) {
    Finding refused = is_refused(worker, probe_request(Measure{0}, {}), "usage");
    return refused.verdict == Finding::Verdict::pass ? measures(worker, 1) : refused;
  });
}

Finding out_of_memory(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded& loaded) {
    if (!loaded.capabilities.has("memory_cap")) return skip("no capability memory_cap");
    const auto reply = measure(worker, 1, 1);
    if (!reply) return fail("under a cap of 1 B: " + reply.error().text());
    const auto* observation = std::get_if<Observation>(&reply->records.front());
    return passes_if(observation != nullptr && observation->outcome == Outcome::out_of_memory,
                     "a pass under a cap of 1 B is not out of memory");
  });
}

Finding energy(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded& loaded) {
    if (!loaded.capabilities.has("energy")) return skip("no capability energy");
    ProbeDetails details;
    details.energy_span = 1;
    const auto body = worker.need(probe_request(Measure{1}, details));
    if (!body) return fail(body.error().text());
    const auto reply = read_probe_reply(*body, Measure{1});
    if (!reply) return fail(reply.error().text());
    const auto* seen = std::get_if<Observation>(&reply->records.front());
    return passes_if(seen != nullptr && seen->energy_j && seen->energy_passes,
                     "the observation lacks energy_j or energy_passes");
  });
}

Finding compare(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded& loaded) {
    if (!loaded.capabilities.has("compare")) return skip("no capability compare");
    const Compare asked{1, 2, 10};
    const auto body = worker.need(probe_request(asked, {}));
    if (!body) return fail(body.error().text());
    const auto reply = read_probe_reply(*body, asked);
    if (!reply) return fail(reply.error().text());
    const auto& pairs = std::get<Comparison>(reply->records.front()).pairs;
    const auto first =
        std::count_if(pairs.begin(), pairs.end(), [](const auto& pair) { return pair.reference_first; });
    if (std::ssize(pairs) != asked.pairs)
      return fail(fmt::format("{} pairs, asked for {}", pairs.size(), asked.pairs));
    return passes_if(first > 0 && first < asked.pairs, "one batch runs first in every pair");
  });
}

Finding environment(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded&) {
    const auto body = worker.need({{"op", "environment"}});
    if (!body) return fail(body.error().text());
    const auto read = read_environment(*body);
    if (!read) return fail(read.error().text());
    return passes_if(read->total > 0, "'total_bytes' is 0");
  });
}

Finding release_and_load(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded& loaded) {
    const auto released = worker.need({{"op", "release"}});
    if (!released) return fail(released.error().text());
    const auto again = worker.load();
    if (!again) return fail(again.error().text());
    if (again->subject != loaded.subject) return fail("the same load gives another subject");
    return measures(worker, 1);
  });
}

Finding heartbeats(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    for (int i = 0; i < 20; ++i) {
      if (!worker.send(R"({"op":"heartbeat"})")) return fail("it ended");
    }
    const auto hello = worker.hello();
    return hello ? pass() : fail("after heartbeats: " + hello.error().text());
  });
}

Finding silence(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    if (const auto said = worker.hello(short_heartbeat_timeout); !said) return fail(said.error().text());
    const auto line = worker.receive();
    if (line) return fail("it says something unasked: " + *line);
    return passes_if(line.error().kind == ErrorKind::runtime, "it goes on without a heartbeat");
  });
}

Finding closed_stdin(const Subject& subject) {
  return talk_loaded(subject, [](Conversation& worker, const Loaded&) {
    ProbeDetails details;
    details.sampling = {.min_samples = 10'000, .max_samples = 10'000, .seconds = 600};
    Json request = probe_request(Measure{1}, details);
    request["id"] = 1000;
    if (!worker.send(dump_json(request))) return fail("it ended");
    // How it ends is its own affair: a process beside it may kill it, where its own threads cannot run.
    const auto closed = std::chrono::steady_clock::now();
    worker.close_stdin(end_patience);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - closed;
    return passes_if(took.count() < end_patience,
                     "it does not end when its stdin closes in the middle of a probe");
  });
}

Finding quit(const Subject& subject) {
  return talk(subject, [](Conversation& worker) {
    if (const auto said = worker.hello(); !said) return fail(said.error().text());
    const auto body = worker.need({{"op", "quit"}});
    if (!body) return fail(body.error().text());
    const auto more = worker.receive();
    if (more) return fail("it says more after quit: " + *more);
    const ExitStatus status = worker.close_stdin(end_patience);
    return passes_if(status.code == 0, "after quit: " + status.text());
  });
}

}  // namespace

const std::vector<Check>& checks() {
  static const std::vector<Check> all = {
      {"hello says what it is and has", hello},
      {"another version is answered with its own", other_version},
      {"an unknown op is refused as unsupported", unknown_op},
      {"a line that is not JSON does not end it", line_that_is_not_json},
      {"unknown fields are passed over", unknown_field},
      {"devices lists the device", devices},
      {"an unknown model is refused as usage", unknown_model},
      {"a probe before load is refused", probe_before_load},
      {"load states the subject", load},
      {"a probe gives one observation", probe},
      {"a rehearsal tells memory", rehearsal},
      {"batch 0 is refused and the worker goes on", batch_zero},
      {"out-of-memory is an outcome", out_of_memory},
      {"compare gives pairs in a drawn order", compare},
      {"joules come with their number of passes", energy},
      {"environment has the total", environment},
      {"release, then load again", release_and_load},
      {"heartbeats get no answer", heartbeats},
      {"silence ends it", silence},
      {"a closed stdin ends it in the middle of a probe", closed_stdin},
      {"quit is answered, then exit 0", quit},
  };
  return all;
}

}  // namespace batchfit::conformance

#include "worker/remote_worker.h"

#include <fmt/core.h>

#include <utility>

#include "base/clock.h"

namespace batchfit {
namespace {

// What is launch-bound shows in the shortest of two ordinary calls: a host's hiccup only ever makes one
// longer.
constexpr int eager_samples = 2;
// NVML's energy counter moves in steps of up to 100 ms; ten of them leave a few per cent of doubt.
constexpr Seconds energy_span = 1;

bool failed(const std::vector<Record>& records) {
  const auto* seen = records.empty() ? nullptr : std::get_if<Observation>(&records.front());
  return seen != nullptr && seen->outcome == Outcome::failed;
}

/// docs/cache.md's kinds of fault, for what can go wrong between a request and its reply.
std::string fault_kind(ErrorKind kind) {
  if (kind == ErrorKind::timeout) return "timeout";
  if (kind == ErrorKind::protocol) return "protocol";
  return "crash";
}

}  // namespace

RemoteWorker::RemoteWorker(WorkerOptions options) : options_(std::move(options)) {}

RemoteWorker::~RemoteWorker() { quit(); }

std::optional<pid_t> RemoteWorker::pid() const {
  if (!session_) return std::nullopt;
  return session_->pid();
}

bool RemoteWorker::can(const char* capability) const {
  return loaded_ && loaded_->capabilities.has(capability);
}

std::string RemoteWorker::end_session() {
  if (!session_) return {};
  const std::unique_ptr<Session> session = std::move(session_);
  is_loaded_ = false;
  peaks_used_ = false;
  return session->end(options_.graces);
}

/// Any error means that this process cannot be trusted to be where the tuner thinks it is: it is ended.
Result<Reply> RemoteWorker::ask(Json request, Seconds timeout, const Session::Told& told) {
  const std::string op = request.at("op");
  request["number"] = probes_;
  auto reply = session_->ask(std::move(request), timeout, told);
  if (reply) {
    if (reply->replace_worker) end_session();
    return reply;
  }
  Error error = reply.error();
  const std::string ending = end_session();
  if (error.kind == ErrorKind::timeout)
    error.message = fmt::format("no answer within {}", format_seconds(timeout));
  if (error.kind == ErrorKind::runtime) error.message += "; " + ending;
  error.message = fmt::format("the worker failed in {}: {}", op, error.message);
  return failure(std::move(error));
}

/// ask() where a refusal is an error, as is an answer that cannot be read.
template <class T>
Result<T> RemoteWorker::ask_for(Json request, Seconds timeout, Result<T> (*read)(const Json&)) {
  auto reply = ask(std::move(request), timeout);
  if (!reply) return failure(reply.error());
  if (reply->refusal) return failure(reply->refusal->error());
  auto value = read(reply->body);
  if (!value) end_session();
  return value;
}

Result<void> RemoteWorker::ensure_session() {
  if (session_) return {};
  if (cancelled()) return failure(ErrorKind::interrupted, "interrupted");
  auto session =
      Session::start(options_.command, options_.heartbeat_timeout, options_.show_stderr, options_.cancel);
  if (!session) return failure(session.error());
  session_ = std::move(*session);
  auto hello = ask_for(hello_request(options_.heartbeat_timeout), options_.patience.hello, read_hello);
  if (hello) {
    if (!hello_) hello_ = std::move(*hello);
    return {};
  }
  end_session();
  // Before its first answer, ending is not crashing: the command is wrong, or what it needs is missing.
  Error error = hello.error();
  if (error.kind == ErrorKind::runtime) error.kind = ErrorKind::unavailable;
  if (error.remedy.empty()) error.remedy = fmt::format("check the worker's command: {}", options_.command);
  return failure(std::move(error));
}

Result<Hello> RemoteWorker::hello() {
  if (hello_) return *hello_;
  if (auto ready = ensure_session(); !ready) return failure(ready.error());
  return *hello_;
}

Result<std::vector<DeviceInfo>> RemoteWorker::devices() {
  if (auto ready = ensure_session(); !ready) return failure(ready.error());
  return ask_for(Json{{"op", "devices"}}, options_.patience.hello, read_devices);
}

Result<Loaded> RemoteWorker::load(const LoadRequest& request) {
  loaded_.reset();
  requested_.reset();
  last_lost_.reset();
  lost_in_a_row_ = 0;
  rehearsals_fail_ = false;
  if (auto ready = ensure_session(); !ready) return failure(ready.error());
  auto loaded = load_now(request);
  if (!loaded) return loaded;
  requested_ = request;
  loaded_ = *loaded;
  return loaded;
}

Result<Loaded> RemoteWorker::load_now(const LoadRequest& request) {
  is_loaded_ = false;
  auto loaded = ask_for(load_request(request), options_.patience.load, read_loaded);
  if (!loaded) return loaded;
  if (!request.prompts.empty() && !loaded->subject.workload.prompts) {
    return failure(ErrorKind::usage, request.model + " takes no prompts by this worker",
                   "leave --prompts out");
  }
  is_loaded_ = session_ != nullptr;
  if (loaded->environment) environment_ = *loaded->environment;
  return loaded;
}

Result<void> RemoteWorker::ensure_loaded() {
  if (!requested_) return failure(ErrorKind::usage, "no model is loaded");
  if (auto ready = ensure_session(); !ready) return ready;
  if (is_loaded_) return {};
  auto again = load_now(*requested_);
  if (!again) return failure(again.error());
  if (again->subject == loaded_->subject) return {};
  end_session();
  return failure(ErrorKind::unavailable, "a replaced worker measures another subject than the first",
                 "see what changed on the machine since the run began");
}

Result<void> RemoteWorker::release() {
  requested_.reset();
  loaded_.reset();
  if (!session_ || !is_loaded_) return {};
  is_loaded_ = false;
  auto reply = ask({{"op", "release"}}, options_.patience.other);
  if (!reply) return failure(reply.error());
  if (reply->refusal) return failure(reply->refusal->error());
  return {};
}

Result<void> RemoteWorker::check_video() const {
  if (!requested_) return failure(ErrorKind::usage, "no model is loaded");
  if (can("video")) return {};
  return failure(ErrorKind::usage, requested_->model + " is no model that this worker runs over video",
                 "name a pose model, such as yolo11n-pose");
}

Result<VideoRun> RemoteWorker::run_video(const VideoRequest& request,
                                         const std::function<void(const VideoProgress&)>& told) {
  if (auto ready = ensure_loaded(); !ready) return failure(ready.error());
  if (auto runs = check_video(); !runs) return failure(runs.error());
  const auto reply = ask(video_request(request), options_.patience.probe, [&told](const Json& progress) {
    if (const auto read = read_video_progress(progress)) told(*read);
  });
  if (!reply) return failure(reply.error());
  if (reply->refusal) return failure(reply->refusal->error());
  auto run = read_video_reply(reply->body);
  if (!run) end_session();
  return run;
}

void RemoteWorker::quit() {
  if (session_ && !cancelled()) [[maybe_unused]]
    const auto reply = ask({{"op", "quit"}}, options_.patience.other);
  end_session();
}

Environment RemoteWorker::environment() {
  if (!session_ || !can("environment")) return environment_;
  const auto now = ask_for(Json{{"op", "environment"}}, options_.patience.other, read_environment);
  if (now) environment_ = *now;
  return environment_;
}

ProbeDetails RemoteWorker::details_of(const Probe& probe) const {
  ProbeDetails details;
  details.sampling = options_.sampling;
  details.trace = options_.trace && can("memory_trace");
  if (can("eager_latency")) details.eager_samples = eager_samples;
  const auto* measure = std::get_if<Measure>(&probe);
  if (measure != nullptr && measure->energy && can("energy")) details.energy_span = energy_span;
  if (can("memory_cap")) details.cap = cap_;
  details.attempt = last_lost_ == probe ? lost_in_a_row_ + 1 : 1;
  details.seed = probes_;  // another order for each comparison of the same two
  return details;
}

std::vector<Record> RemoteWorker::run(const Probe& probe) {
  const auto* measure = std::get_if<Measure>(&probe);
  if (measure == nullptr || !measure->rehearse) return run_once(probe);
  if (can("rehearsal") && !rehearsals_fail_) {
    std::vector<Record> records = run_once(probe);
    if (!failed(records)) return records;
    rehearsals_fail_ = true;  // a model may run where it cannot be rehearsed: that says nothing of the batch
  }
  Measure real = *measure;
  real.rehearse = false;
  return run_once(real);
}

std::vector<Record> RemoteWorker::run_once(const Probe& probe) {
  const bool compares = std::holds_alternative<Compare>(probe);
  if (peaks_used_ && !compares && !can("peak_resets")) quit();
  ++probes_;
  const ProbeDetails details = details_of(probe);
  if (auto ready = ensure_loaded(); !ready) {
    if (ready.error().kind == ErrorKind::interrupted) return {};
    return lost(probe, "worker", ready.error().text());
  }
  if (compares && !can("compare")) return lost(probe, "worker", "this worker cannot compare two batches");
  peaks_used_ = true;
  const double started_at = seconds_since_epoch();
  const Json request = std::visit([&](const auto& asked) { return probe_request(asked, details); }, probe);
  const auto reply = ask(request, options_.patience.probe);
  if (reply) return measured(probe, *reply, started_at);
  if (reply.error().kind == ErrorKind::interrupted) return {};
  return lost(probe, fault_kind(reply.error().kind), reply.error().message);
}

std::vector<Record> RemoteWorker::measured(const Probe& probe, const Reply& reply, double started_at) {
  if (reply.refusal) {
    const std::string reason = fmt::format("{}: {}", reply.refusal->kind, reply.refusal->message);
    if (std::holds_alternative<Compare>(probe)) return lost(probe, "worker", reason);
    Observation failed;
    failed.batch = batch_of(probe);
    failed.outcome = Outcome::failed;
    failed.reason = reason;
    failed.started_at = started_at;
    failed.took = seconds_since_epoch() - started_at;
    return {failed};
  }
  auto read = read_probe_reply(reply.body, probe);
  if (!read) {
    end_session();
    return lost(probe, "protocol", read.error().message);
  }
  if (read->environment) environment_ = *read->environment;
  last_lost_.reset();
  return std::move(read->records);
}

std::vector<Record> RemoteWorker::lost(const Probe& probe, std::string fault_kind,
                                       const std::string& detail) {
  lost_in_a_row_ = last_lost_ == probe ? lost_in_a_row_ + 1 : 1;
  last_lost_ = probe;
  return {Fault{batch_of(probe), std::move(fault_kind), detail, seconds_since_epoch()}};
}

}  // namespace batchfit

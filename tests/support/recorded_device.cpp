#include "support/recorded_device.h"

#include <algorithm>
#include <set>
#include <stdexcept>

#include "forecast/affine_program.h"
#include "forecast/allocator_simulation.h"

namespace batchfit::test {

namespace {

/// Whether the event and the next are a workspace's: freed at once.
bool is_workspace(const std::vector<AllocationEvent>& events, std::size_t i) {
  return !events[i].is_free && i + 1 < events.size() && events[i + 1].is_free &&
         events[i + 1].block == events[i].block;
}

/// Where the workspaces of a trace lie: how many events of tensors come before each.
std::set<std::size_t> workspace_places(const AllocationTrace& trace) {
  std::set<std::size_t> places;
  std::size_t tensors = 0;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    if (is_workspace(trace.events, i)) {
      places.insert(tensors);
      ++i;
    } else {
      ++tensors;
    }
  }
  return places;
}

}  // namespace

RecordedDevice::RecordedDevice(const std::filesystem::path& journal, Batch workspaces_at)
    : workspaces_at_(workspaces_at) {
  auto recording = read_recording(journal);
  if (!recording) throw std::runtime_error(recording.error().text());
  workload_ = std::move(recording->workloads.front());
}

AllocationTrace RecordedDevice::trace(Batch batch) const {
  AllocationTrace result = recorded_trace(batch);
  if (batch % workspaces_at_ != 0) leave_out_workspaces(result);
  return result;
}

void RecordedDevice::leave_out_workspaces(AllocationTrace& trace) const {
  const std::set<std::size_t> kept = workspace_places(workload_.traces.front().trace);
  std::vector<AllocationEvent> events;
  std::size_t tensors = 0;
  for (std::size_t i = 0; i < trace.events.size(); ++i) {
    if (!is_workspace(trace.events, i)) {
      events.push_back(trace.events[i]);
      ++tensors;
      continue;
    }
    if (kept.contains(tensors)) events.insert(events.end(), {trace.events[i], trace.events[i + 1]});
    ++i;
  }
  trace.events = std::move(events);
  const AllocatorOutcome outcome = simulate(trace);
  trace.reserved_peak = outcome.reserved_peak;
  trace.allocated_peak = outcome.allocated_peak;
}

AllocationTrace RecordedDevice::recorded_trace(Batch batch) const {
  const auto above = std::ranges::lower_bound(
      workload_.traces, batch, {}, [](const RecordedTrace& recorded) { return recorded.trace.batch; });
  if (above == workload_.traces.end()) throw std::out_of_range("a batch beyond the recorded ones");
  if (above->trace.batch == batch) return above->trace;
  const AllocationTrace& smaller = std::prev(above)->trace;
  const AllocationTrace& larger = above->trace;
  const AllocationTrace* both[] = {&smaller, &larger};
  const auto program = AffineProgram::align(both);
  AllocationTrace result = program ? program->at(batch) : AffineProgram::proportional(larger).at(batch);
  if (result.timing == Timing::graph) {
    const auto between = [&](Bytes AllocationTrace::*field) {
      return on_line(smaller.batch, smaller.*field, larger.batch, larger.*field, batch);
    };
    result.reserved_before = between(&AllocationTrace::reserved_before);
    result.allocated_before = between(&AllocationTrace::allocated_before);
  }
  const AllocatorOutcome outcome = simulate(result);
  result.reserved_peak = outcome.reserved_peak;
  result.allocated_peak = outcome.allocated_peak;
  return result;
}

Bytes RecordedDevice::context(Batch batch) const {
  const auto above = std::ranges::lower_bound(workload_.peaks, batch, {}, &RecordedPeaks::batch);
  return above->context.value();
}

std::vector<Record> RecordedDevice::measure(Batch batch) const {
  const AllocationTrace made = trace(batch);
  Observation observation;
  observation.batch = batch;
  observation.samples = {1e-3};
  observation.memory.reserved_peak = made.reserved_peak;
  observation.memory.allocated_peak = made.allocated_peak;
  observation.memory.context = context(batch);
  return {observation, made};
}

Bytes RecordedDevice::own(Batch batch) const { return trace(batch).reserved_peak + context(batch); }

Batch RecordedDevice::largest_within(Bytes limit) const {
  for (Batch batch = largest(); batch >= 1; --batch) {
    if (own(batch) <= limit) return batch;
  }
  return 0;
}

}  // namespace batchfit::test

#include "facts/summary.h"

#include <algorithm>

#include "facts/fields.h"
#include "facts/journal.h"

namespace batchfit {
namespace {

constexpr std::int64_t cache_version = 1;
constexpr std::string_view cache_format = "batchfit-cache";

Json batch_entry(const Observation& observation) {
  Json entry = {{"batch", observation.batch}, {"outcome", name_of(observation.outcome)}};
  if (!observation.reason.empty()) entry["reason"] = observation.reason;
  const auto put = [&](const char* name, const std::optional<Bytes>& bytes) {
    if (bytes) entry[name] = *bytes;
  };
  put("own_memory_bytes", observation.memory.own());
  put("allocated_peak_bytes", observation.memory.allocated_peak);
  put("reserved_peak_bytes", observation.memory.reserved_peak);
  put("cap_bytes", observation.cap);
  if (observation.outcome == Outcome::measured) {
    const Seconds latency = median(observation.samples);
    const auto [least, most] = std::minmax_element(observation.samples.begin(), observation.samples.end());
    entry["latency_s"] = latency;
    entry["latency_min_s"] = *least;
    entry["latency_max_s"] = *most;
    entry["samples"] = observation.samples.size();
    entry["throughput_per_s"] = static_cast<double>(observation.batch) / latency;
  }
  return entry;
}

Json& workloads_of(Json& summary, const Json& device) {
  for (Json& entry : summary["devices"]) {
    if (entry["device"] == device) return entry["workloads"];
  }
  summary["devices"].push_back({{"device", device}, {"workloads", Json::array()}});
  return summary["devices"].back()["workloads"];
}

}  // namespace

Seconds median(std::vector<Seconds> samples) {
  const std::size_t half = samples.size() / 2;
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(half), samples.end());
  const Seconds upper = samples[half];
  if (samples.size() % 2 == 1) return upper;
  return (upper + *std::max_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(half))) /
         2;
}

Json empty_summary() {
  return {{"format", cache_format}, {"version", cache_version}, {"devices", Json::array()}};
}

Result<void> check_summary(const Json& summary) {
  std::string format;
  std::int64_t version = 0;
  Fields fields(summary, "it");
  fields.required("format", format);
  fields.required("version", version);
  if (auto checked = fields.finish(0); !checked) return failure(checked.error());
  if (format != cache_format || version != cache_version) {
    return failure(ErrorKind::corrupt, "it is '" + format + "' version " + std::to_string(version));
  }
  const Json* devices = fields.find("devices");
  const auto is_list = [](const Json& entry, const char* name) {
    return entry.contains(name) && entry[name].is_array();
  };
  const auto is_workload = [&](const Json& entry) {
    return entry.is_object() && entry.contains("key") && entry["key"].is_string() &&
           is_list(entry, "batches");
  };
  const auto is_device = [&](const Json& entry) {
    return entry.is_object() && entry.contains("device") && is_list(entry, "workloads") &&
           std::all_of(entry["workloads"].begin(), entry["workloads"].end(), is_workload);
  };
  if (devices == nullptr || !devices->is_array() ||
      !std::all_of(devices->begin(), devices->end(), is_device)) {
    return failure(ErrorKind::corrupt, "its devices and workloads are misshapen");
  }
  return {};
}

void put_into_summary(Json& summary, const Subject& subject, const Evidence& evidence) {
  Json batches = Json::array();
  for (const Batch batch : evidence.observed()) batches.push_back(batch_entry(*evidence.observation(batch)));
  Json entry = {{"key", key_of(subject)},
                {"journal", journal_name(subject)},
                {"runtime", to_json(subject.runtime)},
                {"workload", to_json(subject.workload)},
                {"batches", std::move(batches)}};
  Json& workloads = workloads_of(summary, to_json(subject.device));
  for (Json& old : workloads) {
    if (old["key"] == entry["key"]) {
      old = std::move(entry);
      return;
    }
  }
  workloads.push_back(std::move(entry));
}

std::string print_summary(const Json& summary) {
  std::string out = "{\"format\": " + dump_json(summary["format"]) +
                    ", \"version\": " + dump_json(summary["version"]) + ", \"devices\": [";
  const char* device_comma = "\n";
  for (const Json& device : summary["devices"]) {
    out +=
        device_comma + std::string(" {\"device\": ") + dump_json(device["device"]) + ",\n  \"workloads\": [";
    device_comma = ",\n";
    const char* workload_comma = "\n";
    for (const Json& workload : device["workloads"]) {
      Json head = workload;
      head.erase("batches");
      std::string opened = dump_json(head);
      opened.pop_back();
      out += workload_comma + std::string("   ") + opened + ",\n    \"batches\": [";
      workload_comma = ",\n";
      const char* batch_comma = "\n";
      for (const Json& batch : workload["batches"]) {
        out += batch_comma + std::string("     ") + dump_json(batch);
        batch_comma = ",\n";
      }
      out += "]}";
    }
    out += "]}";
  }
  return out + "]}\n";
}

}  // namespace batchfit

#pragma once

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "facts/evidence.h"
#include "facts/workload.h"

namespace batchfit {

using Json = nlohmann::json;

// The JSON forms of the facts, as docs/cache.md and docs/protocol.md define them. Seconds and bytes; absent
// is left out. Reading is strict: a missing, misshapen, negative or non-finite value is a `corrupt` error
// that names the field.

/// Parses text into one JSON value; corrupt error (never an exception) where it is none.
Result<Json> parse_json(std::string_view text);

/// Compact, with invalid UTF-8 replaced: what a library or a path contains must not stop a record from
/// being saved.
std::string dump_json(const Json& json);

Json to_json(const Workload& workload);
Json to_json(const Device& device);
Json to_json(const Runtime& runtime);
Json to_json(const Subject& subject);
Json to_json(const Observation& observation);
Json to_json(const Comparison& comparison);
Json to_json(const AllocationTrace& trace);
Json to_json(const Fault& fault);
Json to_json(const Record& record);  ///< with "record": observation | comparison | trace | fault

Result<Workload> workload_from_json(const Json& json);
Result<Device> device_from_json(const Json& json);
Result<Runtime> runtime_from_json(const Json& json);
Result<Subject> subject_from_json(const Json& json);
Result<Observation> observation_from_json(const Json& json);
Result<Comparison> comparison_from_json(const Json& json);
Result<AllocationTrace> trace_from_json(const Json& json);
Result<Fault> fault_from_json(const Json& json);
Result<Record> record_from_json(const Json& json);

/// 16 hexadecimal digits: XXH3-64 of the subject's canonical JSON (keys sorted, no white space). Names
/// its journal.
std::string key_of(const Subject& subject);

std::string_view name_of(Timing timing);
std::string_view name_of(Outcome outcome);
Result<Outcome> outcome_from(const std::string& name);  ///< corrupt error where none has this name

}  // namespace batchfit

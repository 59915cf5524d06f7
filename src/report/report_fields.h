#pragma once

#include "facts/json.h"
#include "report/run_report.h"

namespace batchfit {

// Readers of the parts of a result file that are small; each is strict and names the field that is wrong.

/// `out` is everything of the run but its workloads.
Result<RunReport> run_from_json(const Json& json);
Result<Answer> answer_from_json(const Json& json);
Result<AnswerFigures> answer_figures_from_json(const Json& json);
Result<BatchFigures> batch_figures_from_json(const Json& json);
Result<Confirmation> confirmation_from_json(const Json& json);
Result<MixtureReport> mixture_from_json(const Json& json);
Result<Environment> environment_from_json(const Json& json);
Result<Relaxation> relaxation_from_json(const Json& json);
Result<Price> price_from_json(const Json& json);
Result<Processing> processing_from_json(const Json& json);
Result<Error> error_from_json(const Json& json);
Result<Status> status_from(const std::string& name);
Result<Basis> basis_from(const std::string& name);

}  // namespace batchfit

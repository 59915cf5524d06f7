#pragma once

#include <string>
#include <vector>

#include "facts/video.h"
#include "facts/workload.h"
#include "tune/tuned.h"

namespace batchfit {

/// A run over video as people read it on a terminal of 80 columns. Ends with \n. No text of a file can
/// control the terminal.
std::string render_video(const Subject& subject, const VideoRun& run);

/// What tuning the pipeline showed, a row a batch, in 80 columns; "" where no batch was run. Ends with \n.
std::string render_pipeline(const TunedPipeline& pipeline);

/// The same as JSON (docs/video.md), and back.
Json pipeline_json(const TunedPipeline& pipeline);
Result<TunedPipeline> pipeline_from_json(const Json& json);

/// The run as docs/video.md defines it (format "batchfit-video", version 1); ends with \n.
std::string export_video_json(const Subject& subject, const VideoRun& run,
                              const std::vector<std::string>& command);

}  // namespace batchfit

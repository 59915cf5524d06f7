#pragma once

#include <string>
#include <vector>

#include "facts/video.h"
#include "facts/workload.h"

namespace batchfit {

/// Stages that share threads or a device, one after the other, limit a pipeline together.
struct VideoResource {
  std::string name;       ///< decoding, device, post-processing, encoding
  Seconds per_frame = 0;  ///< at its own pace
};

/// Those of a run, and the slowest of them, which is the most that its pipeline can reach.
std::vector<VideoResource> video_resources(const VideoRun& run);
VideoResource slowest_resource(const VideoRun& run);

/// A run over video as people read it on a terminal of 80 columns. Ends with \n. No text of a file can
/// control the terminal.
std::string render_video(const Subject& subject, const VideoRun& run);

/// The run as docs/video.md defines it (format "batchfit-video", version 1); ends with \n.
std::string export_video_json(const Subject& subject, const VideoRun& run,
                              const std::vector<std::string>& command);

}  // namespace batchfit

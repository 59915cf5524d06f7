#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "files/module.h"

// YOLO11's architecture as data, free of torch: from a checkpoint's pickled module, or composed for a scale.
namespace batchfit {

/// One module: its class, its numbers, what it holds.
struct YoloModule {
  std::string kind;                                     ///< class without its packages: "C3k2"
  std::string path;                                     ///< name in the whole: "model.2.cv1"
  std::map<std::string, std::vector<double>> settings;  ///< a single number is a list of one
  std::vector<YoloModule> children;

  std::string_view name() const { return std::string_view(path).substr(path.rfind('.') + 1); }
};

struct YoloLayer {
  std::vector<std::int64_t>
      from;  ///< layers whose outputs it takes; -1: the one before, of the first the image
  YoloModule module;
};

struct YoloDescription {
  std::vector<YoloLayer> layers;  ///< the last one is the head
};

/// The description in a checkpoint's module, whose weights are under the same paths. corrupt error where a
/// module is of a kind, or set in a way, that is not known here; usage error where the file says that it is
/// of another scale.
Result<YoloDescription> describe_yolo(const files::Module& model, char scale);

struct YoloKeypoints {
  std::int64_t count = 17;
  std::int64_t values = 3;  ///< of each: x, y and, where it is 3, visibility
};

/// YOLO11 for pose of scale n, s, m, l or x, composed from its published table of layers and widths.
YoloDescription yolo11_pose(char scale, std::int64_t classes, const YoloKeypoints& keypoints);

}  // namespace batchfit

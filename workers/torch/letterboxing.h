#pragma once

#include <ATen/core/Tensor.h>

#include <array>

#include "video/frame.h"
#include "vision/letterbox.h"

namespace batchfit {

/// Makes a network's input of decoded pictures, on the device: scales the planes (bilinear, as most trainers
/// do), makes red, green and blue from 0 to 1 of them there, where there are fewer pixels, and pads with
/// grey.
class Letterboxing {
 public:
  explicit Letterboxing(at::Device device);

  /// Writes the picture into `item` [3, rows, columns] where vision::letterbox has it. `planes` are its bytes
  /// (video::picture_bytes) on the device.
  void write(const video::Picture& picture, const at::Tensor& planes, const at::Tensor& item) const;

 private:
  struct Conversion {
    at::Tensor matrix;  ///< [3, 3]: red, green and blue of luma, blue and red difference
    at::Tensor offset;  ///< [3, 1]
  };
  static Conversion conversion(video::Colours colours, at::Device device);

  std::array<Conversion, 2> conversions_;  ///< by video::Colours
};

}  // namespace batchfit

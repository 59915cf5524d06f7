#include "letterboxing.h"

#include <ATen/ops/addmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/upsample_bilinear2d.h>

#include <vector>

namespace batchfit {
namespace {

/// What Ultralytics pads with.
constexpr double grey = 114.0 / 255.0;

/// [channels, rows, columns] bytes, scaled into `to` [channels, …] of float32.
void scale_into(const at::Tensor& planes, at::Tensor to) {
  at::Tensor out = to.unsqueeze(0);
  at::upsample_bilinear2d_out(out, planes.unsqueeze(0).to(at::kFloat), to.sizes().slice(1),
                              /*align_corners=*/false);
}

}  // namespace

Letterboxing::Letterboxing(at::Device device)
    : conversions_{conversion(video::Colours::bt601, device), conversion(video::Colours::bt709, device)} {}

/// ITU-R BT.601 and BT.709: luma from 16 to 235, differences from 16 to 240 around 128.
Letterboxing::Conversion Letterboxing::conversion(video::Colours colours, at::Device device) {
  const bool hd = colours == video::Colours::bt709;
  const double red = hd ? 0.2126 : 0.299, blue = hd ? 0.0722 : 0.114, green = 1 - red - blue;
  const double luma = 1 / 219.0, difference = 1 / 224.0;
  std::vector<float> matrix;
  for (const double value : {luma, 0.0, 2 * (1 - red) * difference,              //
                             luma, -2 * blue * (1 - blue) / green * difference,  //
                             -2 * red * (1 - red) / green * difference,          //
                             luma, 2 * (1 - blue) * difference, 0.0}) {
    matrix.push_back(static_cast<float>(value));
  }
  std::vector<float> offset;
  for (std::size_t row = 0; row < 3; ++row) {
    offset.push_back(-(16 * matrix[3 * row] + 128 * (matrix[3 * row + 1] + matrix[3 * row + 2])));
  }
  return {at::from_blob(matrix.data(), {3, 3}, at::kFloat).clone().to(device),
          at::from_blob(offset.data(), {3, 1}, at::kFloat).clone().to(device)};
}

void Letterboxing::write(const video::Picture& picture, const at::Tensor& planes,
                         const at::Tensor& item) const {
  const vision::Letterbox box = vision::letterbox(picture.size, {item.size(2), item.size(1)});
  const std::int64_t width = picture.size.width, height = picture.size.height;
  const std::int64_t half_width = (width + 1) / 2, half_height = (height + 1) / 2;
  const at::Tensor scaled =
      at::empty({3, box.scaled.height, box.scaled.width}, planes.options().dtype(at::kFloat));
  scale_into(planes.narrow(0, 0, width * height).view({1, height, width}), scaled.narrow(0, 0, 1));
  scale_into(
      planes.narrow(0, width * height, 2 * half_width * half_height).view({2, half_height, half_width}),
      scaled.narrow(0, 1, 2));
  const Conversion& conversion = conversions_.at(static_cast<std::size_t>(picture.colours));
  const at::Tensor colours =
      at::addmm(conversion.offset, conversion.matrix, scaled.view({3, -1})).clamp_(0, 1);
  item.fill_(grey);
  item.narrow(1, box.top, box.scaled.height)
      .narrow(2, box.left, box.scaled.width)
      .copy_(colours.view_as(scaled));
}

}  // namespace batchfit

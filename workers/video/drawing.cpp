#include "video/drawing.h"

#include <agg2/agg_conv_stroke.h>
#include <agg2/agg_conv_transform.h>
#include <agg2/agg_ellipse.h>
#include <agg2/agg_path_storage.h>
#include <agg2/agg_pixfmt_gray.h>
#include <agg2/agg_rasterizer_scanline_aa.h>
#include <agg2/agg_renderer_base.h>
#include <agg2/agg_renderer_scanline.h>
#include <agg2/agg_rendering_buffer.h>
#include <agg2/agg_scanline_u.h>
#include <agg2/agg_trans_affine.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace batchfit::video {
namespace {

constexpr double seen_from = 0.5;
/// Of the mean of the picture's sides; a line is at least two pixels wide.
constexpr double line_share = 0.003;
constexpr double point_radius = 1.2;  // line widths

struct Colour {
  int red, green, blue;
};

constexpr Colour box_colour{0, 114, 255}, point_colour{255, 255, 255};
constexpr Colour head{0, 220, 0}, arms{51, 153, 255}, body{255, 51, 255}, legs{255, 128, 0};

struct Limb {
  std::size_t from, to;
  Colour colour;
};

/// COCO's key points: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles, the left one first.
constexpr std::array<Limb, 18> limbs{{{0, 1, head},
                                      {0, 2, head},
                                      {1, 3, head},
                                      {2, 4, head},
                                      {3, 5, head},
                                      {4, 6, head},
                                      {5, 6, body},
                                      {5, 7, arms},
                                      {7, 9, arms},
                                      {6, 8, arms},
                                      {8, 10, arms},
                                      {5, 11, body},
                                      {6, 12, body},
                                      {11, 12, body},
                                      {11, 13, legs},
                                      {13, 15, legs},
                                      {12, 14, legs},
                                      {14, 16, legs}}};
constexpr std::size_t coco_points = 17;

/// Luma and colour differences of a colour, from 16 to 235 and 240.
std::array<std::uint8_t, 3> planes_of(const Colour& colour, Colours colours) {
  const double kr = colours == Colours::bt709 ? 0.2126 : 0.299,
               kb = colours == Colours::bt709 ? 0.0722 : 0.114;
  const double red = colour.red / 255.0, green = colour.green / 255.0, blue = colour.blue / 255.0;
  const double luma = kr * red + (1 - kr - kb) * green + kb * blue;
  const auto byte = [](double value) { return static_cast<std::uint8_t>(std::lround(value)); };
  return {byte(16 + 219 * luma), byte(128 + 112 * (blue - luma) / (1 - kb)),
          byte(128 + 112 * (red - luma) / (1 - kr))};
}

/// One plane that shapes are drawn on.
class Plane {
 public:
  Plane(std::byte* pixels, std::int64_t width, std::int64_t height)
      : buffer_(reinterpret_cast<agg::int8u*>(pixels), static_cast<unsigned>(width),
                static_cast<unsigned>(height), static_cast<int>(width)),
        format_(buffer_),
        base_(format_) {}

  void fill(agg::rasterizer_scanline_aa<>& shape, agg::scanline_u8& line, std::uint8_t value) {
    agg::render_scanlines_aa_solid(shape, line, base_, agg::gray8(value));
  }

 private:
  agg::rendering_buffer buffer_;
  agg::pixfmt_gray8 format_;
  agg::renderer_base<agg::pixfmt_gray8> base_;
};

class Canvas {
 public:
  explicit Canvas(const Picture& picture)
      : picture_(picture),
        half_width_((picture.size.width + 1) / 2),
        half_height_((picture.size.height + 1) / 2),
        luma_(picture.planes.data(), picture.size.width, picture.size.height),
        blue_(picture.planes.data() + picture.size.width * picture.size.height, half_width_, half_height_),
        red_(picture.planes.data() + picture.size.width * picture.size.height + half_width_ * half_height_,
             half_width_, half_height_),
        width_(
            std::max(2.0, line_share * static_cast<double>(picture.size.width + picture.size.height) / 2)) {}

  void line(const vision::Point& from, const vision::Point& to, const Colour& colour) {
    path_.remove_all();
    path_.move_to(static_cast<double>(from.x), static_cast<double>(from.y));
    path_.line_to(static_cast<double>(to.x), static_cast<double>(to.y));
    stroke(colour);
  }

  void box(const vision::Box& box, const Colour& colour) {
    path_.remove_all();
    path_.move_to(static_cast<double>(box.left), static_cast<double>(box.top));
    path_.line_to(static_cast<double>(box.right), static_cast<double>(box.top));
    path_.line_to(static_cast<double>(box.right), static_cast<double>(box.bottom));
    path_.line_to(static_cast<double>(box.left), static_cast<double>(box.bottom));
    path_.close_polygon();
    stroke(colour);
  }

  void disc(const vision::Point& at, const Colour& colour) {
    const double radius = width_ * point_radius;
    agg::ellipse circle(static_cast<double>(at.x), static_cast<double>(at.y), radius, radius);
    fill(circle, colour);
  }

 private:
  void stroke(const Colour& colour) {
    agg::conv_stroke<agg::path_storage> outline(path_);
    outline.width(width_);
    outline.line_cap(agg::round_cap);
    fill(outline, colour);
  }

  /// One shape after the other: to sort the cells of all at once takes longer.
  template <class Shape>
  void fill(Shape& shape, const Colour& colour) {
    const auto values = planes_of(colour, picture_.colours);
    rasterize(shape, 1, picture_.size.width, picture_.size.height);
    luma_.fill(rasterizer_, scanline_, values[0]);
    rasterize(shape, 0.5, half_width_, half_height_);
    blue_.fill(rasterizer_, scanline_, values[1]);
    red_.fill(rasterizer_, scanline_, values[2]);
  }

  /// The shape at a plane's scale.
  template <class Shape>
  void rasterize(Shape& shape, double scale, std::int64_t width, std::int64_t height) {
    rasterizer_.reset();
    rasterizer_.clip_box(0, 0, static_cast<double>(width), static_cast<double>(height));
    const agg::trans_affine to_plane = agg::trans_affine_scaling(scale);
    agg::conv_transform<Shape, const agg::trans_affine> scaled(shape, to_plane);
    rasterizer_.add_path(scaled);
  }

  Picture picture_;
  std::int64_t half_width_, half_height_;
  Plane luma_, blue_, red_;
  double width_;
  agg::path_storage path_;
  agg::rasterizer_scanline_aa<> rasterizer_;
  agg::scanline_u8 scanline_;
};

bool is_seen(const vision::KeyPoint& point) { return !(point.visibility.value_or(1) < seen_from); }

}  // namespace

void draw_poses(const Picture& picture, std::span<const vision::Pose> poses) {
  if (poses.empty()) return;
  Canvas canvas(picture);
  for (const vision::Pose& pose : poses) {
    canvas.box(pose.box, box_colour);
    for (const Limb& limb : limbs) {
      if (pose.points.size() != coco_points) break;
      const vision::KeyPoint &from = pose.points[limb.from], &to = pose.points[limb.to];
      if (is_seen(from) && is_seen(to)) canvas.line(from.at, to.at, limb.colour);
    }
    for (const vision::KeyPoint& point : pose.points) {
      if (is_seen(point)) canvas.disc(point.at, point_colour);
    }
  }
}

}  // namespace batchfit::video

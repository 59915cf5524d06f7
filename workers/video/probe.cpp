#include "video/probe.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <regex>
#include <sstream>

#include "video/child.h"
#include "video/ffmpeg.h"

namespace batchfit::video {
namespace {

/// From here on a picture without a label is BT.709, as players have it.
constexpr std::int64_t high_definition_rows = 720;

/// Longer lines are somebody's metadata, and regular expressions recurse over them.
constexpr std::size_t longest_line = 1000;

/// Ticks or frames: NUT has no finer time base.
constexpr double most_a_second = 1e9;

double number_in(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

std::optional<double> number_before(const std::string& line, const std::string& unit) {
  const std::regex pattern(R"(, ([0-9.]+)(k?) )" + unit);
  std::smatch found;
  if (!std::regex_search(line, found, pattern)) return std::nullopt;
  const double value = number_in(found[1]) * (found[2].length() > 0 ? 1000 : 1);
  return value > 0 && value <= most_a_second ? std::optional(value) : std::nullopt;
}

std::optional<Seconds> duration_in(const std::string& line) {
  static const std::regex pattern(R"(^  Duration: (\d{1,6}):(\d\d):(\d\d\.\d+),)");
  std::smatch found;
  if (!std::regex_search(line, found, pattern)) return std::nullopt;
  return number_in(found[1]) * 3600 + number_in(found[2]) * 60 + number_in(found[3]);
}

/// The line of a stream of pictures; a cover is none.
bool is_video(const std::string& line) {
  return line.starts_with("  Stream #0:") && line.find(": Video: ") != std::string::npos &&
         line.find("(attached pic)") == std::string::npos;
}

/// "…, yuv420p(tv, bt709, progressive), 1920x1080 [SAR 1:1 DAR 16:9], …, 25 fps, 25 tbr, 12800 tbn".
bool read_stream(const std::string& line, VideoInfo& info) {
  static const std::regex pattern(R"(, (\w+)(\([^)]*\))?, (\d{1,6})x(\d{1,6})[, ])");
  std::smatch found;
  if (!std::regex_search(line, found, pattern)) return false;
  info.size = {std::stol(found[3]), std::stol(found[4])};
  const std::string format = found[1], label = found[2];
  info.full_range = format.starts_with("yuvj") || label.starts_with("(pc");
  const bool named_601 =
      label.find("bt470bg") != std::string::npos || label.find("smpte170m") != std::string::npos;
  const bool named_709 = label.find("bt709") != std::string::npos;
  info.colours =
      named_709 || (!named_601 && info.size.height >= high_definition_rows) ? Colours::bt709 : Colours::bt601;
  info.frames_per_second = number_before(line, "fps");
  const auto ticks = number_before(line, "tbn");
  if (ticks && *ticks == std::floor(*ticks)) info.ticks = static_cast<std::int64_t>(*ticks);
  return info.size.width > 0 && info.size.height > 0;
}

/// Whether the display matrix turns the picture onto its side.
bool is_turned(const std::string& line) {
  static const std::regex pattern(R"((?:displaymatrix|Display Matrix): rotation of (-?[0-9.]+) degrees)");
  std::smatch found;
  if (!std::regex_search(line, found, pattern)) return false;
  const double degrees = std::abs(number_in(found[1]));
  return degrees > 45 && degrees < 135;
}

/// The last thing that ffmpeg said of the file, without its name.
std::string complaint_in(const std::string& said, const std::string& path) {
  std::istringstream lines(said);
  std::string complaint = "ffmpeg says nothing of it";
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("At least one output") || line.empty()) continue;
    const std::size_t at = line.find(path + ": ");
    complaint = at == std::string::npos ? line : line.substr(at + path.size() + 2);
  }
  return complaint;
}

}  // namespace

std::optional<std::int64_t> VideoInfo::frames() const {
  if (!duration || !frames_per_second) return std::nullopt;
  return std::llround(*duration * *frames_per_second);
}

Result<VideoInfo> parse_probe(const std::string& said, const std::string& path) {
  std::istringstream lines(said);
  VideoInfo info;
  bool is_media = false, found = false, inside = false, turned = false;
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.size(), longest_line));
    is_media = is_media || line.starts_with("Input #0, ");
    if (const auto duration = duration_in(line)) info.duration = duration;
    if (line.starts_with("  Stream #")) {
      inside = !found && is_video(line);
      if (inside && !read_stream(line, info)) {
        return failure(ErrorKind::usage, path + ": its video stream has no size",
                       "check that the file plays; it may be damaged");
      }
      found = found || inside;
    }
    turned = turned || (inside && is_turned(line));
  }
  if (turned) std::swap(info.size.width, info.size.height);
  if (found) return info;
  if (is_media) return failure(ErrorKind::usage, path + " has no video stream", "name a file with pictures");
  return failure(ErrorKind::usage, path + " cannot be read as video: " + complaint_in(said, path),
                 "name a video file that ffmpeg can play");
}

Result<VideoInfo> probe(const std::string& ffmpeg, const std::string& path) {
  auto child = Child::start({ffmpeg, "-hide_banner", "-nostdin", "-i", input_name(path)},
                            Child::Pipe::from_its_stdout);
  if (!child) return failure(child.error());
  child->wait();  // it always complains that there is no output to write
  return parse_probe(child->said(), path);
}

}  // namespace batchfit::video

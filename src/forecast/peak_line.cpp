#include "forecast/peak_line.h"

#include <algorithm>
#include <cmath>

namespace batchfit {
namespace {

/// Peaks move in steps of whole segments and with the library's choices, so the fan of lines is widened by
/// this part of the peak for each doubling beyond the largest batch.
constexpr double margin_of_peaks = 0.05;

/// Segments are at least 2 MiB and often 20 MiB: small peaks are uncertain by one.
constexpr Bytes one_segment = 20 * mebibyte;

double slope(std::pair<const Batch, Bytes> first, std::pair<const Batch, Bytes> second) {
  return static_cast<double>(second.second - first.second) / static_cast<double>(second.first - first.first);
}

PeakEstimate widened(double likely, double low, double high, double part) {
  const auto margin = part * likely + static_cast<double>(one_segment);
  const auto bytes = [](double value) { return static_cast<Bytes>(std::clamp(value, 0.0, 0x1p62)); };
  return {bytes(likely), bytes(low - margin), bytes(high + margin)};
}

}  // namespace

PeakEstimate estimate_peak(const std::map<Batch, Bytes>& peaks, Batch batch) {
  const auto above = peaks.lower_bound(batch);
  if (above != peaks.end() && above->first == batch) return {above->second, above->second, above->second};
  if (above == peaks.begin()) {
    const auto smallest = static_cast<double>(above->second);
    const double scaled = smallest * static_cast<double>(batch) / static_cast<double>(above->first);
    return widened(smallest, scaled, smallest, 0);
  }
  const auto below = std::prev(above);
  if (above != peaks.end()) {
    const auto low = static_cast<double>(std::min(below->second, above->second));
    const auto high = static_cast<double>(std::max(below->second, above->second));
    const double likely = static_cast<double>(below->second) +
                          slope(*below, *above) * static_cast<double>(batch - below->first);
    return widened(likely, low, high, 0);
  }
  const auto largest = static_cast<double>(below->second);
  const auto distance = static_cast<double>(batch - below->first);
  const double proportional = largest / static_cast<double>(below->first);
  const auto near = std::find_if(peaks.begin(), below, [&](const auto& peak) {
    return peak != *peaks.begin() && 2 * peak.first > below->first;
  });
  double lowest = below == peaks.begin() ? 0 : slope(*std::prev(near), *below);
  double highest = below == peaks.begin() ? proportional : lowest;
  const double likely = highest;
  for (auto other = peaks.begin(); other != near; ++other) {
    lowest = std::min(lowest, slope(*other, *below));
    highest = std::max(highest, slope(*other, *below));
  }
  const double doublings =
      std::max(1.0, std::log2(static_cast<double>(batch) / static_cast<double>(below->first)));
  return widened(largest + likely * distance, largest + lowest * distance, largest + highest * distance,
                 margin_of_peaks * doublings);
}

}  // namespace batchfit

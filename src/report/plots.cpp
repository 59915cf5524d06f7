#include "report/plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "report/display.h"
#include "report/labels.h"
#include "report/wording.h"

namespace batchfit {
namespace {

// Okabe and Ito's colours, which people tell apart whatever their colour vision; shapes differ as well.
constexpr const char* blue = "#0072B2";
constexpr const char* orange = "#E69F00";
constexpr const char* vermillion = "#D55E00";
constexpr const char* green = "#009E73";

// At half a page's width (8 cm) 14 points of 640 pixels are 6 points: still read.
constexpr const char* preamble = R"(set encoding utf8
set grid back lc rgb '#DDDDDD'
set border 3 lc rgb '#444444'
set tics nomirror
set key below left Left reverse samplen 2 spacing 1.1 noenhanced
set logscale x 2
set format x '%.0f'
set xlabel 'batch (items in one call)'
set offsets graph 0.04, graph 0.04, graph 0.06, 0
)";

double gib(double bytes) { return bytes / static_cast<double>(gibibyte); }

/// In gnuplot's single quotes, where nothing but the quote itself means anything.
std::string in_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : printable(text)) out.append(c == '\'' ? 2 : 1, c);
  return out + "'";
}

/// Lower-case letters, digits and dashes: safe in a file name, whatever the model is called.
std::string slug(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.';
    if (plain) out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (!plain && !out.empty() && out.back() != '-') out += '-';
  }
  while (!out.empty() && (out.back() == '-' || out.back() == '.')) out.pop_back();
  return out.empty() || out.front() == '.' ? "model" + out : out;
}

/// The same plot twice, as SVG and as PNG.
std::string both_formats(const std::string& name, const std::string& plot) {
  return fmt::format(
      "set terminal svg size 640,420 dynamic font 'sans-serif,14' background rgb 'white'\nset output {}\n{}"
      "set terminal pngcairo size 1280,840 font 'sans-serif,28' linewidth 2 pointscale 1.6 background rgb "
      "'white'\nset "
      "output {}\nreplot\nunset output\n",
      in_quotes(name + ".svg"), plot, in_quotes(name + ".png"));
}

/// A named block of data lines; empty where there are none.
class Data {
 public:
  explicit Data(std::string name) : name_(std::move(name)) {}
  template <class... T>
  void line(T... values) {
    ((lines_ += fmt::format("{} ", values)), ...);
    lines_ += "\n";
  }
  bool empty() const { return lines_.empty(); }
  std::string block() const { return fmt::format("${} << EOD\n{}EOD\n", name_, lines_); }
  std::string name() const { return "$" + name_; }

 private:
  std::string name_;
  std::string lines_;
};

/// Joins the layers of one plot; data that is empty is left out.
class Layers {
 public:
  void add(const Data& data, const std::string& how) {
    if (data.empty()) return;
    blocks_ += data.block();
    layer(data.name() + " " + how);
  }
  void limit(double value, const std::string& title) {
    layer(fmt::format("{} with lines lw 2 dt 2 lc rgb '{}' title {}", value, vermillion, in_quotes(title)));
  }
  bool empty() const { return layers_.empty(); }
  std::string plot() const { return blocks_ + "plot " + layers_ + "\n"; }

 private:
  void layer(const std::string& text) { layers_ += (layers_.empty() ? "" : ", \\\n  ") + text; }
  std::string blocks_;
  std::string layers_;
};

/// A line for the model and one for the device, neither wider than the plot.
std::string title_of(const WorkloadReport& workload, const std::string& label) {
  constexpr std::size_t widest = 66;
  std::string model = in_quotes(shorten(printable(label), widest));
  if (!workload.subject) return model;
  return model + ".\"\\n\"." + in_quotes(shorten(printable(device_text(workload.subject->device)), widest));
}

class WorkloadPlots {
 public:
  WorkloadPlots(const WorkloadReport& workload, std::string title, std::string name)
      : workload_(workload), title_(std::move(title)), name_(std::move(name)) {}

  std::string script() const { return memory() + throughput() + latency(); }

 private:
  std::string drawn(const char* suffix, const char* unit, const Layers& layers) const {
    if (layers.empty()) return "";
    std::string plot = fmt::format("set title {} noenhanced\nset ylabel {}\nunset arrow\nunset label\n",
                                   title_, in_quotes(unit));
    if (const auto batch = workload_.figures.batch) {
      plot += fmt::format(
          "set arrow from {0}, graph 0 to {0}, graph 1 nohead lw 2 lc rgb '{1}' back\n"
          "set label {2} at {0}, graph 0.82 offset 0.6,0 tc rgb '{1}' front\n",
          *batch, green, in_quotes("answer " + count_text(*batch)));
    }
    return both_formats(name_ + "-" + suffix, plot + layers.plot());
  }

  /// What others hold counts where the limit is on the device's memory.
  double held_by_others() const {
    const auto& best = workload_.answer.best;
    const bool of_device = best && best->memory && workload_.figures.memory;
    if (!of_device) return 0;
    for (const BatchFigures& figures : workload_.batches) {
      if (figures.batch == best->batch && figures.own_memory)
        return best->memory->value - static_cast<double>(*figures.own_memory);
    }
    return 0;
  }

  std::string memory() const {
    const double others = held_by_others();
    Data measured("measured");
    Data forecast("forecast");
    for (const BatchFigures& figures : workload_.batches) {
      if (figures.own_memory)
        measured.line(figures.batch, gib(static_cast<double>(*figures.own_memory) + others));
    }
    for (const Forecast& one : workload_.forecasts) {
      const auto of = [&](Bytes own) { return gib(static_cast<double>(own) + others); };
      forecast.line(one.batch, of(one.own), of(one.low), of(one.high));
    }
    Layers layers;
    layers.add(
        forecast,
        fmt::format("using 1:2:3:4 with yerrorbars pt 5 ps 0.6 lw 1.5 lc rgb '{}' title 'forecast before "
                    "it ran, with its interval'",
                    orange));
    layers.add(measured,
               fmt::format("using 1:2 with linespoints pt 7 ps 0.8 lw 2 lc rgb '{}' title 'measured'", blue));
    const auto& best = workload_.answer.best;
    if (!layers.empty() && best && best->memory) layers.limit(gib(best->memory->limit), "memory limit");
    return drawn("memory", others > 0 ? "device memory in use (GiB)" : "memory (GiB)", layers);
  }

  std::string throughput() const {
    Data all("rates");
    Data passing("passing");
    for (const BatchFigures& figures : workload_.batches) {
      if (!figures.throughput) continue;
      all.line(figures.batch, *figures.throughput);
      const auto& passes = workload_.answer.passing;
      if (std::binary_search(passes.begin(), passes.end(), figures.batch))
        passing.line(figures.batch, *figures.throughput);
    }
    Layers layers;
    layers.add(
        all, fmt::format("using 1:2 with linespoints pt 6 ps 0.9 lw 1.5 lc rgb '{}' title 'measured'", blue));
    layers.add(passing,
               fmt::format("using 1:2 with points pt 7 ps 0.9 lc rgb '{}' title 'passes the limits'", blue));
    return drawn("throughput", "throughput (items/s)", layers);
  }

  std::string latency() const {
    constexpr double ms = 1e3;
    const bool graph = workload_.subject && workload_.subject->workload.timing == Timing::graph;
    Data timed("timed");
    Data eager("eager");
    for (const BatchFigures& figures : workload_.batches) {
      if (figures.latency)
        timed.line(figures.batch, *figures.latency * ms, *figures.latency_min * ms,
                   *figures.latency_max * ms);
      if (figures.eager_latency) eager.line(figures.batch, *figures.eager_latency * ms);
    }
    Layers layers;
    layers.add(
        eager,
        fmt::format("using 1:2 with linespoints pt 9 ps 0.9 lw 1.5 dt 3 lc rgb '{}' title 'ordinary call, "
                    "the shortest'",
                    orange));
    layers.add(timed,
               fmt::format("using 1:2:3:4 with yerrorlines pt 7 ps 0.8 lw 2 lc rgb '{}' title {}", blue,
                           in_quotes(graph ? "graph replay, median, least to most"
                                           : "ordinary call, median, least to most")));
    const auto& best = workload_.answer.best;
    if (!layers.empty() && best && best->latency) layers.limit(best->latency->limit * ms, "latency limit");
    return drawn("latency", "latency (ms)", layers);
  }

  const WorkloadReport& workload_;
  std::string title_;  ///< a string expression of gnuplot
  std::string name_;
};

/// The named size that tells the workloads of one model apart, where it is one and they differ in nothing
/// else.
std::optional<std::string> varying_size(const std::vector<const WorkloadReport*>& group) {
  std::set<std::string> names;
  for (const WorkloadReport* one : group) {
    for (const auto& [name, size] : one->subject->workload.shape) {
      const auto& first = group.front()->subject->workload.shape;
      const auto same = first.find(name);
      if (same == first.end() || same->second != size) names.insert(name);
    }
  }
  return names.size() == 1 ? std::optional(*names.begin()) : std::nullopt;
}

std::string surface(const std::vector<const WorkloadReport*>& group, const std::string& size,
                    const std::string& name) {
  Data rates("surface");
  Data answers("answers");
  for (const WorkloadReport* one : group) {
    const auto& shape = one->subject->workload.shape;
    const auto at = shape.find(size);
    if (at == shape.end()) continue;
    for (const BatchFigures& figures : one->batches) {
      if (figures.throughput) rates.line(figures.batch, at->second, *figures.throughput);
    }
    if (one->figures.batch) answers.line(*one->figures.batch, at->second);
  }
  Layers layers;
  layers.add(rates, "using 1:2:3 with points pt 5 ps 1.6 palette notitle");
  layers.add(answers, fmt::format("using 1:2 with linespoints pt 4 ps 2.2 lw 2.5 lc rgb '{}' title 'answer'",
                                  vermillion));
  if (layers.empty()) return "";
  // From dark to light in lightness alone as well, as cividis is.
  const std::string plot = fmt::format(
      "set title {} noenhanced\nset ylabel {}\nunset arrow\nunset label\nset logscale y 2\nset format y "
      "'%.0f'\nset cblabel "
      "'throughput (items/s)'\nset palette defined (0 '#00204D', 0.5 '#7C7B78', 1 '#FFEA46')\n",
      in_quotes(group.front()->model), in_quotes(size));
  return both_formats(name, plot + layers.plot()) + "unset logscale y\nset format y\n";
}

}  // namespace

std::string plot_script(std::span<const NamedRun> runs) {
  std::string out;
  std::set<std::string> taken;
  const auto unused = [&](const std::string& wanted) {
    std::string name = wanted;
    for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}-{}", wanted, i);
    return name;
  };
  for (const auto& [file, run] : runs) {
    const Labels labels = label(run);
    std::map<std::string, std::vector<const WorkloadReport*>> by_model;
    for (std::size_t i = 0; i < run.workloads.size(); ++i) {
      const WorkloadReport& workload = run.workloads[i];
      out += WorkloadPlots(workload, title_of(workload, labels.models[i]), unused(slug(labels.models[i])))
                 .script();
      if (workload.subject) by_model[workload.model].push_back(&workload);
    }
    for (const auto& [model, group] : by_model) {
      const auto size = group.size() > 1 ? varying_size(group) : std::nullopt;
      if (size) out += surface(group, *size, unused(slug(model + "-batch-" + *size)));
    }
  }
  return out.empty() ? out : preamble + out;
}

}  // namespace batchfit

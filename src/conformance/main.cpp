#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <string>

#include "conformance/checks.h"

namespace {

using namespace batchfit;
using conformance::Finding;

/// What the worker names first, where the user named none.
Result<void> fill_in(conformance::Subject& subject) {
  auto worker = conformance::Conversation::start(subject);
  if (!worker) return failure(worker.error());
  const auto hello = worker->hello();
  if (!hello) return failure(hello.error());
  for (const ModelInfo& model : hello->models) {
    if (subject.load.model.empty()) subject.load.model = model.name;
    if (subject.load.model != model.name || !subject.load.dtype.empty() || model.dtypes.empty()) continue;
    subject.load.dtype = model.dtypes.front();
  }
  const auto body = worker->need({{"op", "devices"}});
  if (!body) return failure(body.error());
  const auto listed = read_devices(*body);
  if (!listed) return failure(listed.error());
  if (subject.load.device.empty() && !listed->empty()) subject.load.device = listed->front().id;
  return {};
}

int run(const conformance::Subject& subject) {
  std::array<int, 3> counts{};
  for (const conformance::Check& check : conformance::checks()) {
    const Finding finding = check.run(subject);
    static constexpr std::array words{"pass", "FAIL", "skip"};
    const auto verdict = static_cast<std::size_t>(finding.verdict);
    ++counts.at(verdict);
    fmt::print("{}  {}{}{}\n", words.at(verdict), check.name, finding.why.empty() ? "" : ": ", finding.why);
    std::fflush(stdout);
  }
  fmt::print("{} passed, {} failed, {} skipped\n", counts[0], counts[1], counts[2]);
  return counts[1] == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Holds a worker command against batchfit's worker protocol, version 1"};
  conformance::Subject subject;
  subject.load.device.clear();
  subject.load.dtype.clear();
  app.add_option("--device", subject.load.device,
                 "device to load on (default: the first that the worker lists)");
  app.add_option("--model", subject.load.model, "model to load (default: the first that the worker lists)");
  app.add_option("--dtype", subject.load.dtype, "its dtype (default: the first that the worker lists)");
  app.add_option("--patience", subject.patience, "seconds to wait for an answer")->capture_default_str();
  app.prefix_command();  // the first word that is no option starts the command, whose own options are its own
  app.footer(
      "The worker's command follows the options: worker-conformance --device cpu python -m batchfit_worker "
      "model.py");
  CLI11_PARSE(app, argc, argv);
  for (const std::string& word : app.remaining()) subject.command += shell_quoted(word) + " ";
  if (subject.command.empty()) {
    fmt::print(stderr, "{}", app.help());
    return 2;
  }
  if (const auto filled = fill_in(subject); !filled) fmt::print(stderr, "{}\n", filled.error().text());
  return run(subject);
}

// Answers a question from a journal alone, without a device: consumer JOURNAL.
#include <iostream>

#include "facts/journal.h"
#include "search/answer.h"
#include "search/strategy.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto content = batchfit::read_journal(argv[1]);
  if (!content) {
    std::cerr << content.error().text() << "\n";
    return 1;
  }
  const batchfit::SearchSpace space{.max_batch = 8, .timing = batchfit::Timing::graph};
  const batchfit::Limits limits;
  const batchfit::Environment environment{.total = 8 * batchfit::gibibyte, .others = 0};
  const auto step = batchfit::exponential(space)(content->evidence, limits, environment);
  const auto* done = std::get_if<batchfit::Done>(&step);
  if (done == nullptr) {
    std::cout << "the next batch to measure is " << batchfit::batch_of(std::get<batchfit::Probe>(step))
              << "\n";
    return 1;
  }
  const auto answer = batchfit::answer(content->evidence, limits, environment, space, *done);
  std::cout << "the largest batch within " << batchfit::describe_latency(limits) << " is "
            << answer.batch().value_or(0) << "\n";
  return 0;
}

#include "vision/suppression.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <random>

namespace batchfit::vision {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// Overlap counted by unit cells: of boxes with whole edges between 0 and 64.
double counted_overlap(const Box& a, const Box& b) {
  int both = 0, either = 0;
  for (int y = 0; y < 64; ++y) {
    for (int x = 0; x < 64; ++x) {
      const auto holds = [&](const Box& box) {
        const auto px = static_cast<float>(x), py = static_cast<float>(y);
        return box.left <= px && px < box.right && box.top <= py && py < box.bottom;
      };
      both += holds(a) && holds(b) ? 1 : 0;
      either += holds(a) || holds(b) ? 1 : 0;
    }
  }
  return either == 0 ? 0 : static_cast<double>(both) / either;
}

/// Independent of the other: whether a box is kept, straight from the definition. It is unless a better one
/// that is kept overlaps it; answers are remembered, for the recursion asks again and again.
class SlowReference {
 public:
  SlowReference(const std::vector<ScoredBox>& boxes, const SuppressionRule& rule)
      : boxes_(boxes), rule_(rule) {}

  std::vector<std::size_t> kept() {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < boxes_.size(); ++i) {
      if (is_kept(i)) out.push_back(i);
    }
    std::sort(out.begin(), out.end(), [&](std::size_t a, std::size_t b) { return is_better(a, b); });
    if (out.size() > rule_.most) out.resize(rule_.most);
    return out;
  }

 private:
  bool is_better(std::size_t a, std::size_t b) const {
    return boxes_[a].score != boxes_[b].score ? boxes_[a].score > boxes_[b].score : a < b;
  }
  bool is_kept(std::size_t i) {
    if (const auto known = answers_.find(i); known != answers_.end()) return known->second;
    bool kept = true;
    for (std::size_t j = 0; j < boxes_.size() && kept; ++j) {
      const bool concerns = rule_.across_classes || boxes_[j].category == boxes_[i].category;
      if (j == i || !concerns || !is_better(j, i)) continue;
      if (counted_overlap(boxes_[j].box, boxes_[i].box) > rule_.overlap && is_kept(j)) kept = false;
    }
    return answers_[i] = kept;
  }

  const std::vector<ScoredBox>& boxes_;
  SuppressionRule rule_;
  std::map<std::size_t, bool> answers_;
};

std::vector<ScoredBox> random_boxes(std::size_t count, int classes, std::mt19937& random) {
  const auto below = [&](int end) { return std::uniform_int_distribution<int>(0, end - 1)(random); };
  std::vector<ScoredBox> boxes(count);
  for (ScoredBox& box : boxes) {
    const int left = below(48), top = below(48);
    box.box = {static_cast<float>(left), static_cast<float>(top), static_cast<float>(left + below(17)),
               static_cast<float>(top + below(17))};
    box.score = static_cast<float>(below(50)) / 50;  // some are equal
    box.category = below(classes);
  }
  return boxes;
}

TEST(Suppression, gives_what_the_definition_gives_for_none_one_and_many_boxes) {
  std::mt19937 random(1);
  for (const std::size_t count : {0, 1, 2, 7, 60}) {
    for (const bool across_classes : {false, true}) {
      for (const double overlap : {0.0, 0.3, 0.7}) {
        const auto boxes = random_boxes(count, 3, random);
        const SuppressionRule rule{overlap, across_classes, 300};
        EXPECT_EQ(suppress(boxes, rule), SlowReference(boxes, rule).kept());
      }
    }
  }
}

TEST(Suppression, of_thousands_of_overlapping_boxes_only_the_best_of_each_heap_is_kept) {
  std::mt19937 random(2);
  std::vector<ScoredBox> boxes;
  std::uniform_real_distribution<float> jitter(-1, 1), score(0.1F, 0.9F);
  for (int i = 0; i < 6000; ++i) {
    const auto heap = static_cast<float>(i % 3);
    const float x = 200 * heap + jitter(random), y = 50 + jitter(random);
    boxes.push_back({{x, y, x + 100, y + 100}, score(random), 0});
  }
  for (std::size_t heap = 0; heap < 3; ++heap)
    boxes[heap + 300].score = 0.99F - 0.01F * static_cast<float>(heap);
  EXPECT_THAT(suppress(boxes, {}), ElementsAre(300, 301, 302));
}

TEST(Suppression, thousands_of_random_boxes_are_as_the_definition_has_them) {
  std::mt19937 random(3);
  const auto boxes = random_boxes(2000, 2, random);
  const SuppressionRule rule{0.05, true, 1000};
  const auto kept = suppress(boxes, rule);
  // Every box is kept, or covered by a better one that is kept; no two that are kept cover each other.
  std::vector<bool> is_kept(boxes.size());
  for (const std::size_t i : kept) is_kept[i] = true;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    bool covered = false;
    for (const std::size_t j : kept) {
      const bool better = boxes[j].score != boxes[i].score ? boxes[j].score > boxes[i].score : j < i;
      covered = covered || (better && overlap(boxes[j].box, boxes[i].box) > rule.overlap);
    }
    EXPECT_NE(is_kept[i], covered) << i;
  }
}

TEST(Suppression, classes_are_apart_unless_asked_otherwise) {
  const std::vector<ScoredBox> boxes{{{0, 0, 10, 10}, 0.8F, 0}, {{0, 0, 10, 10}, 0.9F, 1}};
  EXPECT_THAT(suppress(boxes, {0.5, false, 300}), ElementsAre(1, 0));
  EXPECT_THAT(suppress(boxes, {0.5, true, 300}), ElementsAre(1));
}

TEST(Suppression, no_more_are_kept_than_asked_for) {
  std::vector<ScoredBox> boxes;
  for (int i = 0; i < 10; ++i) {
    const auto at = static_cast<float>(20 * i);
    boxes.push_back({{at, 0, at + 10, 10}, 0.5F, 0});
  }
  EXPECT_THAT(suppress(boxes, {0.5, false, 3}), ElementsAre(0, 1, 2));
  EXPECT_THAT(suppress(boxes, {0.5, false, 0}), IsEmpty());
}

TEST(Suppression, what_is_not_finite_is_left_out) {
  const float nan = std::numeric_limits<float>::quiet_NaN(),
              infinity = std::numeric_limits<float>::infinity();
  const std::vector<ScoredBox> boxes{{{0, 0, 10, 10}, nan, 0},
                                     {{nan, 0, 10, 10}, 0.9F, 0},
                                     {{0, 0, infinity, 10}, 0.9F, 0},
                                     {{0, 0, 10, 10}, 0.1F, 0}};
  EXPECT_THAT(suppress(boxes, {}), ElementsAre(3));
}

TEST(Overlap, empty_and_inverted_boxes_overlap_nothing) {
  EXPECT_EQ(overlap({5, 5, 5, 5}, {5, 5, 5, 5}), 0);
  EXPECT_EQ(overlap({9, 9, 1, 1}, {0, 0, 10, 10}), 0);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {0, 0, 10, 10}), 1);
  EXPECT_DOUBLE_EQ(overlap({0, 0, 10, 10}, {5, 0, 15, 10}), 1.0 / 3);
}

}  // namespace
}  // namespace batchfit::vision

// Options whose absence means something else than either value.
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace batchfit {
namespace {

using testing::ElementsAre;

TuneOptions parsed(const std::string& command_line) {
  CLI::App app;
  TuneOptions options;
  add_tune(app, options);
  app.parse(command_line);
  return options;
}

TEST(Options, folding_batchnorm_is_the_models_own_choice_where_nothing_is_said) {
  EXPECT_EQ(parsed("tune m").workload.fold_batchnorm, std::nullopt);
  EXPECT_EQ(parsed("tune m --fold-batchnorm").workload.fold_batchnorm, true);
  EXPECT_EQ(parsed("tune m --no-fold-batchnorm").workload.fold_batchnorm, false);
}

TEST(Options, an_image_size_is_a_named_size_beside_others) {
  EXPECT_THAT(parsed("tune m --image-size 320").workload.shapes, ElementsAre("image_size=320"));
  EXPECT_THAT(parsed("tune m --image-size 320 --shape length=5").workload.shapes,
              ElementsAre("length=5", "image_size=320"));
}

}  // namespace
}  // namespace batchfit

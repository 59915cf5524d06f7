// Options whose absence means something else than either value.
#include "cli/options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/option_documents.h"

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

TEST(Options, of_language_models_are_named_sizes_and_bring_their_mode) {
  const WorkloadChoice decode = parsed("tune m --context 512,2048 --kv bf16,nf4").workload;
  EXPECT_THAT(decode.shapes, ElementsAre("length=512,2048", "kv_bits=16,4"));
  EXPECT_EQ(decode.mode, "decode");
  const WorkloadChoice generate = parsed("tune m --prompt 512 --new 128").workload;
  EXPECT_THAT(generate.shapes, ElementsAre("length=512", "new=128"));
  EXPECT_EQ(generate.mode, "generate");
  EXPECT_EQ(parsed("tune m --prompt 512").workload.mode, "forward");
  EXPECT_EQ(parsed("tune m --mode prefill --context 512").workload.mode, "prefill");
  EXPECT_EQ(parsed("tune m --prompts FILE").workload.prompts, "FILE");
  EXPECT_EQ(parsed("tune m --prompts FILE").workload.mode, "forward");
  EXPECT_THROW(parsed("tune m --kv int3"), CLI::ValidationError);
}

using testing::HasSubstr;

TEST(Options, the_manual_and_every_completion_name_every_option) {
  CLI::App app("about", "batchfit");
  TuneOptions tune;
  ReportCommandOptions report;
  for (const CLI::App* command : {add_tune(app, tune), add_report(app, report)}) {
    const std::string manual = man_page(app, "1.0");
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        std::string in_roff = "\\-\\-" + name;
        for (std::size_t at = 4;
             (at = name.empty() ? std::string::npos : in_roff.find('-', at)) != std::string::npos; at += 2)
          in_roff.insert(at, "\\");
        EXPECT_THAT(manual, HasSubstr(in_roff));
        EXPECT_THAT(*completion_script(app, "bash"), HasSubstr("--" + name));
        EXPECT_THAT(*completion_script(app, "zsh"), HasSubstr("'--" + name + "["));
        EXPECT_THAT(*completion_script(app, "fish"), HasSubstr(" -l " + name));
      }
    }
  }
  EXPECT_EQ(completion_script(app, "tcsh").error().remedy, "use bash, zsh or fish");
}

}  // namespace
}  // namespace batchfit

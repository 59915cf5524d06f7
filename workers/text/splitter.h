#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace batchfit::text {

/// Cuts text at the matches of a regular expression: each match is a piece, and so is what lies between two.
/// The expressions of tokenizer.json are Oniguruma's; PCRE2 with Unicode properties reads those in use alike.
class Splitter {
 public:
  /// `literal`: the pattern is text to be found as it is. usage error where it cannot be compiled.
  static Result<Splitter> compile(const std::string& pattern, bool literal = false);

  /// The pieces in their order, none empty, which together are the text. It must be UTF-8. runtime error
  /// where a match takes more steps than any should.
  Result<std::vector<std::string_view>> split(std::string_view text) const;

 private:
  struct Compiled;
  explicit Splitter(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace batchfit::text

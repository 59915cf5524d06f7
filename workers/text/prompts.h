#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "text/tokenizer.h"

namespace batchfit::text {

/// One prompt, and where it stands.
struct Prompt {
  std::int64_t line = 0;  ///< from 1
  std::vector<TokenId> ids;
};

/// The prompts of a file.
class Prompts {
 public:
  /// One a line, with the template's special tokens around each; lines that are empty are passed over. Error,
  /// beginning with the path: runtime where the file cannot be read, usage where it holds no prompt or a line
  /// is no UTF-8, which is named.
  static Result<Prompts> read(const std::filesystem::path& path, const Tokenizer& tokenizer);

  const std::vector<Prompt>& all() const { return prompts_; }
  const Prompt& longest() const;
  std::int64_t count() const { return static_cast<std::int64_t>(prompts_.size()); }
  std::int64_t tokens() const;  ///< of all together
  TokenId largest_id() const;

  /// Leaves of each no more than its first `length` tokens and returns how many prompts were longer.
  std::int64_t cut_to(std::int64_t length);

  /// 16 hexadecimal digits: XXH3-64 of all ids and of where each prompt ends.
  std::string digest() const;

 private:
  explicit Prompts(std::vector<Prompt> prompts) : prompts_(std::move(prompts)) {}
  std::vector<Prompt> prompts_;  ///< one or more, each of one token or more
};

}  // namespace batchfit::text

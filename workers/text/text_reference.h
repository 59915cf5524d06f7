#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"

namespace batchfit::text {

/// How far a folder's tokenizer agrees with what another implementation made of texts.
struct TextAgreement {
  std::int64_t texts = 0;
  std::vector<std::string> differences;  ///< a line for people for each text that differs

  std::int64_t agreeing() const { return texts - static_cast<std::int64_t>(differences.size()); }
};

/// Whether the folder holds a tokenizer.json and a reference.json of texts.
bool is_text_reference(const std::filesystem::path& folder);

/// Compares ids with special tokens and without, and the decoded text, of each entry of reference.json, a
/// list of {"text", "ids", "ids_without_special", "decoded"}. Errors as Tokenizer::open has them, and corrupt
/// for another layout.
Result<TextAgreement> compare_with_reference(const std::filesystem::path& folder);

}  // namespace batchfit::text

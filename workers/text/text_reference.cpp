#include "text/text_reference.h"

#include <fmt/core.h>
#include <fmt/ranges.h>

#include "base/file.h"
#include "facts/fields.h"
#include "text/tokenizer.h"

namespace batchfit::text {
namespace fs = std::filesystem;
namespace {

struct Expected {
  std::string text, decoded;
  std::vector<TokenId> ids, ids_without_special;
};

Result<Expected> expected_from(const Json& json) {
  Fields fields(json, "text");
  Expected expected;
  fields.required("text", expected.text);
  fields.required("ids", expected.ids);
  fields.required("ids_without_special", expected.ids_without_special);
  fields.required("decoded", expected.decoded);
  return fields.finish(std::move(expected));
}

Result<Json> read_reference(const fs::path& folder) {
  const auto text = read_file(folder / "reference.json");
  return text ? parse_json(*text) : failure(text.error());
}

/// Empty where the tokenizer agrees.
Result<std::string> difference_of(const Tokenizer& tokenizer, const Expected& expected) {
  const auto ids = tokenizer.encode(expected.text, true), plain = tokenizer.encode(expected.text, false);
  for (const auto* encoded : {&ids, &plain}) {
    if (!*encoded) return failure(encoded->error());
  }
  if (*ids != expected.ids)
    return fmt::format("the ids are {} and not {}", fmt::join(*ids, " "), fmt::join(expected.ids, " "));
  if (*plain != expected.ids_without_special) {
    return fmt::format("the ids without special tokens are {} and not {}", fmt::join(*plain, " "),
                       fmt::join(expected.ids_without_special, " "));
  }
  if (const std::string decoded = tokenizer.decode(*ids); decoded != expected.decoded)
    return fmt::format("the decoded text is {}", dump_json(decoded));
  return std::string();
}

}  // namespace

bool is_text_reference(const fs::path& folder) {
  std::error_code error;
  if (!fs::is_regular_file(folder / "tokenizer.json", error)) return false;
  const auto json = read_reference(folder);
  return json && json->is_array();
}

Result<TextAgreement> compare_with_reference(const fs::path& folder) {
  const auto tokenizer = Tokenizer::open(folder / "tokenizer.json");
  if (!tokenizer) return failure(tokenizer.error());
  const auto json = read_reference(folder);
  if (!json) return failure(json.error());
  TextAgreement agreement;
  for (const Json& item : *json) {
    const auto expected = expected_from(item);
    if (!expected) {
      return failure(ErrorKind::corrupt, fmt::format("{}/reference.json: entry {}: {}", folder.string(),
                                                     agreement.texts + 1, expected.error().message));
    }
    const auto difference = difference_of(*tokenizer, *expected);
    if (!difference) return failure(difference.error());
    ++agreement.texts;
    if (difference->empty()) continue;
    agreement.differences.push_back(
        fmt::format("text {}, {}: {}", agreement.texts, dump_json(expected->text), *difference));
  }
  return agreement;
}

}  // namespace batchfit::text

#include "text/splitter.h"

#include <fmt/core.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>

#include "base/utf8.h"

namespace batchfit::text {
namespace {

// A pattern that backtracks without end is given up after this. Those in use take a step a character, or
// two; the steps of one match are at most its length.
constexpr std::uint32_t most_steps = 10'000'000;
constexpr std::uint32_t most_heap_kib = 64 << 10;

/// Oniguruma follows Unicode, which no longer counts U+180E as white space; PCRE2's \s does. Both take U+200B
/// for a format character, and it is as long, so it stands in its place.
std::string with_separators_as_format(std::string_view text) {
  constexpr std::string_view vowel_separator = "\xE1\xA0\x8E", zero_width_space = "\xE2\x80\x8B";
  std::string out(text);
  for (auto at = out.find(vowel_separator); at != std::string::npos; at = out.find(vowel_separator, at)) {
    out.replace(at, vowel_separator.size(), zero_width_space);
  }
  return out;
}

std::string message_of(int code) {
  std::array<PCRE2_UCHAR, 256> message{};
  pcre2_get_error_message(code, message.data(), message.size());
  return reinterpret_cast<const char*>(message.data());
}

struct Free {
  void operator()(pcre2_code* code) const { pcre2_code_free(code); }
  void operator()(pcre2_match_context* context) const { pcre2_match_context_free(context); }
  void operator()(pcre2_match_data* data) const { pcre2_match_data_free(data); }
};

}  // namespace

struct Splitter::Compiled {
  std::unique_ptr<pcre2_code, Free> code;
  std::unique_ptr<pcre2_match_context, Free> limits;
};

Result<Splitter> Splitter::compile(const std::string& pattern, bool literal) {
  const std::uint32_t options =
      literal ? PCRE2_UTF | PCRE2_LITERAL : PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C;
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto compiled = std::make_shared<Compiled>();
  compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), options,
                                     &code, &offset, nullptr));
  if (!compiled->code) {
    return failure(ErrorKind::usage, fmt::format("the pattern '{}' cannot be read at character {}: {}",
                                                 pattern, offset, message_of(code)));
  }
  compiled->limits.reset(pcre2_match_context_create(nullptr));
  pcre2_set_match_limit(compiled->limits.get(), most_steps);
  pcre2_set_heap_limit(compiled->limits.get(), most_heap_kib);
  return Splitter(std::move(compiled));
}

Result<std::vector<std::string_view>> Splitter::split(std::string_view text) const {
  const std::string subject = with_separators_as_format(text);
  const std::unique_ptr<pcre2_match_data, Free> match(
      pcre2_match_data_create_from_pattern(compiled_->code.get(), nullptr));
  std::vector<std::string_view> pieces;
  std::size_t done = 0;
  const auto cut_at = [&](std::size_t end) {
    if (end > done) pieces.push_back(text.substr(done, end - done));
    done = end;
  };
  for (std::size_t from = 0; from < text.size();) {
    const int found =
        pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(subject.data()), subject.size(), from,
                    PCRE2_NO_UTF_CHECK, match.get(), compiled_->limits.get());
    if (found == PCRE2_ERROR_NOMATCH) break;
    if (found < 0)
      return failure(ErrorKind::runtime, "the text cannot be split by the pattern: " + message_of(found));
    const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(match.get());
    if (bounds[0] < from || bounds[1] < bounds[0])
      return failure(ErrorKind::runtime, "the text cannot be split by the pattern: matches overlap");
    cut_at(bounds[0]);
    cut_at(bounds[1]);
    from = bounds[1] > bounds[0] ? done : done + (done < text.size() ? character_size(text[done]) : 1);
  }
  cut_at(text.size());
  return pieces;
}

}  // namespace batchfit::text

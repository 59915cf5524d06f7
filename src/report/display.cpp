#include "report/display.h"

#include <algorithm>
#include <array>

#include "base/utf8.h"

namespace batchfit {
namespace {

constexpr char32_t replacement = 0xFFFD;

struct Range {
  char32_t first, last;
};

// Unicode 15: the blocks of combining marks of scripts that model names and paths are likely to hold.
constexpr std::array<Range, 15> zero_width{{{0x0300, 0x036F},
                                            {0x0483, 0x0489},
                                            {0x0591, 0x05BD},
                                            {0x064B, 0x065F},
                                            {0x093C, 0x093C},
                                            {0x0941, 0x0948},
                                            {0x094D, 0x094D},
                                            {0x0E34, 0x0E3A},
                                            {0x0E47, 0x0E4E},
                                            {0x1AB0, 0x1AFF},
                                            {0x1DC0, 0x1DFF},
                                            {0x20D0, 0x20FF},
                                            {0xFE00, 0xFE0F},
                                            {0xFE20, 0xFE2F},
                                            {0xE0100, 0xE01EF}}};

// Unicode 15, EastAsianWidth.txt: W and F.
constexpr std::array<Range, 17> double_width{{{0x1100, 0x115F},
                                              {0x231A, 0x231B},
                                              {0x23E9, 0x23EC},
                                              {0x2E80, 0x303E},
                                              {0x3041, 0x4DBF},
                                              {0x4E00, 0xA4CF},
                                              {0xA960, 0xA97C},
                                              {0xAC00, 0xD7A3},
                                              {0xF900, 0xFAFF},
                                              {0xFE30, 0xFE6F},
                                              {0xFF01, 0xFF60},
                                              {0xFFE0, 0xFFE6},
                                              {0x1F300, 0x1F64F},
                                              {0x1F680, 0x1F6FF},
                                              {0x1F900, 0x1F9FF},
                                              {0x1FA70, 0x1FAFF},
                                              {0x20000, 0x3FFFD}}};

// Controls, and the format characters that reorder (bidirectional overrides and isolates) or hide text.
constexpr std::array<Range, 9> unprintable{{{0x0000, 0x001F},
                                            {0x007F, 0x009F},
                                            {0x00AD, 0x00AD},
                                            {0x061C, 0x061C},
                                            {0x200B, 0x200F},
                                            {0x2028, 0x202E},
                                            {0x2060, 0x206F},
                                            {0xFEFF, 0xFEFF},
                                            {0xE0000, 0xE007F}}};

template <std::size_t N>
bool holds(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](Range r) { return c >= r.first && c <= r.last; });
}

/// The character at the front, which is removed. A byte that begins no valid one (RFC 3629) is U+FFFD.
char32_t take_character(std::string_view& text) {
  const auto character = first_character(text);
  text.remove_prefix(character ? character->bytes : 1);
  return character ? character->code : replacement;
}

/// Removes and returns the words up to a place where a line may break: a number stays with what it counts.
std::string_view take_words(std::string_view& text) {
  const auto word_end = [&](std::size_t from) { return std::min(text.find(' ', from), text.size()); };
  std::size_t end = word_end(0);
  const bool number = text.substr(0, end).find_first_not_of("0123456789.,") == std::string_view::npos;
  if (number && end < text.size()) end = word_end(end + 1);
  const std::string_view words = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return words;
}

/// Most text is: it needs no look at each character.
bool is_plain(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

std::size_t width_of(char32_t c) {
  if (holds(zero_width, c)) return 0;
  return holds(double_width, c) ? 2 : 1;
}

}  // namespace

std::size_t display_width(std::string_view text) {
  if (is_plain(text)) return text.size();
  std::size_t width = 0;
  while (!text.empty()) width += width_of(take_character(text));
  return width;
}

std::string printable(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string out;
  while (!text.empty()) {
    const std::string_view before = text;
    const char32_t c = take_character(text);
    const bool shown = c != replacement && !holds(unprintable, c);
    out += shown ? before.substr(0, before.size() - text.size()) : "\uFFFD";
  }
  return out;
}

std::string pad_right(std::string_view text, std::size_t width) {
  std::string out(text);
  out.append(width - std::min(width, display_width(text)), ' ');
  return out;
}

std::string pad_left(std::string_view text, std::size_t width) {
  return std::string(width - std::min(width, display_width(text)), ' ').append(text);
}

std::string shorten(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  std::string_view rest = text;
  std::size_t taken = 0;
  std::size_t bytes = 0;
  while (!rest.empty()) {
    taken += width_of(take_character(rest));
    if (taken + 1 > width) break;
    bytes = text.size() - rest.size();
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string out;
  std::string line(indent, ' ');
  std::size_t used = indent;
  bool at_start = true;
  while (!text.empty()) {
    const std::string_view words = take_words(text);
    const std::size_t columns = display_width(words);
    if (!at_start && used + 1 + columns > width) {
      out += line + "\n";
      line.assign(indent + 2, ' ');
      used = indent + 2;
      at_start = true;
    }
    if (!at_start) line += ' ';
    line += words;
    used += columns + (at_start ? 0 : 1);
    at_start = false;
  }
  return out + line + "\n";
}

}  // namespace batchfit

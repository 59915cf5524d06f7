#include "base/json_cursor.h"

#include <charconv>
#include <cmath>
#include <cstring>

#include "base/utf8.h"

namespace batchfit {
namespace {

bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

bool ends_word(char c) {
  return is_space(c) || c == ',' || c == ']' || c == '}' || c == ':' || c == '[' || c == '{' || c == '"';
}

/// Four hexadecimal digits; nullopt where they are none.
std::optional<std::uint32_t> code_unit(std::string_view digits) {
  std::uint32_t value = 0;
  if (digits.size() < 4) return std::nullopt;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + 4, value, 16);
  if (error != std::errc() || end != digits.data() + 4) return std::nullopt;
  return value;
}

}  // namespace

void JsonCursor::fail(const std::string& why) {
  if (!error_) error_ = why + " (byte " + std::to_string(at_) + ")";
}

char JsonCursor::peek() {
  while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

bool JsonCursor::expect(char c) {
  if (failed()) return false;
  if (peek() == c) {
    ++at_;
    return true;
  }
  fail(at_ >= text_.size() ? "the text ends too early" : std::string("'") + c + "' is missing");
  return false;
}

bool JsonCursor::enter(char open) { return expect(open); }

bool JsonCursor::next_in(char close, bool first) {
  if (failed()) return false;
  if (peek() == close) {
    ++at_;
    return false;
  }
  return first || expect(',');
}

/// What stands between the quotes, escapes and all.
std::string_view JsonCursor::quoted() {
  if (!expect('"')) return {};
  const std::size_t start = at_;
  while (at_ < text_.size()) {
    const void* found = std::memchr(text_.data() + at_, '"', text_.size() - at_);
    if (found == nullptr) break;
    at_ = static_cast<std::size_t>(static_cast<const char*>(found) - text_.data());
    std::size_t backslashes = 0;
    while (at_ - backslashes > start && text_[at_ - backslashes - 1] == '\\') ++backslashes;
    ++at_;
    if (backslashes % 2 == 0) return text_.substr(start, at_ - 1 - start);
  }
  at_ = text_.size();
  fail("the text ends within a string");
  return {};
}

std::string JsonCursor::unescaped(std::string_view escaped) {
  std::string out;
  for (std::size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\') {
      out += escaped[i];
      continue;
    }
    const char c = escaped[++i];  // quoted() ends behind no backslash
    static constexpr std::string_view names = "\"\\/bfnrt";
    static constexpr std::string_view meanings = "\"\\/\b\f\n\r\t";
    const std::size_t simple = names.find(c);
    if (simple != std::string_view::npos) {
      out += meanings[simple];
      continue;
    }
    auto code = c == 'u' ? code_unit(escaped.substr(i + 1)) : std::nullopt;
    if (!code) {
      fail("a string has a wrong escape");
      return {};
    }
    i += 4;
    const bool high = *code >= 0xD800 && *code < 0xDC00;
    if (high && escaped.substr(i + 1, 2) == "\\u") {
      const auto low = code_unit(escaped.substr(i + 3));
      if (low && *low >= 0xDC00 && *low < 0xE000) {
        code = 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
        i += 6;
      }
    }
    append_utf8(out, *code >= 0xD800 && *code < 0xE000 ? 0xFFFD : *code);
  }
  return out;
}

std::string JsonCursor::string() {
  const std::string_view text = quoted();
  return text.find('\\') == std::string_view::npos ? std::string(text) : unescaped(text);
}

/// A number, true, false or null: up to the next separator.
std::string_view JsonCursor::word() {
  if (failed()) return {};
  peek();
  const std::size_t start = at_;
  while (at_ < text_.size() && !ends_word(text_[at_])) ++at_;
  return text_.substr(start, at_ - start);
}

double JsonCursor::number() {
  const std::string_view text = word();
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || !std::isfinite(value)) fail("'" + std::string(text.substr(0, 20)) + "' is not a number");
  return value;
}

std::int64_t JsonCursor::integer() {
  const std::string_view text = word();
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole || value < 0)
    fail("'" + std::string(text.substr(0, 20)) + "' is not an integer of zero or more");
  return value;
}

bool JsonCursor::boolean() {
  const std::string_view text = word();
  if (text != "true" && text != "false")
    fail("'" + std::string(text.substr(0, 20)) + "' is not true or false");
  return text == "true";
}

std::string_view JsonCursor::raw() {
  if (failed()) return {};
  const char first = peek();
  const std::size_t start = at_;
  if (first == '"') {
    quoted();
  } else if (first == '{' || first == '[') {
    int depth = 0;
    while (at_ < text_.size() && !failed()) {
      const char c = text_[at_];
      if (c == '"') {
        quoted();
        continue;
      }
      ++at_;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && --depth == 0) return text_.substr(start, at_ - start);
    }
    fail("the text ends too early");
  } else if (word().empty()) {
    fail("a value is missing");
  }
  return text_.substr(start, at_ - start);
}

void JsonCursor::end() {
  if (!failed() && (peek() != '\0' || at_ < text_.size())) fail("there is more after the end");
}

}  // namespace batchfit

#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace batchfit {

/// Columns a terminal gives the UTF-8 text: 0 for combining marks, 2 for wide East Asian characters and emoji
/// (Unicode's East Asian Width W and F), 1 for the rest. The text is expected to be printable().
std::size_t display_width(std::string_view text);

/// The text made safe for one line of a terminal: control characters (escape sequences and line ends among
/// them), marks that reorder or hide text, and bytes that are no UTF-8 become U+FFFD each.
std::string printable(std::string_view text);

/// Spaces up to `width` columns, behind the text or before it. Longer text is left as it is.
std::string pad_right(std::string_view text, std::size_t width);
std::string pad_left(std::string_view text, std::size_t width);

/// At most `width` (≥ 1) columns of the text, "…" in place of what was cut.
std::string shorten(std::string_view text, std::size_t width);

/// Breaks the text between words into lines of at most `width` columns (a longer word stays whole); each
/// begins with `indent` spaces, those after the first with two more; each ends with \n.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace batchfit

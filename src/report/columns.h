#pragma once

#include <functional>
#include <string>
#include <vector>

namespace batchfit {

/// One column of a table for people.
struct Column {
  std::string heading;
  bool right = true;     ///< aligned to the right, as numbers are
  std::size_t gap = 2;   ///< spaces before it
  int importance = 9;    ///< on a terminal the least important leave first; 9 never leaves
  std::size_t most = 0;  ///< on a terminal cells are cut to this many columns; 0: they are not
  std::vector<std::string> cells;

  std::size_t width() const;
  bool holds_nothing() const;  ///< every cell is empty
};

/// Makes a table fit: names (the first column) are cut, then the least important columns leave.
void fit(std::vector<Column>& columns, std::size_t width);

/// Lines of a table: each cell as wide as its column, with the gap before it and no spaces behind the last.
/// `paint` may wrap a cell in what takes no columns.
class Grid {
 public:
  /// The columns must outlive it.
  explicit Grid(const std::vector<Column>& columns);

  std::string heading() const;
  using Paint = std::function<std::string(const Column&, std::string)>;
  std::string row(std::size_t row, const Paint& paint = {}) const;

 private:
  std::string aligned(std::size_t column, const std::string& text) const;

  const std::vector<Column>& columns_;
  std::vector<std::size_t> widths_;
};

/// The table for a terminal of that width, a heading and a line a row; each ends with \n.
std::string text_grid(std::vector<Column> columns, std::size_t width);

/// The same for Markdown, with all columns; cells are escaped.
std::string markdown_grid(const std::vector<Column>& columns);

}  // namespace batchfit

#include "report/columns.h"

#include <algorithm>
#include <numeric>

#include "report/display.h"
#include "report/markdown_export.h"

namespace batchfit {
namespace {

// A name is cut before figures are left out, but to no less than this; it stands in full below the table.
constexpr std::size_t least_name_width = 24;

std::size_t total_width(const std::vector<Column>& columns) {
  return std::accumulate(
      columns.begin(), columns.end(), std::size_t{0},
      [](std::size_t sum, const Column& column) { return sum + column.gap + column.width(); });
}

void cut_names(Column& names, std::size_t excess) {
  const std::size_t wanted = names.width() - std::min(excess, names.width());
  for (std::string& cell : names.cells) cell = shorten(cell, std::max(least_name_width, wanted));
}

}  // namespace

std::size_t Column::width() const {
  std::size_t widest = display_width(heading);
  for (const std::string& cell : cells) widest = std::max(widest, display_width(cell));
  return widest;
}

bool Column::holds_nothing() const {
  return !cells.empty() &&
         std::all_of(cells.begin(), cells.end(), [](const std::string& cell) { return cell.empty(); });
}

void fit(std::vector<Column>& columns, std::size_t width) {
  for (int importance = 1; importance < 9 && total_width(columns) > width; ++importance) {
    std::erase_if(columns, [&](const Column& column) { return column.importance == importance; });
    const std::size_t total = total_width(columns);
    if (total > width) cut_names(columns.front(), total - width);
  }
}

Grid::Grid(const std::vector<Column>& columns) : columns_(columns) {
  for (const Column& column : columns) widths_.push_back(column.width());
}

std::string Grid::aligned(std::size_t column, const std::string& text) const {
  const std::string gap(columns_[column].gap, ' ');
  if (columns_[column].right) return gap + pad_left(text, widths_[column]);
  return gap + (column + 1 == columns_.size() ? text : pad_right(text, widths_[column]));
}

std::string Grid::heading() const {
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) line += aligned(i, columns_[i].heading);
  return line;
}

std::string Grid::row(std::size_t row, const Paint& paint) const {
  std::string line;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::string cell = aligned(i, columns_[i].cells[row]);
    line += paint ? paint(columns_[i], std::move(cell)) : std::move(cell);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

std::string text_grid(std::vector<Column> columns, std::size_t width) {
  for (Column& column : columns) {
    for (std::string& cell : column.cells) {
      cell = printable(cell);
      if (column.most > 0) cell = shorten(cell, column.most);
    }
  }
  columns.front().gap = 0;
  fit(columns, width);
  const Grid grid(columns);
  std::string out = grid.heading() + "\n";
  for (std::size_t row = 0; row < columns.front().cells.size(); ++row) out += grid.row(row) + "\n";
  return out;
}

std::string markdown_grid(const std::vector<Column>& columns) {
  std::string out = "|";
  std::string rule = "|";
  for (const Column& column : columns) {
    out += " " + markdown_text(column.heading) + " |";
    rule += column.right ? " ---: |" : " --- |";
  }
  out += "\n" + rule + "\n";
  for (std::size_t row = 0; row < columns.front().cells.size(); ++row) {
    out += "|";
    for (const Column& column : columns) out += " " + markdown_text(column.cells[row]) + " |";
    out += "\n";
  }
  return out;
}

}  // namespace batchfit

#include "cli/weights.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "base/text.h"

namespace batchfit {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t hash_digits = 8;  ///< that torch.hub puts after a file's name

bool is_hash(const std::string& text) {
  const auto is_digit = [](unsigned char c) { return std::isxdigit(c) != 0; };
  return text.size() == hash_digits && std::all_of(text.begin(), text.end(), is_digit);
}

bool belongs_to(const fs::path& file, const std::string& model) {
  std::error_code error;
  if (file.filename() == model && fs::exists(file / "config.json", error)) return true;
  const std::string stem = file.stem().string(), extension = file.extension().string();
  if (stem == model) return extension == ".pth" || extension == ".pt" || extension == ".safetensors";
  const std::string start = model + "-";
  return extension == ".pth" && stem.starts_with(start) && is_hash(stem.substr(start.size()));
}

}  // namespace

Result<std::string> find_weights(const fs::path& folder, const std::string& model) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (belongs_to(entry->path(), model)) found.push_back(entry->path().string());
  }
  if (found.empty()) return std::string("random");
  if (found.size() == 1) return found.front();
  std::sort(found.begin(), found.end());
  return failure(ErrorKind::usage, "there are several files of " + model + "'s weights: " + join_words(found),
                 "name one with --weights");
}

}  // namespace batchfit

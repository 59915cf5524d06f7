#include "files/checkpoint.h"

#include <fmt/core.h>

#include <map>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "files/bytes.h"

namespace batchfit::files {
namespace fs = std::filesystem;
namespace {

constexpr const char* config_name = "config.json";
constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";
constexpr const char* copy_again = "the download may be incomplete: fetch the folder again";

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

Result<Json> read_json(const fs::path& path) {
  const auto text = read_file(path);
  if (!text) return failure(text.error());
  auto json = parse_json(*text);
  if (!json || !json->is_object()) {
    return failure(ErrorKind::corrupt, path.string() + ": this is no JSON object", copy_again);
  }
  return json;
}

/// A name in the index is one of a file beside it: a path would lead out of the folder.
bool is_plain_name(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

bool is_checkpoint(const fs::path& folder) { return is_file(folder / config_name); }

Result<Json> read_config(const fs::path& folder) { return read_json(folder / config_name); }

Result<std::shared_ptr<const Checkpoint>> Checkpoint::open(const fs::path& folder) {
  auto config = read_config(folder);
  if (!config) return failure(config.error());
  const std::shared_ptr<Checkpoint> checkpoint(new Checkpoint);
  checkpoint->path_ = folder.string();
  checkpoint->config_ = std::move(*config);
  const fs::path index = folder / index_name, single = folder / single_name;
  Result<void> read;
  if (is_file(index)) {
    read = checkpoint->read_shards(folder, index);
  } else if (is_file(single)) {
    read = checkpoint->read_single(single);
  } else {
    read = failure(ErrorKind::usage,
                   fmt::format("{} has neither {} nor {}", folder.string(), single_name, index_name),
                   "give a folder whose weights are safetensors");
  }
  if (!read) return failure(read.error());
  for (const NamedTensor* tensor : checkpoint->tensors_) checkpoint->places_[tensor->name] = tensor;
  return checkpoint;
}

Result<void> Checkpoint::read_single(const fs::path& path) {
  auto file = WeightsFile::open(path);
  if (!file) return failure(file.error());
  for (const NamedTensor& tensor : (*file)->tensors()) tensors_.push_back(&tensor);
  files_.push_back(std::move(*file));
  return {};
}

Result<void> Checkpoint::read_shards(const fs::path& folder, const fs::path& index) {
  const auto json = read_json(index);
  if (!json) return failure(json.error());
  const auto damaged = [&](const std::string& why) {
    return failure(ErrorKind::corrupt, index.string() + ": " + why, copy_again);
  };
  const auto map = json->find("weight_map");
  if (map == json->end() || !map->is_object() || map->empty()) return damaged("it has no 'weight_map'");
  std::map<std::string, std::vector<std::string>> names_by_file;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string() || !is_plain_name(file.get<std::string>())) {
      return damaged(fmt::format("'{}' is in no file of this folder", shown(name)));
    }
    names_by_file[file.get<std::string>()].push_back(name);
  }
  for (const auto& [name, tensors] : names_by_file) {
    if (!is_file(folder / name)) return damaged(fmt::format("it names {}, which is missing", shown(name)));
    auto file = WeightsFile::open(folder / name);
    if (!file) return failure(file.error());
    for (const std::string& tensor : tensors) {
      const NamedTensor* found = (*file)->find(tensor);
      if (found == nullptr) return damaged(fmt::format("{} holds no tensor '{}'", name, shown(tensor)));
      tensors_.push_back(found);
    }
    files_.push_back(std::move(*file));
  }
  return {};
}

const NamedTensor* Checkpoint::find(const std::string& name) const {
  const auto place = places_.find(name);
  return place == places_.end() ? nullptr : place->second;
}

}  // namespace batchfit::files

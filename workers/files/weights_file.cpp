#include "files/weights_file.h"

#define XXH_INLINE_ALL
#include <fmt/core.h>
#include <xxhash.h>

#include "files/safetensors.h"

namespace batchfit::files {
namespace {

/// What holds the weights: the root itself, or in a checkpoint what stands under one of its usual names. The
/// averaged weights ("ema") are those that a checkpoint's makers run.
const Value& weights_in(const Value& root) {
  const auto* dict = root.as<Dict>();
  if (dict == nullptr) return root;
  for (const char* key : {"ema", "model", "state_dict"}) {
    const Value* value = find(*dict, key);
    if (value != nullptr && (value->as<Dict>() != nullptr || value->as<Record>() != nullptr)) return *value;
  }
  return root;
}

}  // namespace

Result<std::shared_ptr<const WeightsFile>> WeightsFile::open(const std::filesystem::path& path) {
  auto mapped = MappedFile::open(path);
  if (!mapped) {
    return failure(mapped.error().kind, mapped.error().message,
                   "give the path of a file, as the worker's machine has it");
  }
  const std::shared_ptr<WeightsFile> file(new WeightsFile);
  file->path_ = path.string();
  file->mapped_ = std::move(*mapped);
  if (const auto read = file->read(); !read) {
    return failure(read.error().kind, file->path_ + ": " + read.error().message, read.error().remedy);
  }
  for (std::size_t i = 0; i < file->tensors_.size(); ++i) file->places_[file->tensors_[i].name] = i;
  return file;
}

Result<void> WeightsFile::read() {
  const ByteSpan bytes = mapped_->bytes();
  if (is_safetensors(bytes)) {
    auto tensors = read_safetensors(bytes);
    if (!tensors) return failure(tensors.error());
    tensors_ = std::move(*tensors);
    return {};
  }
  if (!is_torch_file(bytes)) {
    return failure(ErrorKind::corrupt, "this is no file of weights of a known format",
                   "give a file that torch.save wrote (.pth, .pt), or .safetensors");
  }
  auto file = read_torch_file(bytes);
  if (!file) return failure(file.error());
  torch_file_ = std::move(*file);
  return take(weights_in(*torch_file_.root));
}

Result<void> WeightsFile::take(const Value& root) {
  Result<std::vector<NamedTensor>> tensors;
  if (const auto* dict = root.as<Dict>()) {
    tensors = tensors_of(*dict);
  } else {
    auto module = Module::of(root, "");
    if (!module) return failure(module.error());
    tensors = tensors_of(*module);
    module_ = std::move(*module);
  }
  if (!tensors) return failure(tensors.error());
  tensors_ = std::move(*tensors);
  return {};
}

const NamedTensor* WeightsFile::find(const std::string& name) const {
  const auto place = places_.find(name);
  return place == places_.end() ? nullptr : &tensors_[place->second];
}

std::string WeightsFile::digest() const {
  const ByteSpan bytes = mapped_->bytes();
  return fmt::format("{:016x}", XXH3_64bits(bytes.data(), bytes.size()));
}

}  // namespace batchfit::files

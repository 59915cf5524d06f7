#include "files/torch_file.h"

#include <fmt/core.h>

#include <limits>
#include <unordered_map>

#include "files/bytes.h"
#include "files/pickle.h"
#include "files/zip.h"

namespace batchfit::files {
namespace {

constexpr std::string_view zip_start = "PK\x03\x04";
/// A pickle of protocol 2 that is the number 0x1950a86a20f9469cfc6c, as torch marks its files.
constexpr std::string_view legacy_start{"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15};
constexpr std::int64_t legacy_version = 1001;

tl::unexpected<Error> corrupt(const std::string& why) {
  return failure(ErrorKind::corrupt, why, "the file may be damaged: copy it again, or save the tensors anew");
}

/// Gives the storage its bytes, as many as its elements take.
Result<void> fill(Storage& storage, ByteSpan bytes) {
  const std::int64_t size = size_of(storage.type);
  if (storage.elements > std::numeric_limits<std::int64_t>::max() / size) {
    return corrupt(fmt::format("storage '{}' claims {} elements", shown(storage.key), storage.elements));
  }
  const auto part = part_of(bytes, 0, static_cast<std::uint64_t>(storage.elements * size));
  if (!part) {
    return corrupt(fmt::format("storage '{}' has {} bytes, and not the {} elements that the pickle says",
                               shown(storage.key), bytes.size(), storage.elements));
  }
  storage.bytes = *part;
  return {};
}

/// The folder in the archive, with its '/', that holds data.pkl.
Result<std::string> folder_of(const ZipEntries& entries) {
  constexpr std::string_view pickle = "data.pkl", constants = "constants.pkl";
  std::string found;
  for (const auto& [name, entry] : entries) {
    if (!name.ends_with(pickle) || name.find('/') != name.size() - pickle.size() - 1) continue;
    if (!found.empty()) return corrupt("the zip archive holds several data.pkl");
    found = name.substr(0, name.size() - pickle.size());
  }
  if (found.empty()) return corrupt("the zip archive holds no data.pkl: torch.save did not write it");
  if (entries.contains(found + std::string(constants))) {
    return failure(ErrorKind::usage, "the file is TorchScript, a model with its code and not weights",
                   "save the module's state_dict() with torch.save, or name the file as the model");
  }
  return found;
}

Result<ByteSpan> entry_of(const ZipEntries& entries, const std::string& name) {
  const auto entry = entries.find(name);
  if (entry == entries.end()) return corrupt("the zip archive has no entry '" + shown(name) + "'");
  if (!entry->second.readable) {
    return failure(ErrorKind::corrupt,
                   "the zip archive's entry '" + shown(name) + "' is compressed or encrypted",
                   "store it as torch.save does");
  }
  return entry->second.bytes;
}

Result<TorchFile> read_zip_format(ByteSpan bytes) {
  const auto entries = read_zip(bytes);
  if (!entries) return failure(entries.error());
  const auto folder = folder_of(*entries);
  if (!folder) return failure(folder.error());
  if (entries->contains(*folder + "byteorder")) {
    const auto order = entry_of(*entries, *folder + "byteorder");
    if (!order) return failure(order.error());
    if (text_of(*order) != "little") return corrupt("the file was written on a big-endian machine");
  }
  const auto pickle = entry_of(*entries, *folder + "data.pkl");
  if (!pickle) return failure(pickle.error());
  TorchFile file;
  const auto unpickled = unpickle(*pickle, file.arena);
  if (!unpickled) return failure(unpickled.error());
  file.root = unpickled->root;
  for (Value& value : file.arena) {
    auto* storage = value.as<Storage>();
    if (storage == nullptr) continue;
    const auto stored = entry_of(*entries, *folder + "data/" + std::string(storage->key));
    if (!stored) return failure(stored.error());
    if (const auto filled = fill(*storage, *stored); !filled) return failure(filled.error());
  }
  return file;
}

/// Reads the pickles of a legacy file one after the other.
class LegacyReader {
 public:
  explicit LegacyReader(ByteSpan bytes) : bytes_(bytes), at_(legacy_start.size()) {}

  Result<TorchFile> read() {
    if (const auto checked = check_header(); !checked) return failure(checked.error());
    const auto root = next();
    if (!root) return failure(root.error());
    file_.root = *root;
    const auto keys = next();
    if (!keys) return failure(keys.error());
    const auto* list = (*keys)->as<List>();
    if (list == nullptr) return corrupt("the file has no list of its storages");
    for (const Value* key : list->items) {
      if (const auto read = read_storage(*key); !read) return failure(read.error());
    }
    if (const auto filled = fill_storages(); !filled) return failure(filled.error());
    return std::move(file_);
  }

 private:
  Result<const Value*> next() {
    const auto unpickled = unpickle(bytes_.subspan(at_), file_.arena);
    if (!unpickled) return failure(unpickled.error());
    at_ += unpickled->length;
    return unpickled->root;
  }

  Result<void> check_header() {
    const auto version = next();
    if (!version) return failure(version.error());
    const auto* number = (*version)->as<std::int64_t>();
    if (number == nullptr || *number != legacy_version) return corrupt("the file is of an unknown version");
    const auto system = next();
    if (!system) return failure(system.error());
    const auto* dict = (*system)->as<Dict>();
    const Value* order = dict == nullptr ? nullptr : find(*dict, "little_endian");
    const auto* little = order == nullptr ? nullptr : order->as<bool>();
    if (little == nullptr || !*little) return corrupt("the file was not written on a little-endian machine");
    return {};
  }

  /// The number of elements, then these. Their size is known from the object that was read before.
  Result<void> read_storage(const Value& key) {
    const auto* text = key.as<Text>();
    if (text == nullptr) return corrupt("the file names a storage by " + describe(key));
    if (sizes_.empty()) index_sizes();
    const auto size = sizes_.find(text->text);
    if (size == sizes_.end())
      return corrupt("the file has a storage '" + shown(text->text) + "' of unknown type");
    const auto elements = number_at<std::int64_t>(bytes_, at_);
    at_ += sizeof(std::int64_t);
    const bool counted =
        elements && *elements >= 0 && *elements <= static_cast<std::int64_t>(bytes_.size()) / size->second;
    const auto part =
        counted ? part_of(bytes_, at_, static_cast<std::uint64_t>(*elements * size->second)) : std::nullopt;
    if (!part) return corrupt("the file ends before its storage '" + shown(text->text) + "' does");
    stored_[text->text] = *part;
    at_ += part->size();
    return {};
  }

  void index_sizes() {
    for (const Value& value : file_.arena) {
      if (const auto* storage = value.as<Storage>()) sizes_[storage->key] = size_of(storage->type);
    }
  }

  Result<void> fill_storages() {
    for (Value& value : file_.arena) {
      auto* storage = value.as<Storage>();
      if (storage == nullptr) continue;
      const auto stored = stored_.find(storage->key);
      if (stored == stored_.end()) return corrupt("the file lacks its storage '" + shown(storage->key) + "'");
      if (auto filled = fill(*storage, stored->second); !filled) return filled;
    }
    return {};
  }

  ByteSpan bytes_;
  std::size_t at_;
  TorchFile file_;
  std::unordered_map<std::string_view, std::int64_t> sizes_;
  std::unordered_map<std::string_view, ByteSpan> stored_;
};

}  // namespace

bool is_torch_file(ByteSpan bytes) {
  const std::string_view text = text_of(bytes);
  return text.starts_with(zip_start) || text.starts_with(legacy_start);
}

Result<TorchFile> read_torch_file(ByteSpan bytes) {
  const std::string_view text = text_of(bytes);
  if (text.starts_with(zip_start)) return read_zip_format(bytes);
  if (text.starts_with(legacy_start)) return LegacyReader(bytes).read();
  return corrupt("torch.save did not write this file");
}

}  // namespace batchfit::files

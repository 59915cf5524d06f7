#include "files/safetensors.h"

#include <fmt/core.h>

#include <algorithm>

#include "facts/fields.h"
#include "facts/json.h"
#include "files/bytes.h"
#include "files/pickle.h"

namespace batchfit::files {
namespace {

constexpr std::uint64_t length_size = sizeof(std::uint64_t);
/// The format's own limit is 100 MB; the headers of the largest published files take about one.
constexpr std::uint64_t longest_header = 32 << 20;

tl::unexpected<Error> corrupt(const std::string& why) {
  return failure(ErrorKind::corrupt, "the safetensors file " + why, "the file may be damaged: copy it again");
}

/// Strides of a tensor whose elements lie in the order of its indices; nothing where it has too many
/// elements to count.
std::optional<std::vector<std::int64_t>> dense_strides(const std::vector<std::int64_t>& shape,
                                                       std::int64_t* count) {
  std::vector<std::int64_t> strides(shape.size());
  *count = 1;
  for (std::size_t i = shape.size(); i-- > 0;) {
    strides[i] = *count;
    if (shape[i] < 0 || __builtin_mul_overflow(*count, shape[i], count)) return std::nullopt;
  }
  return strides;
}

Result<NamedTensor> read_tensor(const std::string& name, const Json& json, ByteSpan data) {
  Fields fields(json, "tensor");
  std::string dtype;
  std::vector<std::int64_t> offsets;
  NamedTensor tensor;
  tensor.name = name;
  fields.required("dtype", dtype);
  fields.required("shape", tensor.shape);
  fields.required("data_offsets", offsets);
  const auto damaged = [&](const std::string& why) {
    return corrupt(fmt::format("has a damaged entry '{}': {}", shown(name), why));
  };
  if (const auto read = fields.finish(true); !read) return damaged(read.error().message);
  const auto type = type_of_safetensors(dtype);
  if (!type) return damaged("its dtype '" + shown(dtype) + "' is not known");
  tensor.type = *type;
  std::int64_t count = 0, size = 0;
  auto strides = dense_strides(tensor.shape, &count);
  if (!strides || tensor.shape.size() > most_dimensions ||
      __builtin_mul_overflow(count, size_of(*type), &size)) {
    return damaged("its shape is beyond all bounds");
  }
  tensor.strides = std::move(*strides);
  if (offsets.size() != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] - offsets[0] != size) {
    return damaged(fmt::format("its offsets do not span the {} bytes of its shape", size));
  }
  const auto part = part_of(data, static_cast<std::uint64_t>(offsets[0]), static_cast<std::uint64_t>(size));
  if (!part) return damaged("it lies outside the file, which may be cut short");
  tensor.bytes = *part;
  return tensor;
}

/// What nests deeper than an entry's lists do is left out: it would take many times its own size.
Json parse_header(std::string_view text) {
  constexpr int deepest = 3;
  const auto is_wanted = [](int depth, Json::parse_event_t, const Json&) { return depth <= deepest; };
  return Json::parse(text, is_wanted, /*allow_exceptions=*/false);
}

/// The name of a tensor that shares bytes with another; empty where none does.
std::string overlapping(const std::vector<NamedTensor>& tensors) {
  std::vector<const NamedTensor*> sorted;
  for (const NamedTensor& tensor : tensors) {
    if (!tensor.bytes.empty()) sorted.push_back(&tensor);
  }
  const auto by_place = [](const NamedTensor* a, const NamedTensor* b) {
    return a->bytes.data() < b->bytes.data();
  };
  std::sort(sorted.begin(), sorted.end(), by_place);
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    const ByteSpan before = sorted[i - 1]->bytes;
    if (before.data() + before.size() > sorted[i]->bytes.data()) return sorted[i]->name;
  }
  return {};
}

}  // namespace

bool is_safetensors(ByteSpan bytes) {
  const auto length = number_at<std::uint64_t>(bytes, 0);
  return length && *length >= 2 && *length <= longest_header && text_of(bytes).substr(length_size, 1) == "{";
}

Result<std::vector<NamedTensor>> read_safetensors(ByteSpan bytes) {
  if (!is_safetensors(bytes)) return corrupt("does not begin with a header");
  const std::uint64_t length = *number_at<std::uint64_t>(bytes, 0);
  const auto header = part_of(bytes, length_size, length);
  if (!header) return corrupt("ends in the middle of its header");
  const Json json = parse_header(text_of(*header));
  if (!json.is_object()) return corrupt("has a header that is no JSON object");
  const ByteSpan data = bytes.subspan(static_cast<std::size_t>(length_size + length));
  std::vector<NamedTensor> tensors;
  for (const auto& [name, entry] : json.items()) {
    if (name == "__metadata__") continue;
    auto tensor = read_tensor(name, entry, data);
    if (!tensor) return failure(tensor.error());
    tensors.push_back(std::move(*tensor));
  }
  if (const std::string name = overlapping(tensors); !name.empty()) {
    return corrupt("has tensors that share bytes, '" + shown(name) + "' among them");
  }
  return tensors;
}

}  // namespace batchfit::files

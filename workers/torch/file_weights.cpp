#include "file_weights.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <fmt/core.h>
#include <fmt/ranges.h>

#include <cstring>

namespace batchfit {
namespace {

std::string shape_text(at::IntArrayRef shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace

at::ScalarType scalar_type_of(files::ElementType type) {
  switch (type) {
    case files::ElementType::float32:
      return at::kFloat;
    case files::ElementType::float64:
      return at::kDouble;
    case files::ElementType::float16:
      return at::kHalf;
    case files::ElementType::bfloat16:
      return at::kBFloat16;
    case files::ElementType::float8_e4m3fn:
      return at::kFloat8_e4m3fn;
    case files::ElementType::float8_e5m2:
      return at::kFloat8_e5m2;
    case files::ElementType::int8:
      return at::kChar;
    case files::ElementType::int16:
      return at::kShort;
    case files::ElementType::int32:
      return at::kInt;
    case files::ElementType::int64:
      return at::kLong;
    case files::ElementType::uint8:
      return at::kByte;
    case files::ElementType::uint16:
      return at::kUInt16;
    case files::ElementType::uint32:
      return at::kUInt32;
    case files::ElementType::uint64:
      return at::kUInt64;
    case files::ElementType::boolean:
      return at::kBool;
    case files::ElementType::complex64:
      return at::kComplexFloat;
    case files::ElementType::complex128:
      return at::kComplexDouble;
  }
  return at::kFloat;
}

at::Tensor tensor_of(const files::NamedTensor& stored, std::shared_ptr<const void> owner) {
  const at::TensorOptions options = at::TensorOptions().dtype(scalar_type_of(stored.type));
  if (stored.bytes.empty()) return at::empty(stored.shape, options);
  const auto address = reinterpret_cast<std::uintptr_t>(stored.bytes.data());
  if (address % static_cast<std::uintptr_t>(files::size_of(stored.type)) == 0) {
    return at::from_blob(
        const_cast<std::byte*>(stored.bytes.data()), stored.shape, stored.strides,
        [owner = std::move(owner)](void*) {}, options);
  }
  const at::Tensor copy = at::empty({static_cast<std::int64_t>(stored.bytes.size())}, at::kByte);
  std::memcpy(copy.mutable_data_ptr(), stored.bytes.data(), stored.bytes.size());
  return at::from_blob(
      copy.mutable_data_ptr(), stored.shape, stored.strides, [copy](void*) {}, options);
}

Result<at::Tensor> FileWeights::find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) {
  const files::NamedTensor* stored = file_->find(name);
  if (stored == nullptr) {
    return failure(
        ErrorKind::usage,
        fmt::format("there is no weight '{}', where one of shape {} is expected", name, shape_text(shape)),
        "give the weights of this model, as its state_dict() names them");
  }
  used_.insert(name);
  const at::Tensor tensor = tensor_of(*stored, file_);
  if (tensor.sizes() != shape) return tensor;  // of a wrong shape, which may be of any size
  if (!tensor.is_floating_point()) {
    return failure(ErrorKind::usage,
                   fmt::format("weight '{}' is of dtype {}, where a floating-point one is expected", name,
                               files::name_of(stored->type)),
                   "give weights that are not quantised");
  }
  return tensor.to(dtype).to(device());
}

void FileWeights::check_all_used() {
  constexpr std::string_view counter = "num_batches_tracked";
  for (const files::NamedTensor& tensor : file_->tensors()) {
    if (used_.contains(tensor.name) || std::string_view(tensor.name).ends_with(counter)) continue;
    fail({ErrorKind::usage,
          fmt::format("weight '{}' of shape {} is none of this model's", tensor.name,
                      shape_text(tensor.shape)),
          "give the weights of this model, as its state_dict() names them"});
    return;
  }
}

}  // namespace batchfit

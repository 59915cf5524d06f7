#pragma once

#include <memory>
#include <unordered_set>

#include "files/weights_file.h"
#include "weights.h"

namespace batchfit {

/// torch's type of a file's.
at::ScalarType scalar_type_of(files::ElementType type);

/// The tensor's values where they lie, which keeps `owner` alive: a view of the file's mapping, or a copy
/// where they are not aligned as their type needs. Never write to it.
at::Tensor tensor_of(const files::NamedTensor& stored, std::shared_ptr<const void> owner);

/// Weights from a file, of any floating-point type.
class FileWeights : public Weights {
 public:
  FileWeights(std::shared_ptr<const files::WeightsFile> file, at::Device device)
      : Weights(device), file_(std::move(file)) {}

  const files::WeightsFile* file() const override { return file_.get(); }

  /// Keeps an error that names an entry which no model asked for; counters of training steps are none.
  void check_all_used();

 private:
  Result<at::Tensor> find(const std::string& name, at::IntArrayRef shape, at::ScalarType dtype) override;

  std::shared_ptr<const files::WeightsFile> file_;
  std::unordered_set<std::string> used_;
};

}  // namespace batchfit

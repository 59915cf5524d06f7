// The one file that includes TorchScript's headers: they take long to compile.
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <utility>

#include "models/exported.h"

namespace batchfit {
namespace {

at::Tensor first_tensor(const c10::IValue& value) {
  if (value.isTensor()) return value.toTensor();
  if (value.isTensorList()) return value.toTensorList().get(0);
  if (value.isTuple()) {
    for (const c10::IValue& item : value.toTupleRef().elements()) {
      if (const at::Tensor found = first_tensor(item); found.defined()) return found;
    }
  }
  if (value.isList()) {
    for (const c10::IValue& item : value.toListRef()) {
      if (const at::Tensor found = first_tensor(item); found.defined()) return found;
    }
  }
  if (value.isGenericDict()) {
    for (const auto& entry : value.toGenericDict()) {
      if (const at::Tensor found = first_tensor(entry.value()); found.defined()) return found;
    }
  }
  return {};
}

class TorchScript : public Model {
 public:
  explicit TorchScript(torch::jit::Module module) : module_(std::move(module)) {}
  at::Tensor forward(const at::Tensor& input) const override { return forward_all({input}); }
  at::Tensor forward_all(const std::vector<at::Tensor>& inputs) const override {
    return first_tensor(module_.forward({inputs.begin(), inputs.end()}));
  }

 private:
  mutable torch::jit::Module module_;  // its forward is not const, though it changes no weights
};

}  // namespace

ExportedModel load_torchscript(const std::string& path, at::Device device,
                               std::optional<at::ScalarType> dtype) {
  // The profiling executor compiles in the first calls of each shape: each batch would be timed half
  // compiled, and what compiles cannot be captured. The other one optimises once, before the first call.
  torch::jit::getProfilingMode() = false;
  torch::jit::Module module = torch::jit::load(path, device);
  module.eval();
  if (dtype) module.to(device, *dtype);
  ExportedModel loaded;
  for (const at::Tensor& weight : module.parameters()) {
    if (!weight.is_floating_point()) continue;
    loaded.dtype = weight.scalar_type();
    break;
  }
  loaded.model = std::make_unique<TorchScript>(std::move(module));
  return loaded;
}

}  // namespace batchfit

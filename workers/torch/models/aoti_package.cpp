// The one file that includes AOTInductor's headers.
#include <dlfcn.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>

#include <cstdlib>
#include <utility>

#include "models/exported.h"

namespace batchfit {
namespace {

class AotiPackage : public Model {
 public:
  explicit AotiPackage(std::unique_ptr<torch::inductor::AOTIModelPackageLoader> package)
      : package_(std::move(package)) {}
  at::Tensor forward(const at::Tensor& input) const override { return forward_all({input}); }
  at::Tensor forward_all(const std::vector<at::Tensor>& inputs) const override {
    // The current stream is used where none is named.
    const std::vector<at::Tensor> outputs = package_->run(inputs);
    return outputs.empty() ? at::Tensor() : outputs.front();
  }

 private:
  std::unique_ptr<torch::inductor::AOTIModelPackageLoader> package_;
};

}  // namespace

ExportedModel load_aoti_package(const std::string& path, at::Device device, bool check_inputs) {
  // The package's code reads it once, at its first run.
  ::setenv("AOTI_RUNTIME_CHECK_INPUTS", check_inputs ? "1" : "0", /*overwrite=*/1);
  // The package's code needs this library by name, and only this program knows where it lies. What it cannot
  // find the package's own loading tells.
  ::dlopen("libtorch.so", RTLD_LAZY | RTLD_GLOBAL);
  // One thread runs it: the locks and events that several would need cannot be captured.
  constexpr bool run_single_threaded = true;
  auto package = std::make_unique<torch::inductor::AOTIModelPackageLoader>(
      path, "model", run_single_threaded, /*num_runners=*/1, device.is_cuda() ? device.index() : -1);
  return {std::make_unique<AotiPackage>(std::move(package)), std::nullopt};
}

}  // namespace batchfit

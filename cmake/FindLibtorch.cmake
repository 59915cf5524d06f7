# Finds libtorch inside the PyPI wheel of a Python virtual environment and defines
#   Libtorch::cpu    torch_cpu and c10
#   Libtorch::cuda   the above with torch_cuda, c10_cuda and the CUDA runtime; only where Libtorch_CUDA is true
#   Libtorch_VERSION as the wheel's version.py says it
# torch's own CMake package is not used: it demands a CUDA toolkit even for CPU programs, while the wheels
# bring all headers and libraries that are needed. No nvcc and no toolkit is looked for.
set(BATCHFIT_VENV "${PROJECT_SOURCE_DIR}/.venv" CACHE PATH "Python virtual environment that holds the torch wheel")
file(GLOB Libtorch_ROOT "${BATCHFIT_VENV}/lib/python3.*/site-packages/torch")
if(NOT EXISTS "${Libtorch_ROOT}/lib/libtorch_cpu.so")
  message(FATAL_ERROR "No torch wheel in ${BATCHFIT_VENV}. Run scripts/setup, which makes that environment, name another "
                      "with -DBATCHFIT_VENV=DIR, or leave the libtorch worker out with -DBATCHFIT_TORCH_WORKER=OFF.")
endif()
file(STRINGS "${Libtorch_ROOT}/version.py" version_line REGEX "^__version__ = ")
string(REGEX REPLACE ".*'(.*)'.*" "\\1" Libtorch_VERSION "${version_line}")
cmake_path(GET Libtorch_ROOT PARENT_PATH site_packages)
set(nvidia "${site_packages}/nvidia")

# The light install of a CUDA wheel has no cuDNN and no cuBLAS: libtorch_cuda could not be loaded.
set(Libtorch_CUDA FALSE)
if(EXISTS "${Libtorch_ROOT}/lib/libtorch_cuda.so" AND EXISTS "${nvidia}/cu13/include/cublas_v2.h"
   AND EXISTS "${nvidia}/cu13/lib/libcublas.so.13" AND EXISTS "${nvidia}/cudnn/lib/libcudnn.so.9")
  set(Libtorch_CUDA TRUE)
endif()

file(GLOB nvidia_libraries LIST_DIRECTORIES TRUE "${nvidia}/*/lib")
# What libtorch needs in turn (cuDNN, NCCL, …) lies in these folders; the linker looks there, nothing of it is linked.
list(JOIN nvidia_libraries ":" link_path)
function(libtorch_library name file)
  add_library(Libtorch::${name} SHARED IMPORTED)
  set_target_properties(Libtorch::${name} PROPERTIES IMPORTED_LOCATION "${file}")
endfunction()
libtorch_library(c10 "${Libtorch_ROOT}/lib/libc10.so")
libtorch_library(torch_cpu "${Libtorch_ROOT}/lib/libtorch_cpu.so")

add_library(Libtorch::cpu INTERFACE IMPORTED)
target_include_directories(Libtorch::cpu SYSTEM INTERFACE "${Libtorch_ROOT}/include")
# The wheel is built with the C++11 ABI of std::string, as GCC's default is.
target_compile_definitions(Libtorch::cpu INTERFACE _GLIBCXX_USE_CXX11_ABI=1)
target_link_libraries(Libtorch::cpu INTERFACE Libtorch::torch_cpu Libtorch::c10)
target_link_options(Libtorch::cpu INTERFACE "LINKER:-rpath-link,${Libtorch_ROOT}/lib:${link_path}")

if(Libtorch_CUDA)
  libtorch_library(c10_cuda "${Libtorch_ROOT}/lib/libc10_cuda.so")
  libtorch_library(torch_cuda "${Libtorch_ROOT}/lib/libtorch_cuda.so")
  libtorch_library(cudart "${nvidia}/cu13/lib/libcudart.so.13")
  add_library(Libtorch::cuda INTERFACE IMPORTED)
  target_include_directories(Libtorch::cuda SYSTEM INTERFACE "${nvidia}/cu13/include")
  # libtorch_cuda registers its kernels when it is loaded and is used through that alone, so it must stay linked.
  target_link_options(Libtorch::cuda INTERFACE "LINKER:--no-as-needed")
  target_link_libraries(Libtorch::cuda INTERFACE Libtorch::cpu Libtorch::torch_cuda Libtorch::c10_cuda Libtorch::cudart)
endif()
message(STATUS "libtorch ${Libtorch_VERSION} in ${Libtorch_ROOT}, CUDA: ${Libtorch_CUDA}")

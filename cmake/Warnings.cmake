# Interface target with the warnings and sanitizers that every target of the project is built with.
add_library(batchfit_warnings INTERFACE)
target_compile_options(batchfit_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
                                                   -Woverloaded-virtual -Wimplicit-fallthrough)
# GCC 12 reports -Wrestrict inside its own std::string operator+ (GCC bug 105651).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  target_compile_options(batchfit_warnings INTERFACE -Wno-restrict)
endif()
if(BATCHFIT_WERROR)
  target_compile_options(batchfit_warnings INTERFACE -Werror)
endif()
if(BATCHFIT_SANITIZE)
  target_compile_options(batchfit_warnings INTERFACE -fsanitize=${BATCHFIT_SANITIZE} -fno-omit-frame-pointer -g1
                                                     -fno-sanitize-recover=all)
  target_link_options(batchfit_warnings INTERFACE -fsanitize=${BATCHFIT_SANITIZE})
endif()

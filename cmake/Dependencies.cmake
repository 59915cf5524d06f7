# Debian's packages; scripts/setup installs them, docs/dependencies.md says why each.
# All are used header-only or linked statically, so that the programs run on machines that have a driver and nothing of Debian's.
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt 9.1 REQUIRED)
set(ZLIB_USE_STATIC_LIBS ON)
find_package(ZLIB REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_path(AGG_INCLUDE_DIR agg2/agg_basics.h REQUIRED)
find_library(AGG_LIBRARY NAMES libagg_pic.a REQUIRED)
find_path(PCRE2_INCLUDE_DIR pcre2.h REQUIRED)
find_library(PCRE2_LIBRARY NAMES libpcre2-8.a REQUIRED)

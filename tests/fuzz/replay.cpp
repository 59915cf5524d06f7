// Runs a fuzz target over the files of a folder, where libFuzzer is not linked: replay FOLDER.
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>

#include "base/file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[1])) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = batchfit::read_file(entry.path());
    if (!bytes) {
      std::cerr << bytes.error().text() << "\n";
      return 1;
    }
    std::cout << entry.path().string() << std::endl;  // flushed: a crash is then the last file's
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes->data()), bytes->size());
    ++files;
  }
  return files > 0 ? 0 : 1;  // an empty corpus would prove nothing
}

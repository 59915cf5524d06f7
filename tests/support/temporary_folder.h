#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace batchfit::test {

/// A folder of its own that goes away with the test.
class TemporaryFolder {
 public:
  TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The bytes of a file, "" where there is none.
std::string bytes_of(const std::filesystem::path& path);
void write_bytes(const std::filesystem::path& path, const std::string& bytes);

/// Names in a folder that contain `part`, sorted.
std::vector<std::string> names_in(const std::filesystem::path& folder, const std::string& part = "");

}  // namespace batchfit::test

#include "worker/identity.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

namespace batchfit {
namespace fs = std::filesystem;
namespace {

/// Settings of the frameworks that change memory use or the choice of kernels.
constexpr std::array watched_variables{
    "BATCHFIT_BITSANDBYTES",   "CUBLAS_WORKSPACE_CONFIG",    "CUDA_MODULE_LOADING", "CUDA_VISIBLE_DEVICES",
    "MKL_NUM_THREADS",         "NVIDIA_TF32_OVERRIDE",       "OMP_NUM_THREADS",     "PYTORCH_ALLOC_CONF",
    "PYTORCH_CUDA_ALLOC_CONF", "TORCH_CUDNN_V8_API_DISABLED"};

std::optional<FileIdentity> program_at(const std::string& word) {
  if (word.find('/') != std::string::npos) return identify_file(word);
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "/usr/bin:/bin" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    const fs::path candidate = fs::path(folder.empty() ? "." : folder) / word;
    if (::access(candidate.c_str(), X_OK) != 0) continue;
    if (auto file = identify_file(candidate.string())) return file;
  }
  return std::nullopt;
}

std::optional<FileIdentity> argument_at(const std::string& word) {
  if (auto file = identify_file(word)) return file;
  const std::size_t colon = word.rfind(':');
  return colon == std::string::npos ? std::nullopt : identify_file(word.substr(0, colon));
}

bool is_assignment(const std::string& word) {
  const std::size_t equals = word.find('=');
  return equals != std::string::npos && word.find('/') > equals;
}

}  // namespace

std::optional<FileIdentity> identify_file(const std::string& path) {
  struct stat info {};
  if (path.empty() || ::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error);
  if (error) return std::nullopt;
  constexpr std::int64_t ns_per_s = 1'000'000'000;
  return FileIdentity{absolute.lexically_normal().string(), info.st_size,
                      info.st_mtim.tv_sec * ns_per_s + info.st_mtim.tv_nsec, info.st_ino};
}

std::vector<FileIdentity> identify_files(const std::string& path) {
  if (const auto file = identify_file(path)) return {*file};
  std::vector<FileIdentity> files;
  std::error_code error;
  for (fs::directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    if (const auto file = identify_file(entry->path().string())) files.push_back(*file);
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  return files;
}

std::vector<std::string> command_words(const std::string& command) {
  std::vector<std::string> words;
  std::optional<std::string> word;  // set while in one: '' is a word too
  char quote = 0;
  for (std::size_t i = 0; i < command.size(); ++i) {
    const char c = command[i];
    const bool escapes = c == '\\' && quote != '\'' && i + 1 < command.size();
    if (quote == 0 && std::isspace(static_cast<unsigned char>(c)) != 0) {
      if (word) words.push_back(*std::exchange(word, std::nullopt));
      continue;
    }
    if (!word) word.emplace();
    if (escapes) {
      *word += command[++i];
    } else if (quote == 0 && (c == '\'' || c == '"')) {
      quote = c;
    } else if (c == quote) {
      quote = 0;
    } else {
      *word += c;
    }
  }
  if (word) words.push_back(*word);
  return words;
}

WorkerIdentity identify(const std::string& command) {
  WorkerIdentity identity;
  identity.command = command;
  bool is_program = true;
  for (const std::string& word : command_words(command)) {
    if (is_program && is_assignment(word)) continue;
    const auto file = is_program ? program_at(word) : argument_at(word);
    is_program = false;
    if (file) identity.files.push_back(*file);
  }
  for (const char* name : watched_variables) {
    if (const char* value = std::getenv(name)) identity.variables[name] = value;
  }
  return identity;
}

Json to_json(const WorkerIdentity& identity) {
  Json files = Json::array();
  for (const FileIdentity& file : identity.files) files.push_back(to_json(file));
  return {{"command", identity.command}, {"files", std::move(files)}, {"variables", identity.variables}};
}

Json to_json(const FileIdentity& file) {
  return {{"path", file.path}, {"size", file.size}, {"mtime_ns", file.mtime_ns}, {"inode", file.inode}};
}

}  // namespace batchfit

#include "files/value.h"

#include <fmt/core.h>

#include "files/bytes.h"

namespace batchfit::files {
namespace {

struct Describe {
  std::string operator()(const None&) const { return "None"; }
  std::string operator()(bool value) const { return value ? "True" : "False"; }
  std::string operator()(std::int64_t value) const { return fmt::format("the number {}", value); }
  std::string operator()(double value) const { return fmt::format("the number {}", value); }
  std::string operator()(const BigInteger&) const { return "a number beyond 64 bits"; }
  std::string operator()(const Text& text) const { return "the text '" + shown(text.text) + "'"; }
  std::string operator()(const Bytes&) const { return "bytes"; }
  std::string operator()(const List&) const { return "a list"; }
  std::string operator()(const Tuple&) const { return "a tuple"; }
  std::string operator()(const Set&) const { return "a set"; }
  std::string operator()(const Dict&) const { return "a dict"; }
  std::string operator()(const Global& global) const { return "the name " + shown(global.path()); }
  std::string operator()(const Storage&) const { return "a storage"; }
  std::string operator()(const Tensor&) const { return "a tensor"; }
  std::string operator()(const Record& record) const {
    const auto* global = record.maker == nullptr ? nullptr : record.maker->as<Global>();
    const std::string name = global == nullptr ? "something unnamed" : shown(global->path());
    return record.is_object ? "an object of class " + name
                            : "the result of calling " + name + ", which is never called here";
  }
};

}  // namespace

std::string describe(const Value& value) { return std::visit(Describe{}, value.data); }

const Value* find(const Dict& dict, std::string_view key) {
  for (auto entry = dict.entries.rbegin(); entry != dict.entries.rend(); ++entry) {
    const auto* text = entry->first->as<Text>();
    if (text != nullptr && text->text == key) return entry->second;
  }
  return nullptr;
}

}  // namespace batchfit::files

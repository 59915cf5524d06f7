#include "files/module.h"

#include <fmt/core.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "files/bytes.h"

namespace batchfit::files {
namespace {

// A model of a thousand layers has some thousand modules, ten deep, each of some twenty attributes. What is
// shared is walked again wherever it stands, so these bound the time too.
constexpr std::size_t most_modules = 20'000, most_tensors = 200'000, most_members = 10'000, deepest = 100,
                      longest_name = 1024;

tl::unexpected<Error> wrong(const std::string& name, const std::string& why) {
  return failure(ErrorKind::corrupt, shown(name) + " " + why,
                 "save the model again, or only its state_dict(), with the library that made it");
}

tl::unexpected<Error> is_not(const std::string& name, const Value* value, const char* expected) {
  return wrong(name, value == nullptr
                         ? fmt::format("is missing, which should be {}", expected)
                         : fmt::format("is {}, where {} is expected", describe(*value), expected));
}

NamedTensor named(std::string name, const Tensor& tensor) {
  NamedTensor out{std::move(name), tensor.type, tensor.shape, tensor.strides, {}};
  const bool empty = std::find(tensor.shape.begin(), tensor.shape.end(), 0) != tensor.shape.end();
  if (empty) return out;
  std::int64_t elements = 1;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) elements += (tensor.shape[i] - 1) * tensor.strides[i];
  const std::int64_t size = size_of(tensor.type);
  out.bytes = tensor.storage->bytes.subspan(static_cast<std::size_t>(tensor.offset * size),
                                            static_cast<std::size_t>(elements * size));
  return out;
}

std::set<std::string_view> texts_in(const Value* value) {
  std::set<std::string_view> texts;
  const auto* set = value == nullptr ? nullptr : value->as<Set>();
  if (set == nullptr) return texts;
  for (const Value* item : set->items) {
    if (const auto* text = item->as<Text>()) texts.insert(text->text);
  }
  return texts;
}

/// The entries of a dict with text keys, of equal ones the last, in the order of the first.
Result<std::vector<std::pair<std::string_view, const Value*>>> texts_of(const Dict& dict,
                                                                        const std::string& name) {
  std::vector<std::pair<std::string_view, const Value*>> out;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& [key, value] : dict.entries) {
    const auto* text = key->as<Text>();
    if (text == nullptr) return wrong(name, "has " + describe(*key) + " as a name");
    if (text->text.size() > longest_name) return wrong(name, "has a name of endless length");
    const auto [place, is_new] = places.try_emplace(text->text, out.size());
    if (is_new) {
      out.emplace_back(text->text, value);
    } else {
      out[place->second].second = value;
    }
  }
  return out;
}

/// Collects what modules hold, depth first, as state_dict() does.
class Walk {
 public:
  Result<void> visit(const Module& module, std::size_t depth) {
    if (depth > deepest || ++visited_ > most_modules) {
      return wrong(module.path(), "holds more modules than any model has");
    }
    auto own = module.own_tensors();
    if (!own) return failure(own.error());
    std::move(own->begin(), own->end(), std::back_inserter(tensors));
    if (tensors.size() > most_tensors) return wrong(module.path(), "holds more tensors than any model has");
    const auto children = module.children();
    if (!children) return failure(children.error());
    for (const auto& [name, child] : *children) {
      if (auto visited = visit(child, depth + 1); !visited) return visited;
    }
    return {};
  }

  std::vector<NamedTensor> tensors;

 private:
  std::size_t visited_ = 0;
};

}  // namespace

Result<Module> Module::of(const Value& value, std::string path) {
  const auto* record = value.as<Record>();
  const auto* type = record == nullptr || !record->is_object ? nullptr : record->maker->as<Global>();
  const auto* state = type == nullptr || record->state == nullptr ? nullptr : record->state->as<Dict>();
  const bool bounded = state != nullptr && state->entries.size() <= most_members;
  if (!bounded || find(*state, "_modules") == nullptr) {
    return is_not(path.empty() ? "the model" : path, &value, "a module");
  }
  return Module(*state, *type, std::move(path));
}

std::string_view Module::class_name() const {
  const std::string_view name = class_->name;
  return name.substr(name.rfind('.') + 1);
}

std::string Module::name_of(std::string_view member) const {
  return path_.empty() ? std::string(member) : path_ + "." + std::string(member);
}

const Value* Module::attribute(std::string_view name) const { return find(*state_, name); }

Result<std::int64_t> Module::integer(std::string_view name) const {
  const Value* value = attribute(name);
  const auto* number = value == nullptr ? nullptr : value->as<std::int64_t>();
  if (number == nullptr) return is_not(name_of(name), value, "a whole number");
  return *number;
}

Result<double> Module::number(std::string_view name) const {
  const Value* value = attribute(name);
  if (value != nullptr && value->as<double>() != nullptr) return *value->as<double>();
  const auto whole = integer(name);
  if (!whole) return is_not(name_of(name), value, "a number");
  return static_cast<double>(*whole);
}

Result<bool> Module::flag(std::string_view name) const {
  const Value* value = attribute(name);
  const auto* flag = value == nullptr ? nullptr : value->as<bool>();
  if (flag == nullptr) return is_not(name_of(name), value, "True or False");
  return *flag;
}

Result<std::vector<std::int64_t>> Module::integers(std::string_view name) const {
  const Value* value = attribute(name);
  const auto* list = value == nullptr ? nullptr : value->as<List>();
  const auto* tuple = value == nullptr ? nullptr : value->as<Tuple>();
  const auto not_numbers = [&] { return is_not(name_of(name), value, "a list of whole numbers"); };
  if (list == nullptr && tuple == nullptr) return not_numbers();
  std::vector<std::int64_t> out;
  for (const Value* item : list != nullptr ? list->items : tuple->items) {
    const auto* number = item->as<std::int64_t>();
    if (number == nullptr) return not_numbers();
    out.push_back(*number);
  }
  return out;
}

Result<const Dict*> Module::dict(std::string_view name) const {
  const Value* value = attribute(name);
  const auto* found = value == nullptr ? nullptr : value->as<Dict>();
  if (found == nullptr) return is_not(name_of(name), value, "a dict");
  if (found->entries.size() > most_members) return wrong(name_of(name), "has more entries than any module");
  return found;
}

Result<std::vector<std::pair<std::string, Module>>> Module::children() const {
  const auto modules = dict("_modules");
  if (!modules) return failure(modules.error());
  const auto entries = texts_of(**modules, name_of("_modules"));
  if (!entries) return failure(entries.error());
  std::vector<std::pair<std::string, Module>> out;
  for (const auto& [name, value] : *entries) {
    if (value->as<None>() != nullptr) continue;
    auto child = Module::of(*value, name_of(name));
    if (!child) return failure(child.error());
    out.emplace_back(name, std::move(*child));
  }
  return out;
}

Result<Module> Module::child(std::string_view name) const {
  const auto modules = dict("_modules");
  if (!modules) return failure(modules.error());
  const Value* value = find(**modules, name);
  if (value == nullptr) return is_not(name_of(name), value, "a module");
  return Module::of(*value, name_of(name));
}

Result<std::vector<NamedTensor>> Module::own_tensors() const {
  std::vector<NamedTensor> out;
  const auto left_out = texts_in(attribute("_non_persistent_buffers_set"));
  for (const char* kind : {"_parameters", "_buffers"}) {
    const auto tensors = dict(kind);
    if (!tensors) return failure(tensors.error());
    const auto entries = texts_of(**tensors, name_of(kind));
    if (!entries) return failure(entries.error());
    for (const auto& [name, value] : *entries) {
      if (value->as<None>() != nullptr || left_out.contains(name)) continue;
      const auto* tensor = value->as<Tensor>();
      if (tensor == nullptr) return is_not(name_of(name), value, "a tensor");
      out.push_back(named(name_of(name), *tensor));
    }
  }
  return out;
}

Result<std::vector<NamedTensor>> tensors_of(const Module& module) {
  Walk walk;
  if (const auto visited = walk.visit(module, 0); !visited) return failure(visited.error());
  return std::move(walk.tensors);
}

Result<std::vector<NamedTensor>> tensors_of(const Dict& dict) {
  const auto entries = texts_of(dict, "the state dict");
  if (!entries) return failure(entries.error());
  std::vector<NamedTensor> out;
  for (const auto& [name, value] : *entries) {
    const auto* tensor = value->as<Tensor>();
    if (tensor == nullptr) return is_not("entry '" + std::string(name) + "'", value, "a tensor");
    out.push_back(named(std::string(name), *tensor));
  }
  return out;
}

}  // namespace batchfit::files

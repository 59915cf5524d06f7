#include "files/constructors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "files/bytes.h"
#include "files/pickle.h"

namespace batchfit::files {
namespace {

using Arguments = std::vector<const Value*>;

constexpr std::size_t longest_key = 1024;

tl::unexpected<Error> malformed(const std::string& why) { return failure(ErrorKind::corrupt, why); }

std::optional<Storage> storage_of_class(const Value& value) {
  const auto* global = value.as<Global>();
  if (global == nullptr || !global->module.starts_with("torch")) return std::nullopt;
  Storage storage;
  if (global->name == "UntypedStorage") {
    storage.type = ElementType::uint8;
    storage.untyped = true;
    return storage;
  }
  const auto type = type_of_storage_class(global->name);
  if (!type) return std::nullopt;
  storage.type = *type;
  return storage;
}

/// ("storage", class, key, device, elements), and in old files the view of another storage that it is.
Result<Value> read_storage(const Arguments& id) {
  if (id.size() < 5) return malformed("names a storage without its parts");
  auto storage = storage_of_class(*id[1]);
  const auto* key = id[2]->as<Text>();
  const auto* elements = id[4]->as<std::int64_t>();
  if (!storage) return malformed("names a storage by " + describe(*id[1]) + ", which is no known class");
  if (key == nullptr || key->text.size() > longest_key) return malformed("names a storage without a key");
  if (elements == nullptr || *elements < 0) {
    return malformed("gives a storage's size as " + describe(*id[4]));
  }
  if (id.size() > 5 && id[5]->as<None>() == nullptr) {
    return malformed("has a storage that is a view of another, as torch before 0.4 wrote it");
  }
  storage->key = key->text;
  storage->elements = *elements;
  return Value{*storage};
}

Result<std::vector<std::int64_t>> read_sizes(const Value& value, const char* what) {
  const auto* tuple = value.as<Tuple>();
  if (tuple == nullptr || tuple->items.size() > most_dimensions) {
    return malformed(fmt::format("gives a tensor's {} as {}", what, describe(value)));
  }
  std::vector<std::int64_t> sizes;
  for (const Value* item : tuple->items) {
    const auto* size = item->as<std::int64_t>();
    if (size == nullptr || *size < 0) {
      return malformed(fmt::format("has {} in a tensor's {}", describe(*item), what));
    }
    sizes.push_back(*size);
  }
  return sizes;
}

/// Whether all elements lie below `elements`, and their number is one.
bool fits(const Tensor& tensor, std::int64_t elements) {
  std::int64_t last = tensor.offset, count = 1;
  bool empty = false;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    std::int64_t reach = 0;
    if (tensor.shape[i] == 0) {
      empty = true;
      continue;
    }
    if (__builtin_mul_overflow(count, tensor.shape[i], &count) ||
        __builtin_mul_overflow(tensor.shape[i] - 1, tensor.strides[i], &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      return false;
    }
  }
  return empty ? tensor.offset <= elements : last < elements;
}

/// (storage, offset, shape, strides, …); `dtype`: where the storage is untyped, the tensor's own.
Result<Value> rebuild_tensor(const Arguments& arguments, const Value* dtype = nullptr) {
  if (arguments.size() < 4) return malformed("rebuilds a tensor without its parts");
  const auto* storage = arguments[0]->as<Storage>();
  if (storage == nullptr) return malformed("rebuilds a tensor from " + describe(*arguments[0]));
  const auto* offset = arguments[1]->as<std::int64_t>();
  if (offset == nullptr || *offset < 0) {
    return malformed("gives a tensor's offset as " + describe(*arguments[1]));
  }
  auto shape = read_sizes(*arguments[2], "shape");
  if (!shape) return failure(shape.error());
  auto strides = read_sizes(*arguments[3], "strides");
  if (!strides) return failure(strides.error());
  if (shape->size() != strides->size()) return malformed("has a tensor with more sizes than strides");

  Tensor tensor{storage, storage->type, *offset, std::move(*shape), std::move(*strides)};
  if (dtype != nullptr) {
    const auto* name = dtype->as<Global>();
    const auto type =
        name != nullptr && name->module == "torch" ? type_of_torch_dtype(name->name) : std::nullopt;
    if (!type) return malformed("gives a tensor's dtype as " + describe(*dtype));
    tensor.type = *type;
  }
  // Sizes are of one byte at the least, so the product can pass the largest number only by a false count.
  const std::int64_t bytes_a_count = size_of(storage->type);
  if (storage->elements > std::numeric_limits<std::int64_t>::max() / bytes_a_count ||
      !fits(tensor, storage->elements * bytes_a_count / size_of(tensor.type))) {
    return malformed(fmt::format("has a tensor that reaches beyond its storage '{}' of {} elements",
                                 shown(storage->key), storage->elements));
  }
  return Value{std::move(tensor)};
}

Result<Value> rebuild_typed(const Arguments& arguments) { return rebuild_tensor(arguments); }

/// (storage, offset, shape, strides, requires gradients, hooks, dtype, …)
Result<Value> rebuild_untyped(const Arguments& arguments) {
  if (arguments.size() < 7) return malformed("rebuilds a tensor without its parts");
  return rebuild_tensor(arguments, arguments[6]);
}

/// The first argument itself, where it is a tensor.
Result<Value> parameter(const Arguments& arguments) {
  if (arguments.empty()) return malformed("rebuilds a parameter from nothing");
  if (arguments[0]->as<Tensor>() == nullptr) {
    return malformed("rebuilds a parameter from " + describe(*arguments[0]));
  }
  return *arguments[0];
}

Result<Value> size(const Arguments& arguments) {
  if (arguments.size() != 1 || arguments[0]->as<Tuple>() == nullptr) return malformed("has a malformed size");
  return *arguments[0];
}

Result<Value> set(const Arguments& arguments) {
  if (arguments.empty()) return Value{Set{}};
  const auto* list = arguments[0]->as<List>();
  if (list == nullptr) return malformed("makes a set of " + describe(*arguments[0]));
  return Value{Set{list->items}};
}

/// Empty, or as Python 2 wrote it: a list of [key, value].
Result<Value> ordered_dict(const Arguments& arguments) {
  Dict dict;
  if (arguments.empty()) return Value{dict};
  const auto* list = arguments[0]->as<List>();
  if (list == nullptr) return malformed("makes a dict of " + describe(*arguments[0]));
  for (const Value* item : list->items) {
    const auto* as_list = item->as<List>();
    const auto* as_tuple = item->as<Tuple>();
    const Arguments* pair = as_list != nullptr    ? &as_list->items
                            : as_tuple != nullptr ? &as_tuple->items
                                                  : nullptr;
    if (pair == nullptr || pair->size() != 2) return malformed("makes a dict of what are no pairs");
    dict.entries.emplace_back(pair->front(), pair->back());
  }
  return Value{std::move(dict)};
}

struct Constructor {
  std::string_view module, name;
  Result<Value> (*make)(const Arguments&);
};

constexpr std::array<Constructor, 11> constructors{{
    {"torch._utils", "_rebuild_tensor", rebuild_typed},
    {"torch._utils", "_rebuild_tensor_v2", rebuild_typed},
    {"torch._utils", "_rebuild_tensor_v3", rebuild_untyped},
    {"torch._utils", "_rebuild_parameter", parameter},
    {"torch._utils", "_rebuild_parameter_with_state", parameter},
    {"torch.nn.parameter", "Parameter", parameter},
    {"torch", "Size", size},
    {"collections", "OrderedDict", ordered_dict},
    {"__builtin__", "set", set},
    {"builtins", "set", set},
    {"builtins", "frozenset", set},
}};

}  // namespace

Result<Value> from_persistent_id(const Value& id) {
  const auto* tuple = id.as<Tuple>();
  const auto* kind = tuple == nullptr || tuple->items.empty() ? nullptr : tuple->items[0]->as<Text>();
  if (kind != nullptr && kind->text == "storage") return read_storage(tuple->items);
  const bool wraps_class = kind != nullptr && kind->text == "module" && tuple->items.size() > 1;
  if (wraps_class && tuple->items[1]->as<Global>() != nullptr) return *tuple->items[1];
  return malformed("has a persistent id that is no storage: " + describe(id));
}

Result<Value> from_call(const Value& maker, const Value& arguments) {
  const auto* global = maker.as<Global>();
  const auto* tuple = arguments.as<Tuple>();
  if (global != nullptr && tuple != nullptr) {
    const auto* known = std::find_if(constructors.begin(), constructors.end(), [&](const Constructor& c) {
      return c.module == global->module && c.name == global->name;
    });
    if (known != constructors.end()) return known->make(tuple->items);
  }
  return Value{Record{&maker, &arguments, nullptr, false, {}, {}}};
}

}  // namespace batchfit::files

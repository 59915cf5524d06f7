#include "files/pickle.h"

#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <optional>

#include "files/constructors.h"
#include "files/pickle_bytes.h"

namespace batchfit::files {
namespace {

/// Python's virtual machine for pickles, less all that runs code.
class Machine : private PickleBytes {
 public:
  Machine(ByteSpan bytes, Arena& arena) : PickleBytes(bytes), arena_(arena) {}

  Result<Unpickled> run() {
    while (!error()) {
      const auto opcode = static_cast<char>(read_number<std::uint8_t>());
      if (error()) break;
      if (opcode == '.') {
        const Value* root = pop();
        if (!error()) return Unpickled{root, position()};
        break;
      }
      const bool known = push_constant(opcode) || push_number(opcode) || push_text(opcode) ||
                         gather(opcode) || remember(opcode) || construct(opcode) || arrange(opcode);
      if (!known) fail(fmt::format("has the opcode {:#04x}, which is not supported", opcode & 0xFF));
    }
    return failure(*error());
  }

 private:
  // The stack. A mark is where a run of operands begins.
  Value* push(Value value) {
    if (!charge(1)) return nullptr;
    arena_.push_back(std::move(value));
    stack_.push_back(&arena_.back());
    return stack_.back();
  }
  /// Counts what is made or copied against the bound.
  bool charge(std::size_t values) {
    if (values > most_values - made_) {
      fail(fmt::format("describes more than {} values", most_values));
      return false;
    }
    made_ += values;
    return true;
  }
  Value* pop() {
    if (stack_.size() <= floor()) {
      fail("takes from an empty stack");
      return &nothing_;
    }
    Value* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  Value* top() {
    if (stack_.size() > floor()) return stack_.back();
    fail("takes from an empty stack");
    return &nothing_;
  }
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  std::vector<const Value*> pop_to_mark() {
    if (marks_.empty()) {
      fail("has no mark where one is needed");
      return {};
    }
    const auto from = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<const Value*> items(from, stack_.end());
    stack_.erase(from, stack_.end());
    marks_.pop_back();
    return items;
  }

  // The opcodes, by what they do. Each gives false where the opcode is not its own.
  bool push_constant(char opcode);
  bool push_number(char opcode);
  bool push_text(char opcode);
  bool gather(char opcode);
  bool remember(char opcode);
  bool construct(char opcode);
  bool arrange(char opcode);

  void push_integer(std::string_view line);
  void push_long(std::string_view bytes);
  void push_float(std::string_view line);
  void push_tuple(std::size_t size);
  void add_items(const std::vector<const Value*>& items);
  void add_entries(const std::vector<const Value*>& items);
  void put(std::uint64_t index, Value* value);
  void get(std::uint64_t index);
  void get_from_line();
  void push_global(std::string_view module, std::string_view name);
  void push_made(Result<Value> made);
  void build();

  Arena& arena_;
  std::size_t made_ = 0;
  std::vector<Value*> stack_;
  std::vector<std::size_t> marks_;
  std::vector<Value*> memo_;
  Value nothing_;
};

std::optional<std::uint64_t> index_in(std::string_view line) {
  std::uint64_t index = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), index);
  if (read.ec != std::errc{} || read.ptr != line.data() + line.size()) return std::nullopt;
  return index;
}

bool Machine::push_constant(char opcode) {
  switch (opcode) {
    case 'N':
      return push({None{}}), true;
    case '\x88':
      return push({true}), true;
    case '\x89':
      return push({false}), true;
    case ']':
      return push({List{}}), true;
    case ')':
      return push({Tuple{}}), true;
    case '}':
      return push({Dict{}}), true;
    case '\x8f':
      return push({Set{}}), true;
    default:
      return false;
  }
}

bool Machine::push_number(char opcode) {
  switch (opcode) {
    case 'K':
      return push({std::int64_t{read_number<std::uint8_t>()}}), true;
    case 'M':
      return push({std::int64_t{read_number<std::uint16_t>()}}), true;
    case 'J':
      return push({std::int64_t{read_number<std::int32_t>()}}), true;
    case 'I':
    case 'L':
      return push_integer(read_line()), true;
    case '\x8a':
      return push_long(read_text<std::uint8_t>()), true;
    case '\x8b':
      return push_long(read_text<std::uint32_t>()), true;
    case 'F':
      return push_float(read_line()), true;
    case 'G':  // the one big-endian number
      return push({std::bit_cast<double>(__builtin_bswap64(read_number<std::uint64_t>()))}), true;
    default:
      return false;
  }
}

bool Machine::push_text(char opcode) {
  switch (opcode) {
    case 'X':
    case 'T':  // of Python 2, whose str names things
      return push({Text{read_text<std::uint32_t>()}}), true;
    case '\x8c':
    case 'U':
      return push({Text{read_text<std::uint8_t>()}}), true;
    case '\x8d':
      return push({Text{read_text<std::uint64_t>()}}), true;
    case 'V':
      return push({Text{read_line()}}), true;
    case 'B':
      return push({Bytes{read_text<std::uint32_t>()}}), true;
    case 'C':
      return push({Bytes{read_text<std::uint8_t>()}}), true;
    case '\x8e':
    case '\x96':  // a bytearray
      return push({Bytes{read_text<std::uint64_t>()}}), true;
    default:
      return false;
  }
}

bool Machine::gather(char opcode) {
  switch (opcode) {
    case 't':
      return push({Tuple{pop_to_mark()}}), true;
    case '\x85':
      return push_tuple(1), true;
    case '\x86':
      return push_tuple(2), true;
    case '\x87':
      return push_tuple(3), true;
    case 'l':
      return push({List{pop_to_mark()}}), true;
    case '\x91':
      return push({Set{pop_to_mark()}}), true;
    case 'd': {
      const auto items = pop_to_mark();
      push({Dict{}});
      return add_entries(items), true;
    }
    case 'a': {
      const Value* item = pop();
      return add_items({item}), true;
    }
    case 'e':
    case '\x90':
      return add_items(pop_to_mark()), true;
    case 's': {
      const Value* value = pop();
      const Value* key = pop();
      return add_entries({key, value}), true;
    }
    case 'u':
      return add_entries(pop_to_mark()), true;
    default:
      return false;
  }
}

bool Machine::remember(char opcode) {
  switch (opcode) {
    case 'q':
      return put(read_number<std::uint8_t>(), top()), true;
    case 'r':
      return put(read_number<std::uint32_t>(), top()), true;
    case '\x94':
      return put(memo_.size(), top()), true;
    case 'p':
      return put(index_in(read_line()).value_or(most_values), top()), true;
    case 'h':
      return get(read_number<std::uint8_t>()), true;
    case 'j':
      return get(read_number<std::uint32_t>()), true;
    case 'g':
      return get(index_in(read_line()).value_or(most_values)), true;
    default:
      return false;
  }
}

bool Machine::construct(char opcode) {
  switch (opcode) {
    case 'c': {
      const std::string_view module = read_line();
      return push_global(module, read_line()), true;
    }
    case '\x93': {
      const Text* name = pop()->as<Text>();
      const Text* module = pop()->as<Text>();
      if (name == nullptr || module == nullptr)
        return fail("names a class by something else than text"), true;
      return push_global(module->text, name->text), true;
    }
    case 'Q':
      return push_made(from_persistent_id(*pop())), true;
    case 'R': {
      Value* arguments = pop();
      Value* maker = pop();
      return push_made(from_call(*maker, *arguments)), true;
    }
    case '\x81': {
      Value* arguments = pop();
      Value* maker = pop();
      return push({Record{maker, arguments, nullptr, true, {}, {}}}), true;
    }
    case '\x92': {
      pop();  // keyword arguments of __new__
      Value* arguments = pop();
      Value* maker = pop();
      return push({Record{maker, arguments, nullptr, true, {}, {}}}), true;
    }
    case 'b':
      return build(), true;
    default:
      return false;
  }
}

bool Machine::arrange(char opcode) {
  switch (opcode) {
    case '\x80':
      if (read_number<std::uint8_t>() > 5) fail("is of a protocol later than 5");
      return true;
    case '\x95':  // a frame's length, which only helps readers of streams
      return read_number<std::uint64_t>(), true;
    case '(':
      marks_.push_back(stack_.size());
      return charge(1), true;
    case '0':
      return pop(), true;
    case '1':
      return pop_to_mark(), true;
    case '2':
      if (charge(1)) stack_.push_back(top());
      return true;
    default:
      return false;
  }
}

void Machine::push_integer(std::string_view line) {
  if (line == "00" || line == "01") {  // protocol 0's booleans
    push({line == "01"});
    return;
  }
  if (line.ends_with('L')) line.remove_suffix(1);
  std::int64_t value = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), value);
  if (read.ec != std::errc{} || read.ptr != line.data() + line.size()) return fail("has a malformed number");
  push({value});
}

void Machine::push_long(std::string_view bytes) {
  if (bytes.size() > sizeof(std::int64_t)) {
    push({BigInteger{bytes}});
    return;
  }
  const bool negative = !bytes.empty() && static_cast<signed char>(bytes.back()) < 0;
  std::int64_t value = negative ? -1 : 0;
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), bytes.size());
  push({value});
}

void Machine::push_float(std::string_view line) {
  double value = 0;
  const auto read = std::from_chars(line.data(), line.data() + line.size(), value);
  if (read.ec != std::errc{} || read.ptr != line.data() + line.size()) return fail("has a malformed number");
  push({value});
}

void Machine::push_tuple(std::size_t size) {
  std::vector<const Value*> items(size);
  for (std::size_t i = size; i-- > 0;) items[i] = pop();
  push({Tuple{std::move(items)}});
}

void Machine::add_items(const std::vector<const Value*>& items) {
  Value* container = top();
  std::vector<const Value*>* to = nullptr;
  if (auto* list = container->as<List>()) to = &list->items;
  if (auto* set = container->as<Set>()) to = &set->items;
  if (auto* record = container->as<Record>()) to = &record->items;
  if (to == nullptr) return fail("adds items to " + describe(*container));
  to->insert(to->end(), items.begin(), items.end());
}

void Machine::add_entries(const std::vector<const Value*>& items) {
  Value* container = top();
  auto* dict = container->as<Dict>();
  auto* record = container->as<Record>();
  if (dict == nullptr && record == nullptr) return fail("adds entries to " + describe(*container));
  if (items.size() % 2 != 0) return fail("has a key without a value");
  auto& entries = dict != nullptr ? dict->entries : record->entries;
  for (std::size_t i = 0; i < items.size(); i += 2) entries.emplace_back(items[i], items[i + 1]);
}

void Machine::put(std::uint64_t index, Value* value) {
  if (index >= most_values) return fail("remembers too many values");
  if (index >= memo_.size()) memo_.resize(index + 1);
  memo_[index] = value;
}

void Machine::get(std::uint64_t index) {
  if (index >= memo_.size() || memo_[index] == nullptr) return fail("refers to a value that was never made");
  if (charge(1)) stack_.push_back(memo_[index]);
}

void Machine::push_global(std::string_view module, std::string_view name) { push({Global{module, name}}); }

void Machine::push_made(Result<Value> made) {
  if (!made) return fail(made.error().message);
  std::size_t copied = 0;
  if (const auto* dict = made->as<Dict>()) copied = dict->entries.size();
  if (const auto* set = made->as<Set>()) copied = set->items.size();
  if (charge(copied)) push(std::move(*made));
}

/// Sets the state of what stands below it. A dict's or a tensor's attributes are nothing that is read here.
void Machine::build() {
  const Value* state = pop();
  Value* object = top();
  if (auto* record = object->as<Record>()) record->state = state;
}

}  // namespace

Result<Unpickled> unpickle(ByteSpan bytes, Arena& arena) {
  return Machine(bytes.first(std::min(bytes.size(), longest_pickle)), arena).run();
}

}  // namespace batchfit::files

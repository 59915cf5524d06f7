#pragma once

#include <cmath>
#include <concepts>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "facts/json.h"

namespace batchfit {

/// Reads the fields of one JSON object strictly and keeps the first error, so that a reader is a list of
/// fields and one check at the end.
class Fields {
 public:
  /// `what` names the object in errors ("observation"); `kind` is the error's kind.
  Fields(const Json& object, std::string what, ErrorKind kind = ErrorKind::corrupt)
      : object_(object), what_(std::move(what)), kind_(kind) {
    if (!object.is_object()) fail("is not a JSON object");
  }

  /// The field must be there and valid.
  template <class T>
  void required(const char* name, T& out) {
    if (const Json* value = find(name)) {
      read(name, *value, out);
    } else {
      fail(std::string("has no '") + name + "'");
    }
  }

  /// The field may be missing; null counts as missing.
  template <class T>
  void maybe(const char* name, T& out) {
    const Json* value = find(name);
    if (value != nullptr && !value->is_null()) read(name, *value, out);
  }
  template <class T>
  void maybe(const char* name, std::optional<T>& out) {
    const Json* value = find(name);
    if (value == nullptr || value->is_null()) return;
    T parsed{};
    if (read(name, *value, parsed)) out = std::move(parsed);
  }

  /// The field must be a list; `read_one` makes a Result<T> of each entry.
  template <class T, class Read>
  void list(const char* name, Read read_one, std::vector<T>& out) {
    const Json* list = find(name);
    if (list == nullptr || !list->is_array()) {
      fail(std::string("has no list '") + name + "'");
      return;
    }
    out.reserve(list->size());
    for (const Json& item : *list) {
      Result<T> value = read_one(item);
      if (!value) {
        fail(std::string("has in '") + name + "': " + value.error().message);
        return;
      }
      out.push_back(std::move(*value));
    }
  }

  const Json* find(const char* name) const {
    if (!object_.is_object()) return nullptr;
    const auto at = object_.find(name);
    return at == object_.end() ? nullptr : &*at;
  }

  bool fail(const std::string& why) {
    if (!error_) error_ = Error{kind_, what_ + " " + why, ""};
    return false;
  }
  /// Takes over the error of a nested reader.
  template <class T>
  void nested(Result<T> result, T& out) {
    if (result) {
      out = std::move(*result);
    } else if (!error_) {
      error_ = Error{kind_, what_ + ": " + result.error().message, ""};
    }
  }

  template <class T>
  Result<T> finish(T value) const {
    if (error_) return failure(*error_);
    return value;
  }

 private:
  bool wrong(const char* name, const char* expected) {
    return fail(std::string("'") + name + "' is not " + expected);
  }

  bool read(const char* name, const Json& value, bool& out) {
    if (!value.is_boolean()) return wrong(name, "true or false");
    out = value.get<bool>();
    return true;
  }
  bool read(const char* name, const Json& value, std::int64_t& out) {
    const bool fits = value.is_number_integer() &&
                      (!value.is_number_unsigned() || value.get<std::uint64_t>() < (1ULL << 62));
    if (!fits) return wrong(name, "an integer");
    out = value.get<std::int64_t>();
    if (out < 0) return wrong(name, "zero or more");
    return true;
  }
  bool read(const char* name, const Json& value, double& out) {
    if (!value.is_number()) return wrong(name, "a number");
    out = value.get<double>();
    if (!std::isfinite(out) || out < 0) return wrong(name, "a finite number, zero or more");
    return true;
  }
  bool read(const char* name, const Json& value, std::string& out) {
    if (!value.is_string()) return wrong(name, "a string");
    out = value.get<std::string>();
    return true;
  }
  template <class T>
  bool read(const char* name, const Json& value, std::vector<T>& out) {
    if (!value.is_array()) return wrong(name, "an array");
    out.clear();
    out.reserve(value.size());
    for (const Json& item : value) {
      T parsed{};
      if (!read(name, item, parsed)) return false;
      out.push_back(std::move(parsed));
    }
    return true;
  }
  template <class T>
  bool read(const char* name, const Json& value, std::map<std::string, T>& out) {
    if (!value.is_object()) return wrong(name, "an object");
    for (const auto& [key, item] : value.items()) {
      T parsed{};
      if (!read(name, item, parsed)) return false;
      out.emplace(key, std::move(parsed));
    }
    return true;
  }

  const Json& object_;
  std::string what_;
  ErrorKind kind_;
  std::optional<Error> error_;
};

}  // namespace batchfit

#pragma once

#include <exception>
#include <string>
#include <utility>

#include "anemone/result.h"

namespace anemone::python {

/// An Error on its way to Python, where it becomes anemone.Error.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)), text_(error_.to_string()) {}
  const char* what() const noexcept override { return text_.c_str(); }
  const Error& error() const { return error_; }

 private:
  Error error_;
  std::string text_;
};

/// The value of a Result, or a Failure.
template <typename T>
T take(Result<T> result) {
  if (!result.ok()) throw Failure(std::move(result).error());
  return std::move(result).value();
}
inline void take(Status status) {
  if (!status.ok()) throw Failure(std::move(status).error());
}

/// Makes Python raise anemone.Error for a Failure.
void register_failures();

}  // namespace anemone::python

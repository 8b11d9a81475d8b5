#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace anemone {

/// Why an operation failed. A closed list: callers may switch over it.
enum class ErrorCode {
  invalid_argument,  ///< A parameter of the call or a flag makes no sense.
  not_found,         ///< A file, function, tensor or key that was asked for does not exist.
  io,                ///< The operating system refused to read or write.
  corrupt,           ///< A file breaks its own format: bad length, offset, magic, syntax.
  mismatch,          ///< Parts are sound alone but do not fit together (shape, dtype, count).
  unsupported,       ///< Valid, but this program cannot do it (the command line exits with 3).
  out_of_range,      ///< A position, index or size is outside what the object allows.
  limit,             ///< A stated bound (memory, nesting, count) would be exceeded.
  interrupted,       ///< The user or the caller asked to stop.
};

/// The stable lower-case name of a code, for JSON and messages.
const char* to_string(ErrorCode code);

/// What went wrong, for a person: what, which, where, expected and got, and what to do next.
///
/// `message` is one line without a final full stop. `context` holds frames from the inside out,
/// such as the file that was being read. `hint` may be empty.
struct Error {
  ErrorCode code = ErrorCode::invalid_argument;
  std::string message;
  std::vector<std::string> context;
  std::string hint;

  /// "<context n>: … <context 0>: <message> (<hint>)", one line.
  std::string to_string() const;
};

/// Either a value or an Error. Reading the wrong side is a bug of the caller and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  const Error& error() const& { return std::get<1>(state_); }
  Error&& error() && { return std::get<1>(std::move(state_)); }

  /// Adds a frame ("in weights/weight.bin") when this holds an error; returns itself for chaining.
  Result&& in(std::string frame) && {
    if (!ok()) std::get<1>(state_).context.push_back(std::move(frame));
    return std::move(*this);
  }

 private:
  std::variant<T, Error> state_;
};

/// Success without a value, or an Error.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const& { return *error_; }
  Error&& error() && { return std::move(*error_); }
  Result&& in(std::string frame) && {
    if (error_) error_->context.push_back(std::move(frame));
    return std::move(*this);
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace anemone

#define ANEMONE_CONCAT_IMPL(a, b) a##b
#define ANEMONE_CONCAT(a, b) ANEMONE_CONCAT_IMPL(a, b)

/// ANEMONE_TRY(auto x, f()): x = the value of f(), or return f()'s error from this function.
#define ANEMONE_TRY(declaration, expression) \
  ANEMONE_TRY_IMPL(ANEMONE_CONCAT(anemone_try_, __COUNTER__), declaration, expression)
#define ANEMONE_TRY_IMPL(temporary, declaration, expression) \
  auto temporary = (expression);                             \
  if (!temporary.ok()) return std::move(temporary).error();  \
  declaration = std::move(temporary).value()

/// ANEMONE_RETURN_IF_ERROR(f()): return f()'s error from this function, if any.
#define ANEMONE_RETURN_IF_ERROR(expression) \
  ANEMONE_RETURN_IF_ERROR_IMPL(ANEMONE_CONCAT(anemone_status_, __COUNTER__), expression)
#define ANEMONE_RETURN_IF_ERROR_IMPL(status, expression) \
  if (auto status = (expression); !status.ok()) return std::move(status).error()

#include "lm/saved_tokens.h"

#include <cstring>

#include "base/check.h"

namespace anemone::lm {
namespace {

/// A tensor [matrices, rows, row_bytes].
struct Rows {
  size_t matrices = 0;
  size_t rows = 0;
  size_t row_bytes = 0;
};

Rows rows_of(const Tensor& tensor) {
  const Shape& shape = tensor.shape();
  if (shape.rank() < 2 || shape.element_count() == 0) return {};
  const auto rows = static_cast<size_t>(shape[shape.rank() - 2]);
  const auto width = static_cast<size_t>(shape[shape.rank() - 1]);
  const size_t matrices = static_cast<size_t>(shape.element_count()) / (rows * width);
  return {matrices, rows, tensor.bytes().size() / (matrices * rows)};
}

/// Calls visit(tensor, offset in it, offset in the tokens, bytes) for each row of `count` tokens
/// from `begin` on.
template <typename Tensors, typename Visit>
void for_each_row(Tensors tensors, uint64_t token_bytes, size_t begin, size_t count,
                  const Visit& visit) {
  size_t within = 0;
  for (auto& named : tensors) {
    const Rows rows = rows_of(named.tensor);
    ANEMONE_CHECK(rows.matrices == 0 || begin + count <= rows.rows, "the state holds the tokens");
    for (size_t matrix = 0; matrix < rows.matrices; ++matrix, within += rows.row_bytes)
      for (size_t token = 0; token < count; ++token)
        visit(named.tensor, (matrix * rows.rows + begin + token) * rows.row_bytes,
              token * token_bytes + within, rows.row_bytes);
  }
}

}  // namespace

uint64_t token_bytes(const runtime::State& state, int64_t rows) {
  uint64_t bytes = 0;
  for (const NamedTensor& named : state.tensors()) {
    const Rows of_tensor = rows_of(named.tensor);
    if (of_tensor.matrices == 0 || of_tensor.rows < static_cast<size_t>(rows)) return 0;
    bytes += of_tensor.matrices * of_tensor.row_bytes;
  }
  return bytes;
}

void save_tokens(const runtime::State& state, int64_t begin, int64_t end,
                 std::span<std::byte> bytes) {
  const uint64_t each = token_bytes(state, end);
  const auto count = static_cast<size_t>(end - begin);
  ANEMONE_CHECK(bytes.size() == count * each, "room for the saved tokens");
  for_each_row(state.tensors(), each, static_cast<size_t>(begin), count,
               [&](const Tensor& tensor, size_t from, size_t to, size_t size) {
                 std::memcpy(&bytes[to], &tensor.bytes()[from], size);
               });
}

int64_t restore_tokens(std::span<const std::byte> bytes, int64_t begin, runtime::State& state) {
  const uint64_t each = token_bytes(state, begin);
  ANEMONE_CHECK(each > 0 && bytes.size() % each == 0, "whole tokens are restored");
  const size_t count = bytes.size() / each;
  for_each_row(state.tensors(), each, static_cast<size_t>(begin), count,
               [&](Tensor& tensor, size_t to, size_t from, size_t size) {
                 std::memcpy(&tensor.mutable_bytes()[to], &bytes[from], size);
               });
  return static_cast<int64_t>(count);
}

}  // namespace anemone::lm

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "anemone/model.h"

/// States of which row i of every tensor [.., rows, D] belongs to token i, token by token: of each
/// token its rows of all tensors, in their order.
namespace anemone::lm {

/// Bytes of one token; 0 where a tensor is no such one of at least `rows` rows.
uint64_t token_bytes(const runtime::State& state, int64_t rows);

/// CHECKs that `bytes` holds exactly tokens [begin, end), and the state as many rows.
void save_tokens(const runtime::State& state, int64_t begin, int64_t end,
                 std::span<std::byte> bytes);

/// Writes the tokens of `bytes` to the rows from `begin` on; how many they are. CHECKs that they
/// are whole and have rows.
int64_t restore_tokens(std::span<const std::byte> bytes, int64_t begin, runtime::State& state);

}  // namespace anemone::lm

#pragma once

#include <memory>

#include "base/json_document.h"
#include "checkpoint/tensor_source.h"

namespace anemone::checkpoint {

/// A checkpoint that MLX quantised, with its triples `<module>.weight` (uint32), `.scales` and
/// `.biases` as one fp32 tensor `<module>.weight` = q · scale + bias, computed when it is read;
/// all other tensors as stored. A row of a weight is a little-endian stream of `bits` (2, 3, 4, 5,
/// 6 or 8) wide values; scales and biases belong to groups of inputs.
///
/// `quantization` is the object of that name in config.json: group_size, bits, mode and entries of
/// modules, which override them or are false (not quantised).
/// Errors: unsupported (modes but affine, bits, unknown fields), mismatch (triples that are not
/// whole or do not fit, entries for modules that are not quantised).
Result<std::shared_ptr<const TensorSource>> dequantize_mlx(
    std::shared_ptr<const TensorSource> stored, const Json& quantization);

/// Whether tensors look like such triples.
bool has_mlx_triples(const TensorSource& source);

}  // namespace anemone::checkpoint

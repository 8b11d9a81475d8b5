#pragma once

#include "anemone/program.h"
#include "package/wire.h"

namespace anemone::package {

/// Reads `ValueType` messages. Errors: corrupt, unsupported (ranks above Shape::kMaxRank).
Result<mil::ValueType> read_value_type(const Message& message);

/// Reads `Value` messages. Shapes are held against the bytes before anything is allocated.
/// Errors: corrupt, unsupported, and those of `blobs`.
Result<mil::Value> read_value(const Message& message, const mil::BlobLoader& blobs);

}  // namespace anemone::package

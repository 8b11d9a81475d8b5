#pragma once

#include "models/decoder.h"
#include "models/transformer_fields.h"

namespace anemone::models {

/// What turns a pre-norm decoder into a Gemma 2 or 3: norms that hold their weight less one, before
/// and after attention and MLP, an embedding scaled by sqrt(H), scores scaled by
/// `query_scalar`^-1/2.
void make_gemma(Decoder& decoder, const TransformerFields& fields, const std::string& prefix,
                double query_scalar);

}  // namespace anemone::models

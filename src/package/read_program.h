#pragma once

#include "anemone/program.h"
#include "package/wire.h"

namespace anemone::package {

/// Reads a `Program` message. Functions, parameters and attributes come out sorted by name, as the
/// program model wants them; operations keep their order.
/// Errors: corrupt (with the byte, and the function and operation around it), unsupported, and
/// those of `blobs`.
Result<mil::Program> read_program(const Message& message, const mil::BlobLoader& blobs);

}  // namespace anemone::package

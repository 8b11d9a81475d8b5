#pragma once

#include "compress/scheme.h"

namespace anemone::compress {

#define COMPRESSION_SCHEME(name) extern const SchemeFamily k_##name;
#include "compress/schemes.inc"
#undef COMPRESSION_SCHEME

}  // namespace anemone::compress

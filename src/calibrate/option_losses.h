#pragma once

#include <cstdint>
#include <span>

#include "calibrate/allocation.h"
#include "compress/scheme.h"

namespace anemone::calibrate {

/// The relative output error to expect on other text of the kind. What calibration reports is that
/// of the text that the weight was rounded for, and of few tokens it is far too small: a second
/// moment of fewer tokens than channels has directions in which every error is free. So the moment
/// is drawn towards that of independent channels, of which the error of the weight itself speaks,
/// by columns / (columns + tokens). Above zero wherever the weight is changed. `encoded` has an
/// output error.
double expected_error(const compress::Encoded& encoded, int64_t columns, uint64_t tokens);

/// Raises losses such that an option of more bytes never loses more than one of fewer: what such a
/// measurement says is an accident of its text.
void make_monotone(std::span<Option> options);

}  // namespace anemone::calibrate

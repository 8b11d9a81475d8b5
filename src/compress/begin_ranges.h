#pragma once

#include <vector>

#include "compress/cluster_line.h"
#include "compress/line_sums.h"

namespace anemone::compress {

/// Where cluster c of `count` can begin in a division of least cost; the last element is the end.
/// `sums` and `squares` are those of `line` with its values taken from `center`.
///
/// Found in blocks of neighbouring values, of larger ones first. In a division of least cost a
/// boundary lies halfway between the means beside it. Where it cuts a block, the whole block goes
/// to the mean that its own mean is nearer to; that costs at most the distance D of the two means
/// times the sum of |value - mean of the block|. A division found before bounds the cost, thus D
/// (the values within D / 4 of a boundary cost at least D² / 16 each); boundaries between blocks
/// whose division would cost more, less all that its boundaries may have gained so, are left out.
std::vector<Range> begin_ranges(const WeightedLine& line, const LineSums& sums, double center,
                                double squares, int64_t count);

}  // namespace anemone::compress

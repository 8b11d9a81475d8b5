#pragma once

#include <vector>

#include "compress/line_sums.h"

namespace anemone::compress {

/// Puts a last cluster behind divisions: `best[end]` becomes the most that before[begin] +
/// saved(begin, end) is over the begins up to `end`, and element end - ends.low of the result the
/// begin that has it, the first of equals. With `empty` a cluster may begin where it ends and then
/// saves nothing, else begins.low is before ends.low. Begins never move back from end to end, thus
/// rows divide and conquer.
std::vector<int32_t> add_cluster(const LineSums& sums, const std::vector<double>& before,
                                 Range begins, Range ends, bool empty, std::vector<double>& best);

}  // namespace anemone::compress

#pragma once

#include "anemone/model.h"

namespace anemone::runtime {

/// Promises for the next run of `runner` that in every state [.., rows, width] it is given, all
/// rows from `rows` on are zeros in every matrix. The run then passes over those it does not write
/// itself: the results have the same bits as without the promise. A negative number takes a promise
/// back, as a failure of run_lockstep does. A Runner that is none of ours takes no notice.
void promise_used_rows(Runner& runner, int64_t rows);

/// Whether a run writes one row of matrices of its states, each before attention that lanes join
/// reads the matrix and none after, and reads no row behind the promised ones but that, whatever is
/// there. Then Runners that share a state, each promised the rows before the one that it writes,
/// and each a row further than the one before, give in lockstep what they give one after the other.
/// False of others' Runners.
bool passes_over_unused_rows(const Runner& runner);

/// After a run: from this row on the states are zeros in every matrix, as far as the promise and
/// the slices that the run wrote tell; the number of all rows where it wrote otherwise. 0 of
/// others' Runners.
int64_t used_rows(const Runner& runner);

}  // namespace anemone::runtime

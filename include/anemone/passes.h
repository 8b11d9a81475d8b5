#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "anemone/program.h"
#include "anemone/result.h"

/// Rewrites of programs that change no result. They work on any program that verifies, nested
/// blocks included, and are deterministic.
namespace anemone::passes {

/// What one pass did to a function or a program.
struct Counts {
  int64_t removed = 0;  ///< operations that are gone.
  int64_t changed = 0;  ///< operations in whose place others stand.
  bool operator==(const Counts&) const = default;
};

struct Options {
  std::vector<std::string> off;  ///< names of passes that do not run.
};

struct Report {
  std::string_view pass;
  Counts counts;
};

/// Runs every pass once, in their order, each over all functions, and verifies the program after
/// each; a fault then is our own, and ends the process with the name of the pass.
///
/// The results of every function are the same bits as before under either numerics (fp16 rounded,
/// or kept as fp32); what is gone with an operation that nobody uses is also the error that it
/// would have made at run time. Inputs, outputs and states keep names, order and types, also where
/// they are not used; operations on states keep their order. Weights are not read: constants that
/// are deferred, compressed or of more than 64 elements are moved, shared or dropped whole.
///
/// Returns what each pass did, in their order. Errors: invalid_argument (a name in `off` that is no
/// pass), corrupt with all diagnostics (the program does not verify); the program is then
/// untouched.
Result<std::vector<Report>> run(mil::Program& program, const Options& options = {});

}  // namespace anemone::passes

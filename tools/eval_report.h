#pragma once

#include <string>

#include "anemone/evaluate.h"
#include "command.h"

namespace anemone::tools {

/// The tokens of a run beside those of other ways to answer the same requests, as lines.
std::string work_text(const eval::Work& work);

/// Writes the files of a report below `output` (none when it is empty), prints the table, or with
/// --json the results, and gives the error that the exit code stands for: documents of which none
/// could be scored, an interrupted run, files that could not be written.
Status publish(const eval::Report& report, const std::string& output, const CommonFlags& common);

}  // namespace anemone::tools

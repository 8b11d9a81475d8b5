#pragma once

#include <map>
#include <vector>

#include "anemone/compare.h"
#include "compare/document.h"
#include "compare/sample_score.h"

namespace anemone::compare {

/// A task or group of a subject, and where it stands.
struct TaskPlace {
  size_t source = 0;
  const eval::RecordedTask* task = nullptr;
  bool is_group = false;
};

/// The key of numbers that all rows of a file with samples make.
inline constexpr const char* kSamplesKey = "samples";

/// The reason of a difference of a task that only one of two runs has.
inline constexpr const char* kNoTask = "one run lacks the task";

/// The documents of a task, and the file that they were read from.
struct TaskSamples {
  size_t source = 0;
  std::vector<eval::RecordedSample> rows;
};

/// The evaluations of one subject.
struct SubjectScores {
  std::vector<TaskPlace> tasks;
  /// Samples of the tasks that have a file with them, by name.
  std::map<std::string, TaskSamples> samples;
};

/// Collects the tasks of each subject and reads their samples, whose files join `sources`. Errors:
/// invalid_argument (a task in two files of a subject); corrupt, io, limit (files with samples).
Result<std::vector<SubjectScores>> collect_scores(const std::vector<Document>& documents,
                                                  const std::vector<Subject>& subjects,
                                                  std::vector<Source>& sources);

/// Rows of all scores, with the differences from the first subject. Errors: corrupt (a document
/// twice in a file with samples).
Result<std::vector<ScoreRow>> score_rows(const std::vector<Document>& documents,
                                         const std::vector<SubjectScores>& subjects,
                                         const Options& options, double alpha);

/// The aggregation that the samples of a task give a subject's score by.
std::optional<Aggregation> aggregation_of(const SubjectScores& subject, const ScoreRow& row,
                                          double score);

}  // namespace anemone::compare

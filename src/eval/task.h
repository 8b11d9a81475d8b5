#pragma once

#include <functional>
#include <string>
#include <vector>

#include "anemone/result.h"
#include "eval/dataset.h"
#include "eval/task_config.h"

namespace anemone::eval {

/// Renders a Jinja template of a task file with a document's columns as variables.
using RenderTemplate =
    std::function<Result<std::string>(const std::string& source, const Value& document)>;

/// A task with the documents that are evaluated. Documents and fields are as the harness' Task sees
/// them. Errors of the fields name what is wrong; callers add the document.
class Task {
 public:
  /// Reads the evaluated split (test, else validation) and applies process_docs.
  /// Errors: those of the data set; not_found (no documents); those of the first
  /// document's fields when no document has them.
  static Result<Task> open(const CatalogueEntry& entry, const ParsedTask& parsed,
                           const DataPlaces& places, RenderTemplate render);

  const TaskConfig& config() const { return config_; }
  const Value& record() const { return record_; }
  const std::vector<Value>& documents() const { return documents_; }
  /// Where the documents come from, for reports.
  std::string data_origin() const { return dataset_.origin(config_.documents_split()); }
  /// "boolq/validation.jsonl, row 3": where a document came from, for messages.
  std::string place_of(int64_t document) const;

  /// The first document whose fields can be read decides for all: doc_to_text gives the index of
  /// one of several contexts …
  bool multiple_input() const { return multiple_input_; }
  /// … or doc_to_target a list of right answers.
  bool multiple_target() const { return multiple_target_; }

  /// Text, or a number.
  Result<Value> text(const Field& field, const Value& document) const;
  /// Text, a number or a list.
  Result<Value> target(const Field& field, const Value& document) const;
  Result<std::vector<std::string>> choices(const Field& field, const Value& document) const;
  /// A column of the document, else a template; empty when the field is not given.
  Result<std::string> column_or_template(const char* key, const Value& field,
                                         const Value& document) const;

  /// The documents that examples are drawn from.
  Result<std::vector<Value>> fewshot_pool() const;

 private:
  bool is_column(const std::string& name) const;
  /// `key`: of the task file, whose template `source` is.
  Result<std::string> render(const char* key, const std::string& source,
                             const Value& document) const;
  Status look_at_documents();

  TaskConfig config_;
  Value record_;
  Dataset dataset_;
  std::vector<Value> documents_;
  std::vector<RowFile> files_;  ///< of the documents; empty when they are not its rows in order.
  RenderTemplate render_;
  bool multiple_input_ = false;
  bool multiple_target_ = false;
};

}  // namespace anemone::eval

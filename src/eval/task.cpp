#include "eval/task.h"

#include "base/error.h"
#include "eval/python_format.h"
#include "eval/python_literal.h"
#include "eval/python_text.h"

namespace anemone::eval {

Result<Task> Task::open(const CatalogueEntry& entry, const ParsedTask& parsed,
                        const DataPlaces& places, RenderTemplate render) {
  Task task;
  task.config_ = parsed.config;
  task.record_ = parsed.record;
  task.render_ = std::move(render);
  ANEMONE_TRY(task.dataset_, Dataset::open(task.config_, entry, places));
  const std::string& split = task.config_.documents_split();
  ANEMONE_TRY(Rows rows, task.dataset_.rows(split));
  const size_t count = rows.values.size();
  task.documents_ = std::move(rows.values);
  if (task.config_.process_docs != nullptr) {
    ANEMONE_TRY(task.documents_, task.config_.process_docs(std::move(task.documents_)));
  }
  if (task.documents_.empty())
    return fail(ErrorCode::not_found, "split '{}' of {} has no documents", split,
                task.data_origin());
  if (task.documents_.size() == count) task.files_ = std::move(rows.files);
  ANEMONE_RETURN_IF_ERROR(task.look_at_documents());
  return task;
}

Status Task::look_at_documents() {
  std::optional<Error> fault;
  for (size_t i = 0; i < documents_.size(); ++i) {
    auto question = text(config_.doc_to_text, documents_[i]);
    auto answer = target(config_.doc_to_target, documents_[i]);
    if (question.ok() && answer.ok()) {
      multiple_input_ = config_.doc_to_choice.given() && question->is_number_integer();
      multiple_target_ = answer->is_array();
      return {};
    }
    if (fault) continue;
    fault = question.ok() ? std::move(answer).error() : std::move(question).error();
    fault->context.push_back(place_of(static_cast<int64_t>(i)));
  }
  return *std::move(fault);
}

std::string Task::place_of(int64_t document) const {
  auto row = static_cast<size_t>(document);
  for (const RowFile& file : files_) {
    if (row < file.rows) return fmt::format("{}, row {}", file.path, row + 1);
    row -= file.rows;
  }
  return fmt::format("{}, document {}", data_origin(), document);
}

bool Task::is_column(const std::string& name) const {
  return !documents_.empty() && documents_[0].contains(name);
}

namespace {

/// The error with the key and what a name in it could have meant.
Error of_row(const char* key, const std::string& source, const Value& document, Error error) {
  error.context.push_back(fmt::format("{} '{}'", key, source));
  if (error.hint.empty()) {
    for (const auto& [column, value] : document.items())
      error.hint += (error.hint.empty() ? "the row has " : ", ") + column;
  }
  return error;
}

}  // namespace

Result<std::string> Task::render(const char* key, const std::string& source,
                                 const Value& document) const {
  auto rendered = render_(source, document);
  if (rendered.ok()) return rendered;
  return of_row(key, source, document, std::move(rendered).error());
}

Result<Value> Task::text(const Field& field, const Value& document) const {
  if (field.function != nullptr) return field.function(document);
  if (field.spec.is_number_integer()) return field.spec;
  if (!field.spec.is_string())
    return fail(ErrorCode::invalid_argument, "doc_to_text: {}, expected text or a number",
                python::to_repr(field.spec));
  const auto& source = field.spec.get_ref<const std::string&>();
  if (is_column(source)) return document.value(source, Value());
  ANEMONE_TRY(std::string rendered, render("doc_to_text", source, document));
  if (config_.doc_to_choice.given() && python::is_ascii_digits(rendered))
    return python::literal_eval(rendered);
  return Value(std::move(rendered));
}

Result<Value> Task::target(const Field& field, const Value& document) const {
  if (field.function != nullptr) return field.function(document);
  if (field.spec.is_number_integer() || field.spec.is_array()) return field.spec;
  if (!field.spec.is_string())
    return fail(ErrorCode::invalid_argument, "doc_to_target: {}, expected text, a number or a list",
                python::to_repr(field.spec));
  const auto& source = field.spec.get_ref<const std::string&>();
  if (is_column(source)) return document.value(source, Value());
  ANEMONE_TRY(std::string rendered, render("doc_to_target", source, document));
  if (config_.doc_to_choice.given() && python::is_ascii_digits(rendered))
    return python::literal_eval(rendered);
  if (rendered.size() >= 2 && rendered.front() == '[' && rendered.back() == ']') {
    auto list = python::literal_eval(rendered);
    if (list.ok()) return list;
  }
  return Value(std::move(rendered));
}

Result<std::vector<std::string>> Task::choices(const Field& field, const Value& document) const {
  Value list = field.spec;
  if (field.function != nullptr) {
    ANEMONE_TRY(list, field.function(document));
  } else if (field.spec.is_string()) {
    const auto& source = field.spec.get_ref<const std::string&>();
    if (is_column(source)) {
      list = document.value(source, Value());
    } else {
      ANEMONE_TRY(const std::string rendered, render("doc_to_choice", source, document));
      auto parsed = python::literal_eval(rendered);
      if (!parsed.ok()) return of_row("doc_to_choice", source, document, parsed.error());
      list = std::move(parsed).value();
    }
  }
  if (!list.is_structured())
    return fail(ErrorCode::mismatch, "doc_to_choice: {}, expected a list", python::to_repr(list));
  std::vector<std::string> out;
  for (const Value& choice : list) {
    if (!choice.is_string())
      return fail(ErrorCode::mismatch, "doc_to_choice: a choice is {}, expected text",
                  python::to_repr(choice));
    out.push_back(choice.get<std::string>());
  }
  return out;
}

Result<std::string> Task::column_or_template(const char* key, const Value& field,
                                             const Value& document) const {
  if (!field.is_string() || field.get_ref<const std::string&>().empty()) return std::string();
  const auto& source = field.get_ref<const std::string&>();
  if (document.contains(source)) return python::to_str(document[source]);
  return render(key, source, document);
}

Result<std::vector<Value>> Task::fewshot_pool() const {
  const FewshotConfig& fewshot = config_.fewshot;
  std::vector<Value> pool;
  DocumentsFunction process = config_.process_docs;
  if (fewshot.split) {
    process = fewshot.process_docs;
    ANEMONE_TRY(pool, dataset_.values(*fewshot.split));
  } else if (fewshot.samples.is_array()) {
    return std::vector<Value>(fewshot.samples.begin(), fewshot.samples.end());
  } else if (config_.training_split) {
    ANEMONE_TRY(pool, dataset_.values(*config_.training_split));
  } else if (config_.validation_split) {
    ANEMONE_TRY(pool, dataset_.values(*config_.validation_split));
  } else {
    return documents_;
  }
  if (process == nullptr) return pool;
  return process(std::move(pool));
}

}  // namespace anemone::eval

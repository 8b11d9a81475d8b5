#include "compare/document.h"

#include <fmt/format.h>

#include "base/error.h"
#include "base/json_document.h"
#include "base/sha256.h"
#include "eval/json_text.h"
#include "eval/recorded_value.h"

namespace anemone::compare {
namespace {

namespace fs = std::filesystem;
using eval::at;
using eval::text_at;
using eval::Value;

/// The version under `key` must be 1, as documents that this program knows have it.
Status check_version(const Value& document, const std::string& key, std::string_view what) {
  const Value version = at(document, key);
  if (!version.is_number_integer())
    return fail(ErrorCode::corrupt, "'{}' is {}, expected the number 1", key,
                version.is_null() ? "absent" : version.type_name());
  if (version == 1) return {};
  return with_hint(fail(ErrorCode::unsupported, "{} of version {}, this program reads version 1",
                        what, version.dump()),
                   "use the anemone that wrote it, or write it anew");
}

std::string joined(const Value& machine) {
  std::string text = text_at(machine, "cpu");
  if (const std::string os = text_at(machine, "os"); !os.empty())
    text += (text.empty() ? "" : ", ") + os;
  return text;
}

std::string tool_of(const Value& document) {
  const std::string version = text_at(document, "version");
  return version.empty() ? "anemone" : "anemone " + version;
}

Status read_bench(const Value& document, Source& source) {
  ANEMONE_RETURN_IF_ERROR(check_version(document, "anemone_bench", "a document of bench"));
  if (!at(document, "configurations").is_array())
    return fail(ErrorCode::corrupt, "'configurations' is {}, expected a list",
                at(document, "configurations").type_name());
  const Value model = at(document, "model");
  const Value simulated = at(model, "simulated");
  source.kind = Kind::bench;
  source.tool = tool_of(document);
  source.model = text_at(model, "name");
  source.model_hash = text_at(model, "hash");
  source.numerics = text_at(model, "numerics");
  source.simulated = simulated.is_boolean() && simulated.get<bool>();
  source.machine = joined(at(document, "machine"));
  return {};
}

Status read_probe(const Value& document, Source& source) {
  ANEMONE_RETURN_IF_ERROR(check_version(document, "version", "a document of probe"));
  const Value simulated = at(document, "simulated");
  source.kind = Kind::probe;
  source.tool = "anemone probe";
  source.model = fs::path(text_at(document, "model")).filename().string();
  source.simulated = simulated.is_boolean() && simulated.get<bool>();
  return {};
}

Status read_check(const Value& document, Source& source) {
  ANEMONE_RETURN_IF_ERROR(check_version(document, "version", "a document of check"));
  const Value artifacts = at(document, "artifacts");
  source.kind = Kind::check;
  source.tool = "anemone check";
  if (artifacts.is_array() && artifacts.size() == 1)
    source.model = fs::path(text_at(artifacts[0], "path")).filename().string();
  return {};
}

Status read_figures(const Value& document, Source& source) {
  ANEMONE_RETURN_IF_ERROR(check_version(document, "anemone_figures", "a list of figures"));
  if (!at(document, "figures").is_array())
    return fail(ErrorCode::corrupt, "'figures' is {}, expected a list",
                at(document, "figures").type_name());
  source.kind = Kind::figures;
  source.tool = text_at(document, "tool");
  source.model = text_at(document, "name");
  source.machine = text_at(document, "machine");
  return {};
}

std::string harness_words(const eval::RecordedResults& results, const Value& document) {
  switch (results.format) {
    case eval::ResultsFormat::anemone:
      return tool_of(at(document, "anemone"));
    case eval::ResultsFormat::lm_eval:
      return results.harness_version.empty() ? "lm_eval" : "lm_eval " + results.harness_version;
    case eval::ResultsFormat::mlx_lm:
      return results.harness_version.empty() ? "mlx_lm"
                                             : "mlx_lm, lm_eval " + results.harness_version;
  }
  return {};
}

}  // namespace

Result<Document> parse_document(std::string_view text, const fs::path& path) {
  // A weight file may hold as many brackets as it likes.
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos || (text[begin] != '{' && text[begin] != '['))
    return fail(ErrorCode::corrupt, "not JSON: expected {{ at its beginning");
  Document document;
  ANEMONE_TRY(document.content, eval::parse_json_text(text));
  document.source.path = path;
  document.source.sha256 = sha256(text);
  const Value& content = document.content;
  const auto has = [&](const char* key) { return content.is_object() && content.contains(key); };
  if (has("anemone_bench")) {
    ANEMONE_RETURN_IF_ERROR(read_bench(content, document.source));
  } else if (has("anemone_figures")) {
    ANEMONE_RETURN_IF_ERROR(read_figures(content, document.source));
  } else if (has("points") && has("tolerance")) {
    ANEMONE_RETURN_IF_ERROR(read_probe(content, document.source));
  } else if (has("findings") && has("artifacts")) {
    ANEMONE_RETURN_IF_ERROR(read_check(content, document.source));
  } else {
    auto results = eval::parse_results(text, path);
    if (!results.ok())
      return with_hint(std::move(results).error(),
                       "compare reads results of eval, lm-evaluation-harness, mlx_lm.evaluate, "
                       "and JSON of bench, probe and check");
    document.results = std::move(results).value();
    document.source.model = document.results->model;
    document.source.model_hash = document.results->model_hash;
    document.source.numerics = document.results->numerics;
    document.source.machine = document.results->machine;
    document.source.simulated = document.results->simulated;
    document.source.tool = harness_words(*document.results, content);
  }
  return document;
}

Result<Document> read_document(const fs::path& path) {
  std::error_code code;
  if (!fs::is_directory(path, code)) {
    ANEMONE_TRY(const std::string text, read_text(path));
    return parse_document(text, path).in(path.string());
  }
  ANEMONE_TRY(std::vector<fs::path> files, eval::results_below(path));
  const fs::path file = std::move(files.back());
  files.pop_back();
  ANEMONE_TRY(const std::string text, read_text(file));
  ANEMONE_TRY(Document document, parse_document(text, file).in(file.string()));
  document.source.not_read = std::move(files);
  return document;
}

}  // namespace anemone::compare

#include "package/anemll_meta.h"

#include <yaml-cpp/yaml.h>

#include <charconv>

#include "base/error.h"
#include "base/utf8.h"

namespace anemone::package {
namespace {

std::string scalar_text(const YAML::Node& node) {
  return node.IsDefined() && node.IsScalar() ? node.Scalar() : std::string();
}

/// Reads the values of a mapping and collects what is wrong with them.
class Values {
 public:
  explicit Values(const YAML::Node& node) : node_(node) {}

  /// A whole number of at least 1; nothing when the key is absent, null or "none".
  std::optional<int64_t> count(const char* key) {
    const YAML::Node value = node_[key];
    if (!value.IsDefined() || value.IsNull()) return std::nullopt;
    const auto number = parse_count(value);
    if (!number) wrong(key, value, "a positive whole number");
    return number;
  }

  std::vector<int64_t> counts(const char* key) {
    const YAML::Node value = node_[key];
    if (!value.IsDefined() || value.IsNull()) return {};
    std::vector<int64_t> numbers;
    if (value.IsSequence())
      for (const YAML::Node& item : value) {
        const auto number = parse_count(item);
        if (!number) break;
        numbers.push_back(*number);
      }
    if (!value.IsSequence() || numbers.size() != value.size())
      wrong(key, value, "a list of positive whole numbers");
    return numbers;
  }

  bool flag(const char* key) {
    const YAML::Node value = node_[key];
    if (!value.IsDefined() || value.IsNull()) return false;
    const std::string text = scalar_text(value);
    const bool is_true = text == "true" || text == "True";
    if (!is_true && text != "false" && text != "False") wrong(key, value, "true or false");
    return is_true;
  }

  const std::string& faults() const { return faults_; }

 private:
  static std::optional<int64_t> parse_count(const YAML::Node& node) {
    const std::string text = scalar_text(node);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number < 1) return std::nullopt;
    return number;
  }

  void wrong(const char* key, const YAML::Node& value, const char* expected) {
    const std::string found = value.IsScalar() ? "'" + value.Scalar() + "'"
                              : value.IsMap()  ? "a mapping"
                                               : "a list of something else";
    faults_ +=
        fmt::format("{}line {}: model_info.parameters.{} is {}, expected {}",
                    faults_.empty() ? "" : "; ", value.Mark().line + 1, key, found, expected);
  }

  const YAML::Node& node_;
  std::string faults_;
};

Result<AnemllDirectory> read_meta(const YAML::Node& document) {
  if (!document.IsMap() || !document["model_info"].IsMap())
    return fail(ErrorCode::mismatch, "no mapping 'model_info'");
  const YAML::Node info = document["model_info"];
  const YAML::Node parameters = info["parameters"];
  if (!parameters.IsDefined() || !parameters.IsMap())
    return fail(ErrorCode::mismatch, "no mapping 'model_info.parameters'");

  AnemllDirectory result;
  result.name = scalar_text(info["name"]);
  result.version = scalar_text(info["version"]);
  result.architecture = scalar_text(info["architecture"]);
  for (const auto& entry : parameters)
    if (entry.first.IsScalar() && entry.second.IsScalar())
      result.parameters.emplace(entry.first.Scalar(), entry.second.Scalar());
  result.monolithic = scalar_text(info["model_type"]) == "monolithic" ||
                      scalar_text(parameters["model_type"]) == "monolithic";

  Values values(parameters);
  result.context_length = values.count("context_length").value_or(0);
  result.batch_size = values.count("batch_size").value_or(0);
  result.num_chunks = values.count("num_chunks").value_or(0);
  result.split_lm_head =
      values.count("split_lm_head").value_or(values.count("num_logits").value_or(0));
  result.sliding_window = values.count("sliding_window");
  result.vocab_size = values.count("vocab_size");
  result.lm_head_chunk_sizes = values.counts("lm_head_chunk_sizes");
  result.argmax_in_model = values.flag("argmax_in_model");
  if (!values.faults().empty()) return fail(ErrorCode::mismatch, "{}", values.faults());
  return result;
}

}  // namespace

Result<AnemllDirectory> parse_anemll_meta(std::string_view yaml) {
  constexpr size_t kLargest = 1 << 20;  // real ones have about 2 kB
  if (yaml.size() > kLargest)
    return fail(ErrorCode::limit, "{} bytes, at most {}", yaml.size(), kLargest);
  if (!is_utf8(yaml)) return fail(ErrorCode::corrupt, "text is not UTF-8");
  try {
    return read_meta(YAML::Load(std::string(yaml)));
  } catch (const YAML::Exception& problem) {
    return fail(ErrorCode::corrupt, "line {}: {}", problem.mark.line + 1, problem.msg);
  }
}

}  // namespace anemone::package

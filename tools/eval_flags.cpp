#include "eval_flags.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "not_empty.h"
#include "read_number.h"

namespace anemone::tools {
namespace {

/// "a,b c" → a, b, c.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = text.find_first_not_of(", "); begin != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(", ", begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = text.find_first_not_of(", ", end);
  }
  return parts;
}

/// One number for all four generators, or four.
Result<std::array<int64_t, 4>> parse_seed(const std::string& text) {
  std::vector<int64_t> values;
  for (const std::string& part : split(text)) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size())
      return Error{ErrorCode::invalid_argument,
                   fmt::format("--seed {}: '{}' is no number", text, part),
                   {},
                   {}};
    values.push_back(value);
  }
  if (values.size() == 1) values.resize(4, values[0]);
  if (values.size() != 4)
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--seed {}: expected one number or four", text),
                 {},
                 {}};
  return std::array<int64_t, 4>{values[0], values[1], values[2], values[3]};
}

/// "2/4": the second of four parts.
Result<std::optional<eval::Shard>> parse_shard(const std::string& text) {
  if (text.empty()) return std::optional<eval::Shard>();
  eval::Shard shard;
  const char* end = text.data() + text.size();
  const auto index = std::from_chars(text.data(), end, shard.index);
  const bool slash = index.ec == std::errc() && index.ptr != end && *index.ptr == '/';
  const auto count = slash ? std::from_chars(index.ptr + 1, end, shard.count) : index;
  if (slash && count.ec == std::errc() && count.ptr == end && shard.index >= 1 &&
      shard.index <= shard.count)
    return std::optional(shard);
  return Error{ErrorCode::invalid_argument,
               fmt::format("--shard {}: expected i/n with i from 1 to n", text),
               {},
               {}};
}

/// JSON as it stands, or the name of a file that holds it.
Result<std::string> read_samples(const std::string& given) {
  const size_t first = given.find_first_not_of(" \t\r\n");
  if (first == std::string::npos || given[first] == '{' || given[first] == '[') return given;
  std::ifstream file(given, std::ios::binary);
  if (!file)
    return Error{
        ErrorCode::not_found, fmt::format("--samples {}: neither JSON nor a file", given), {}, {}};
  return std::string(std::istreambuf_iterator<char>(file), {});
}

/// A count of documents, or a share of them below 1.
Result<std::optional<double>> parse_limit(const std::optional<std::string>& text) {
  if (!text) return std::optional<double>();
  constexpr double kMost = 1e15;  // whole numbers are exact in a double up to here
  const auto value = read_number(*text);
  const bool is_count = value && *value > 0 && *value <= kMost;
  if (!is_count || (*value > 1 && *value != std::floor(*value)))
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--limit {}: not a number of documents", text->empty() ? "''" : *text),
                 {},
                 "a whole number from 1, or a share below 1; without it all are scored"};
  return value;
}

/// "500M" and the like.
Result<uint64_t> parse_budget(const std::string& text, uint64_t usual) {
  if (text.empty()) return usual;
  uint64_t value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value);
  const std::string_view units = "KMG";
  const size_t unit = end == last ? 0 : units.find(*end) + 1;
  const uint64_t factor = uint64_t{1} << 10 * unit;
  if (error != std::errc() || (end != last && (unit == 0 || end + 1 != last)) ||
      value > UINT64_MAX / factor)
    return Error{ErrorCode::invalid_argument,
                 fmt::format("--kv-budget {}: not a number of bytes", text),
                 {},
                 "bytes, or with K, M or G, such as 500M"};
  return value * factor;
}

}  // namespace

Result<eval::Options> to_options(const EvalFlags& flags) {
  eval::Options options;
  for (const std::string& task : flags.tasks) {
    std::error_code ignored;
    const bool is_file = std::filesystem::is_regular_file(task, ignored);
    for (std::string& name : is_file ? std::vector{task} : split(task))
      options.tasks.push_back(std::move(name));
  }
  options.places.include_paths.assign(flags.include_paths.begin(), flags.include_paths.end());
  options.places.data = flags.data;
  options.num_fewshot = flags.num_fewshot;
  ANEMONE_TRY(options.limit, parse_limit(flags.limit));
  ANEMONE_TRY(options.samples, read_samples(flags.samples));
  if (flags.chat_template && flags.chat_template->empty())
    return Error{ErrorCode::invalid_argument, "--apply-chat-template: the value is empty", {}, {}};
  options.apply_chat_template = flags.chat_template && flags.chat_template != "false";
  if (options.apply_chat_template && flags.chat_template != "true")
    options.chat_template = *flags.chat_template;
  if (!flags.multiturn.empty())
    options.fewshot_as_multiturn =
        flags.multiturn == "true" || flags.multiturn == "True" || flags.multiturn == "1";
  options.system_instruction = flags.system_instruction;
  for (const std::string& kwargs : flags.gen_kwargs)
    options.gen_kwargs += (options.gen_kwargs.empty() ? "" : ",") + kwargs;
  ANEMONE_TRY(options.seeds, parse_seed(flags.seed));
  options.bootstrap_iterations = flags.bootstrap_iters;
  options.max_length = flags.max_length;
  ANEMONE_TRY(options.kv_budget_bytes, parse_budget(flags.kv_budget, options.kv_budget_bytes));
  options.log_samples = flags.log_samples || flags.predict_only;
  options.predict_only = flags.predict_only;
  options.resume = flags.resume;
  ANEMONE_TRY(options.shard, parse_shard(flags.shard));
  return options;
}

void add_eval_flags(CLI::App& app, EvalFlags& flags) {
  add_model_flags(app, flags.model);
  add_tokenizer_flag(app, flags.model);
  app.add_option(
         "--tasks", flags.tasks,
         "Names, patterns, tags, .yaml files, or .txt files for their perplexity; by commas "
         "or blanks")
      ->required();
  app.add_option("--num-fewshot", flags.num_fewshot, "Examples before each question")
      ->check(whole_number());
  auto* limit = app.add_option("--limit", flags.limit,
                               "Documents of each task: a whole number from 1, or a share below 1; "
                               "all without it");
  app.add_option("--samples", flags.samples, "JSON, or a file of it: {\"task\": [document, ...]}")
      ->check(not_empty())
      ->excludes(limit);
  app.add_option("--data", flags.data, "Folder with data sets, before the Hugging Face caches")
      ->check(not_empty());
  app.add_option("--include-path", flags.include_paths,
                 "Folder with task files, before the built-in ones")
      ->check(not_empty())
      ->allow_extra_args(false);
  app.add_option("--apply-chat-template", flags.chat_template,
                 "Prompts as conversations [template name]")
      ->expected(0, 1);
  app.add_option("--fewshot-as-multiturn", flags.multiturn, "Examples as turns of their own [true]")
      ->expected(0, 1)
      ->check(CLI::IsMember({"true", "false", "True", "False", "1", "0"}));
  app.add_option("--system-instruction", flags.system_instruction, "Text before everything else");
  app.add_option("--gen-kwargs", flags.gen_kwargs,
                 "key=value,... or JSON, over those of generation tasks");
  app.add_option("--seed", flags.seed,
                 "Of python, numpy, torch and few-shot draws; one for all, or four");
  app.add_option("--bootstrap-iters", flags.bootstrap_iters,
                 "For standard errors without a formula; 0: none")
      ->check(whole_number());
  app.add_option("--max-length", flags.max_length, "Tokens fed at most; 0: the model's context")
      ->check(whole_number());
  app.add_option("--kv-budget", flags.kv_budget,
                 "Memory for more states of the model than one: bytes, or with K, M, G [1G]")
      ->check(not_empty());
  app.add_flag("--dry-run", flags.dry_run,
               "Count tokens without running a model; with --max-length, which may then exceed "
               "its context, all as scored from logits");
  app.add_option("--output-path", flags.output_path,
                 "Folder for results, or a name that ends in .json")
      ->check(not_empty());
  app.add_flag("--log-samples", flags.log_samples,
               "Write each document's requests and answers too");
  app.add_flag("--predict-only", flags.predict_only, "Answers without scores");
  app.add_flag("--check-integrity", flags.check_integrity,
               "First see that every document can be asked and scored; a fault ends the run");
  app.add_flag(
      "--resume", flags.resume,
      "Take the answers that a run before left in --output-path (responses.sqlite), and ask "
      "for the others");
  app.add_option("--shard", flags.shard,
                 "i/n: the documents of the i-th of n parts, i from 1; see anemone merge")
      ->check(not_empty());
}

}  // namespace anemone::tools

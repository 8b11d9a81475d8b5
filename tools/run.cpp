#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "anemone/generate.h"
#include "anemone/text.h"
#include "command.h"
#include "constraint_flags.h"
#include "generation_flags.h"
#include "input_text.h"
#include "model_flags.h"
#include "sampling_flags.h"
#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

using Json = nlohmann::ordered_json;

struct Flags {
  ModelFlags model;
  std::string prompt;
  generate::Options options;
  GenerationFlags generation;
  ConstraintFlags constraint;
  bool chat = false;
  std::string system;
};

Result<std::string> prompt_text(const Flags& flags, const std::string& prompt,
                                const text::Tokenizer& tokenizer,
                                const ConstraintParts& constraint) {
  const bool with_tools = !constraint.tools().empty();
  if (!flags.chat && !with_tools) return prompt;
  ANEMONE_TRY(const auto chat_template, text::ChatTemplate::of(tokenizer, {}, with_tools));
  text::ChatRequest request;
  std::string system = flags.system;
  if (with_tools && constraint.dialect().in_template) request.tools = constraint.tools_json();
  if (with_tools && !constraint.dialect().in_template)
    system += (system.empty() ? "" : "\n\n") + generate::tool_instructions(constraint.tools());
  Json messages = Json::array();
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", prompt}});
  request.messages = messages.dump(-1, ' ', false, Json::error_handler_t::replace);
  request.add_generation_prompt = true;
  return chat_template.render(request);
}

double rate(int64_t tokens, int64_t ns) {
  return ns > 0 ? static_cast<double>(tokens) * 1e9 / static_cast<double>(ns) : 0;
}

Json calls_json(const generate::ToolAnswer& answer) {
  Json calls = Json::array();
  for (const generate::ToolCall& call : answer.calls)
    calls.push_back({{"name", call.name}, {"arguments", Json::parse(call.arguments_json)}});
  return calls;
}

Json report(const generate::Generation& generation, const lm::ModelInfo& info,
            const generate::ToolReader* tools) {
  const auto steps = static_cast<int64_t>(generation.tokens.size()) - 1;
  Json json = {{"version", 1},
               {"model", info.name},
               {"model_hash", info.hash},
               {"numerics", to_string(info.numerics)},
               {"simulated", info.numerics == runtime::Numerics::ane},
               {"text", generation.text},
               {"tokens", generation.tokens},
               {"stop_reason", to_string(generation.stop)},
               {"prompt_tokens", generation.prompt_tokens},
               {"reused_tokens", generation.reused_tokens},
               {"drafted_tokens", generation.drafted_tokens},
               {"accepted_tokens", generation.accepted_tokens},
               {"forced_tokens", generation.forced_tokens},
               {"mask_ns", generation.mask_ns},
               {"mask_wait_ns", generation.mask_wait_ns},
               {"slides", generation.slides},
               {"prefill_ns", generation.prefill_ns},
               {"decode_ns", generation.decode_ns}};
  json["decode_tokens_per_second"] =
      steps > 0 && generation.decode_ns > 0 ? Json(rate(steps, generation.decode_ns)) : Json();
  if (tools != nullptr) {
    json["content"] = tools->answer().content;
    json["tool_calls"] = calls_json(tools->answer());
  }
  return json;
}

std::string content_of(const std::vector<generate::ToolDelta>& deltas) {
  std::string content;
  for (const generate::ToolDelta& delta : deltas)
    if (delta.kind == generate::ToolDelta::Kind::content) content += delta.text;
  return content;
}

/// A call a line, behind the content.
std::string call_lines(const generate::ToolAnswer& answer) {
  std::string lines;
  for (const Json& call : calls_json(answer))
    lines += (lines.empty() && answer.content.empty() ? "" : "\n") +
             call.dump(-1, ' ', false, Json::error_handler_t::replace);
  return lines;
}

void print_summary(const generate::Generation& generation, const lm::ModelInfo& info) {
  const auto steps = static_cast<int64_t>(generation.tokens.size()) - 1;
  std::string speed = "n/a";
  if (steps > 0 && generation.decode_ns > 0)
    speed = fmt::format("{:.1f}", rate(steps, generation.decode_ns));
  if (info.numerics == runtime::Numerics::ane) write_stderr(kSimulatedHeading);
  std::string known;
  if (generation.reused_tokens > 0) known = fmt::format(" ({} known)", generation.reused_tokens);
  std::string guessed;
  if (generation.drafted_tokens > 0)
    guessed = fmt::format(" ({} of {} guesses right)", generation.accepted_tokens,
                          generation.drafted_tokens);
  print_stderr("{}{} in {:.0f} ms; {}, {} tok/s{}; stopped: {}\n",
               counted(static_cast<uint64_t>(generation.prompt_tokens), "prompt token"), known,
               static_cast<double>(generation.prefill_ns) / 1e6,
               counted(generation.tokens.size(), "token"), speed, guessed,
               to_string(generation.stop));
}

Status check(const Flags& flags) {
  if (!flags.system.empty() && !flags.chat && flags.constraint.tools.empty())
    return Error{ErrorCode::invalid_argument,
                 "--system is a message of a chat template",
                 {},
                 "give --chat too"};
  if (std::ranges::find(flags.options.stop, "") != flags.options.stop.end())
    return Error{ErrorCode::invalid_argument,
                 "--stop is empty: no text would be the answer",
                 {},
                 "leave it out to stop at the model's end of text"};
  return {};
}

Status run(const Flags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(check(flags));
  ANEMONE_RETURN_IF_ERROR(common.runtime_options());
  std::string given = flags.prompt;
  if (given == "-") {
    ANEMONE_TRY(given, read_stdin());
  }
  const bool hash = common.json || !flags.generation.prompt_cache.empty();
  ANEMONE_TRY(const auto model, flags.model.open(common, hash));
  ANEMONE_TRY(const auto parts, GenerationParts::open(flags.generation, common, *model));
  generate::Options options = flags.options;
  parts.fill(options);
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_TRY(const auto constraint,
              ConstraintParts::open(flags.constraint, tokenizer, model->info().vocab_size));
  constraint.fill(options);
  ANEMONE_TRY(const std::string prompt, prompt_text(flags, given, tokenizer, constraint));
  const bool with_tools = !constraint.tools().empty();
  ANEMONE_TRY(const auto ids, tokenizer.encode(prompt, !flags.chat && !with_tools));
  std::optional<generate::ToolReader> reader;
  if (with_tools) reader.emplace(constraint.dialect(), constraint.tools());
  Status written;
  const auto sink = [&](std::string_view piece) {
    const std::string content = reader ? content_of(reader->feed(piece)) : std::string(piece);
    if (!common.json) written = write_stdout(content);
    return written.ok() && !interrupted();
  };
  ANEMONE_TRY(const auto generation, generate::generate(*model, tokenizer, ids, options, sink));
  ANEMONE_RETURN_IF_ERROR(std::move(written));
  std::string rest;
  if (reader) rest = content_of(reader->finish()) + call_lines(reader->answer());
  if (common.json)
    rest = report(generation, model->info(), reader ? &*reader : nullptr)
               .dump(2, ' ', false, Json::error_handler_t::replace);
  ANEMONE_RETURN_IF_ERROR(write_stdout(rest + "\n"));
  if (!common.quiet && !common.json) print_summary(generation, model->info());
  print_late_notes(*model, common);
  if (interrupted()) return Error{ErrorCode::interrupted, "interrupted", {}, {}};
  return {};
}

}  // namespace

Action add_run(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Continue one prompt, streamed");
  add_model_flags(app, flags->model);
  add_tokenizer_flag(app, flags->model);
  app.add_option("prompt", flags->prompt, "The text to continue; - is the standard input")
      ->required();
  app.add_option("-n,--max-tokens", flags->options.max_tokens, "Most tokens to generate")
      ->check(whole_number());
  add_sampling_flags(app, flags->options.sampling);
  add_generation_flags(app, flags->generation);
  add_constraint_flags(app, flags->constraint);
  app.add_option("--stop", flags->options.stop, "End the answer at this text (repeatable)")
      ->allow_extra_args(false);
  app.add_flag("--chat", flags->chat, "Put the prompt as a user's message into the chat template");
  app.add_option("--system", flags->system, "System message for --chat");
  app.footer("Example: anemone run models/anemone-tiny-anemll \"Once upon a time\" -n 32");
  return [flags, &common] { return run(*flags, common); };
}

}  // namespace anemone::tools

#include "anemone/serve.h"

#include <fmt/format.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include <cstdint>
#include <nlohmann/json.hpp>

#include "anemone/batch_policy.h"
#include "command.h"
#include "generation_flags.h"
#include "model_flags.h"
#include "not_empty.h"
#include "sampling_flags.h"
#include "simulated_heading.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  ModelFlags model;
  GenerationFlags generation;
  serve::Options options;
  std::string batch_policy;
  std::string workload = to_string(bench::Workload::offline);
};

Status tell(const std::string& url, const lm::ModelInfo& info, const CommonFlags& common) {
  if (common.json) {
    const nlohmann::ordered_json json = {{"version", 1}, {"url", url}, {"model", info.name}};
    return write_stdout(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  }
  if (info.numerics == runtime::Numerics::ane) write_stderr(kSimulatedHeading);
  if (!common.quiet)
    print_stderr(
        "{}: context {}. Ctrl-C ends after the answers in progress, a second one at once.\n",
        info.name, info.context_length);
  return write_stdout(url + "\n");
}

/// Large blocks, such as the keys and values of an answer, go back to the system when they are
/// freed. Left to itself glibc soon keeps them, in pieces: three times as much memory stays.
void return_large_blocks() {
#ifdef __GLIBC__
  constexpr int kLargeBytes = 512 << 10;
  mallopt(M_MMAP_THRESHOLD, kLargeBytes);
#endif
}

/// By a file of `anemone bench --batches` how many answers are worth working on together.
Status follow_policy(const Flags& flags, const lm::ModelInfo& info, const CommonFlags& common,
                     serve::Limits& limits) {
  if (flags.batch_policy.empty()) return {};
  ANEMONE_TRY(const bench::BatchPolicy policy,
              bench::read_batch_policy(flags.batch_policy, *bench::find_workload(flags.workload),
                                       {.model_hash = info.hash,
                                        .threads = common.threads,
                                        .backend = info.execution.backend,
                                        .compute_units = info.execution.compute_units}));
  limits.running = policy.sequences;
  if (!common.quiet)
    print_stderr("--parallel {} by {}: {}\n", policy.sequences, flags.batch_policy, policy.why);
  return {};
}

Status run(const Flags& flags, const CommonFlags& common) {
  return_large_blocks();
  ANEMONE_TRY(const auto model, flags.model.open(common, true));
  ANEMONE_TRY(const auto tokenizer, flags.model.load_tokenizer());
  ANEMONE_TRY(const auto parts, GenerationParts::open(flags.generation, common, *model));
  serve::Options options = flags.options;
  parts.fill(options.defaults);
  ANEMONE_RETURN_IF_ERROR(follow_policy(flags, model->info(), common, options.limits));
  options.log = log_sink(common);
  options.stops = [] { return interrupted(); };
  Status told;
  options.listening = [&](const std::string& url) { told = tell(url, model->info(), common); };
  ANEMONE_RETURN_IF_ERROR(serve::serve(*model, tokenizer, options));
  return told;
}

void add_limits(CLI::App& app, Flags& flags) {
  serve::Options& options = flags.options;
  serve::Limits& limits = options.limits;
  constexpr int64_t kMost = INT32_MAX;
  const auto add = [&](const char* flag, int64_t& value, const char* words, int64_t least = 1) {
    return app.add_option(flag, value, words)
        ->check(CLI::Range(least, kMost).description(""))
        ->group("Limits");
  };
  CLI::Option* const parallel =
      add("--parallel", limits.running,
          "Answers that the model works on at once, each with its memory");
  CLI::Option* const policy =
      app.add_option("--batch-policy", flags.batch_policy,
                     "Take --parallel from what anemone bench --batches measured (its JSON)")
          ->check(not_empty())
          ->excludes(parallel)
          ->group("Limits");
  app.add_option("--workload", flags.workload,
                 "What --batch-policy decides for: offline, where the time of all answers counts, "
                 "or interactive, where no answer waits for another")
      ->check(CLI::IsMember(
          {to_string(bench::Workload::interactive), to_string(bench::Workload::offline)}))
      ->needs(policy)
      ->group("Limits");
  add("--queue", limits.waiting, "Answers that wait for it; more are refused (429)");
  add("--connections", limits.connections, "Open connections; more are refused (503)");
  add("--max-tokens", limits.answer_tokens, "Most tokens of an answer; 0: what the context holds",
      0);
  add("--max-header-bytes", limits.header_bytes, "Largest head of a request (431)");
  add("--max-body-bytes", limits.body_bytes, "Largest body of a request (413)");
  add("--max-bodies-bytes", limits.all_bodies_bytes,
      "Bodies of all requests in progress together; more are refused (503)");
  add("--max-unread-bytes", limits.unread_bytes,
      "Of a stream that the client does not read; then the answer is given up");
  add("--request-seconds", limits.request_s, "From a request to the end of its answer");
  add("--transfer-seconds", limits.transfer_s,
      "For a client to send a head, to send a body, or to take a piece of a response (408)");
  add("--idle-seconds", limits.idle_s, "Between the requests of a connection");
  add("--shutdown-seconds", limits.shutdown_s, "For answers in progress when the server ends", 0);
  add("--ping-seconds", options.ping_s, "A stream that is silent for so long gets a comment");
}

}  // namespace

Action add_serve(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  serve::Options& options = flags->options;
  options.defaults.sampling.temperature = 1;  // of the OpenAI API
  app.description("Answer OpenAI's HTTP interface");
  add_model_flags(app, flags->model);
  add_tokenizer_flag(app, flags->model);
  app.add_option("--host", options.host, "Address to listen on; 0.0.0.0: all of this machine")
      ->check(not_empty());
  app.add_option("--port", options.port, "Port to listen on; 0: one that is free, which is printed")
      ->check(CLI::Range(0, 65535));
  app.add_option(
         "--api-key", options.api_key,
         "Key that requests must have; ANEMONE_API_KEY keeps it out of the list of processes")
      ->check(not_empty());
  app.add_option("--cors-origin", options.cors_origins,
                 "Web pages of this origin may use the server, * all (repeatable; default: none)")
      ->allow_extra_args(false);
  app.add_option("--name", options.names,
                 "What the model is called in requests (repeatable; default: its own name)")
      ->allow_extra_args(false)
      ->check(not_empty());
  add_sampling_flags(app, options.defaults.sampling);
  CLI::Option* const seed = app.get_option("--seed");
  seed->description("Seed of the draws where a request names none (default: another for each)")
      ->default_str("");
  add_generation_flags(app, flags->generation);
  add_limits(app, *flags);
  app.footer(
      "Example: anemone serve models/anemone-tiny-anemll --port 8080, then open "
      "http://127.0.0.1:8080/");
  return [flags, seed, &common] {
    flags->options.fixed_seed = seed->count() > 0;
    return run(*flags, common);
  };
}

}  // namespace anemone::tools

#include "anemone/forecast.h"

#include <algorithm>
#include <array>

#include "ane/cost.h"
#include "ane/function_forecast.h"
#include "ane/open_model.h"
#include "ane/step_work.h"
#include "base/check.h"
#include "base/error.h"

namespace anemone::ane {
namespace {

using ChooseFunction = const FunctionView* (*)(const PackageView&);

/// The work of one call of every package, in sum.
struct ModelWork {
  StepWork step;
  int64_t attention_layers = 0;
  int64_t context = 0;
};

/// What the placement says of it.
const FunctionForecast& placed(const Forecast& forecast, const FunctionView& function) {
  const auto found =
      std::ranges::find_if(forecast.functions, [&](const FunctionForecast& candidate) {
        return candidate.package == function.package().name &&
               candidate.function == function.name();
      });
  ANEMONE_CHECK(found != forecast.functions.end(), "every function is placed");
  return *found;
}

/// The packages that a step calls: rotate chunks stand in for chunks, never beside them.
std::vector<const PackageView*> packages_of_step(const ModelView& model) {
  std::vector<const PackageView*> packages;
  if (!model.anemll) {
    for (const auto& package : model.packages) packages.push_back(package.get());
    return packages;
  }
  if (model.embeddings != nullptr) packages.push_back(model.embeddings);
  packages.insert(packages.end(), model.chunks.begin(), model.chunks.end());
  if (model.lm_head != nullptr) packages.push_back(model.lm_head);
  return packages;
}

std::vector<const FunctionView*> functions_of_step(const ModelView& model, ChooseFunction choose) {
  std::vector<const FunctionView*> functions;
  for (const PackageView* package : packages_of_step(model))
    if (const FunctionView* function = choose(*package)) functions.push_back(function);
  return functions;
}

/// `layers`: what config.json says, in place of counted ones. `placed`: of ops on the Neural Engine
/// alone.
ModelWork work_of_functions(const std::vector<const FunctionView*>& functions,
                            std::optional<int64_t> layers, const OtherContext* other,
                            const Forecast* forecast = nullptr) {
  ModelWork total{.step = {.calls = 0}};
  double multiply_adds = 0;
  for (const FunctionView* function : functions) {
    const FunctionWork part =
        work_of(*function, other, forecast == nullptr ? nullptr : &placed(*forecast, *function));
    total.step.weight_bytes += part.work.weight_bytes;
    total.step.cache_bytes += part.work.cache_bytes;
    total.step.repeated_cache_bytes += part.work.repeated_cache_bytes;
    total.step.score_bytes += part.work.score_bytes;
    total.step.width = std::max(total.step.width, part.work.width);
    multiply_adds += part.work.multiply_adds * static_cast<double>(part.work.width);
    ++total.step.calls;
    total.attention_layers += part.attention_layers;
    total.context = std::max(total.context, part.context);
  }
  total.step.multiply_adds = multiply_adds / static_cast<double>(total.step.width);
  total.step.layers = layers.value_or(total.attention_layers);
  return total;
}

/// A step of the programs as they are placed.
struct PlacedStep {
  std::optional<double> milliseconds;
  PlacedForecast forecast;  ///< without its speeds.
};

/// Layers and calls at the price of the Neural Engine, whatever runs them: so leaving it never
/// saves what it costs, and a speed is there only where all layers have ops on it.
Result<PlacedStep> predict_placed_step(const ModelView& model, ChooseFunction choose,
                                       const Forecast& forecast, const Chip& chip, Stack stack) {
  PlacedStep step;
  bool has_layers_on_cpu = false;
  const std::vector<const FunctionView*> all = functions_of_step(model, choose);
  step.forecast.functions = all.size();
  for (const FunctionView* function : all) {
    const FunctionForecast& own = placed(forecast, *function);
    step.forecast.cpu_ms += own.cpu_ms;
    if (own.segments > 0) {
      step.forecast.changes_ms += cut_ms(own.changes, own.segments - 1);
    } else {
      ++step.forecast.cpu_functions;
      has_layers_on_cpu |= work_of(*function).attention_layers > 0;
    }
  }
  if (has_layers_on_cpu) return step;
  const ModelWork work = work_of_functions(all, model.layers, nullptr, &forecast);
  const ModelWork whole = work_of_functions(all, model.layers, nullptr);
  ANEMONE_TRY(const StepCost cost, predict_step(chip, stack, work.step));
  ANEMONE_TRY(const StepCost bound, predict_step(chip, stack, whole.step));
  step.milliseconds =
      std::max(cost.total_ms() + step.forecast.cpu_ms + step.forecast.changes_ms, bound.floor_ms);
  return step;
}

/// What a step of a token and one of a prompt take; their `batch` is set by whoever asks.
struct DecoderWork {
  ModelWork token;
  ModelWork prompt;
};

/// Steps that the rest of the prompt takes.
double steps_of_prompt(const DecodingForecast& decoding) {
  const int64_t computed = decoding.prompt_tokens - decoding.cached_tokens;
  return static_cast<double>((computed + decoding.prompt_width - 1) / decoding.prompt_width);
}

constexpr int64_t kUsualPrompt = 512;

/// Tokens of the prompt before any context cuts it. Errors: invalid_argument (it fits no context
/// that is predicted, or all of it is cached).
Result<int64_t> prompt_of(const ForecastOptions& options, int64_t context) {
  int64_t longest = context;
  for (const int64_t other : options.contexts) longest = std::max(longest, other);
  const int64_t tokens = options.prompt_tokens.value_or(std::min(kUsualPrompt, longest));
  if (tokens < 1 || tokens > longest)
    return with_hint(fail(ErrorCode::invalid_argument,
                          "a prompt of {} tokens, expected 1 to {}, the context", tokens, longest),
                     "a longer one is predicted with --contexts");
  if (options.cached_tokens < 0 || options.cached_tokens >= tokens)
    return with_hint(
        fail(ErrorCode::invalid_argument, "{} cached tokens of a prompt of {}, expected 0 to {}",
             options.cached_tokens, tokens, tokens - 1),
        "the last token of a prompt is always computed");
  return tokens;
}

Result<DecodingForecast> predict_decoding(const DecoderWork& decoder, int64_t batch,
                                          int64_t context, int64_t prompt_tokens, const Chip& chip,
                                          const ForecastOptions& options) {
  StepWork token = decoder.token.step;
  StepWork prompt = decoder.prompt.step;
  token.batch = prompt.batch = batch;
  ANEMONE_TRY(const StepCost step, predict_step(chip, options.stack, token));
  ANEMONE_TRY(const StepCost prompt_step, predict_step(chip, options.stack, prompt));
  const auto sequences = static_cast<double>(batch);
  DecodingForecast decoding{.batch = batch,
                            .tokens_per_second = sequences * 1000 / step.total_ms(),
                            .floor_tokens_per_second = sequences * 1000 / step.floor_ms,
                            .weights_ms = step.weights_ms,
                            .compute_ms = step.compute_ms,
                            .attention_ms = step.attention_ms,
                            .overhead_ms = step.overhead_ms,
                            .weight_bytes = token.weight_bytes,
                            .cache_bytes = sequences * token.cache_bytes,
                            .context = context,
                            .energy = estimate_energy(chip, step)};
  decoding.prompt_tokens = std::min(prompt_tokens, context);
  decoding.prompt_is_cut = prompt_tokens > context;
  decoding.prompt_width = prompt.width;
  decoding.cached_tokens = std::min(options.cached_tokens, decoding.prompt_tokens - 1);
  const double steps = steps_of_prompt(decoding);
  decoding.first_token_ms = steps * prompt_step.total_ms();
  decoding.first_token_floor_ms = steps * prompt_step.floor_ms;
  if (decoding.energy) {
    decoding.energy->joules_low /= sequences;
    decoding.energy->joules_high /= sequences;
    decoding.energy->joules_floor /= sequences;
  }
  return decoding;
}

DecoderWork work_of_decoder(const ModelView& model, const OtherContext* other) {
  return {
      .token = work_of_functions(functions_of_step(model, &decoding_function), model.layers, other),
      .prompt = work_of_functions(functions_of_step(model, &prompt_function), model.layers, other)};
}

/// Adds `decoding` and `sweep` of a language model with a static context, or why there are none.
Status add_decoding(const ModelView& model, const Chip& chip, const ForecastOptions& options,
                    Forecast& forecast) {
  const DecoderWork own = work_of_decoder(model, nullptr);
  const int64_t context = own.token.context;
  if (context <= 1) return {};
  const Result<int64_t> prompt_tokens = prompt_of(options, context);
  if (!prompt_tokens.ok()) {
    forecast.decoding_error = prompt_tokens.error();
    return {};
  }
  ANEMONE_TRY(DecodingForecast decoding,
              predict_decoding(own, 1, context, *prompt_tokens, chip, options));
  ANEMONE_TRY(const PlacedStep token,
              predict_placed_step(model, &decoding_function, forecast, chip, options.stack));
  ANEMONE_TRY(const PlacedStep prompt,
              predict_placed_step(model, &prompt_function, forecast, chip, options.stack));
  decoding.placed = token.forecast;
  if (token.milliseconds) decoding.placed->tokens_per_second = 1000 / *token.milliseconds;
  if (prompt.milliseconds)
    decoding.placed->first_token_ms = steps_of_prompt(decoding) * *prompt.milliseconds;
  forecast.decoding = decoding;
  if (options.contexts.empty() && options.batches.empty()) return {};
  const std::vector<int64_t> contexts =
      options.contexts.empty() ? std::vector{context} : options.contexts;
  const std::vector<int64_t> batches =
      options.batches.empty() ? std::vector<int64_t>{1} : options.batches;
  for (const int64_t wanted : contexts) {
    const OtherContext other{.from = context, .to = wanted};
    const DecoderWork work = work_of_decoder(model, &other);
    for (const int64_t batch : batches) {
      ANEMONE_TRY(DecodingForecast swept,
                  predict_decoding(work, batch, wanted, *prompt_tokens, chip, options));
      forecast.sweep.push_back(swept);
    }
  }
  return {};
}

std::optional<double> residency_of(const std::vector<FunctionForecast>& functions) {
  double on_engine = 0;
  double in_ops = 0;
  for (const FunctionForecast& function : functions) {
    if (function.below_launch_cost) continue;
    const double ops = function.milliseconds - function.launch_ms;
    on_engine += function.residency * ops;
    in_ops += ops;
  }
  return in_ops > 0 ? std::optional(on_engine / in_ops) : std::nullopt;
}

Result<const Chip*> chip_of(const ForecastOptions& options) {
  for (const int64_t context : options.contexts)
    if (context < 2)
      return fail(ErrorCode::invalid_argument, "a context of {}, expected 2 or more", context);
  for (const int64_t batch : options.batches)
    if (batch < 1 || batch > kMostSequences)
      return fail(ErrorCode::invalid_argument, "a batch of {}, expected 1 to {}", batch,
                  kMostSequences);
  ANEMONE_TRY(const Chip* chip, find_chip(options.chip));
  if (weight_bandwidth(*chip).value > 0) return chip;
  return with_hint(
      fail(ErrorCode::unsupported, "nothing is published of the speed of {}", chip->label),
      "name a later chip");
}

Result<Forecast> forecast_model(const ModelView& model, const Chip& chip,
                                const ForecastOptions& options) {
  const ChipRate bandwidth = weight_bandwidth(chip);
  Forecast forecast{.chip = chip.name,
                    .label = chip.label,
                    .stack = to_string(options.stack),
                    .bandwidth_gbps = bandwidth.value,
                    .bandwidth_source = bandwidth.rule};
  for (const auto& package : model.packages) {
    if (package->faults.empty()) continue;
    return fail(ErrorCode::mismatch, "{}: {}", package->package.path.string(),
                package->faults.front().to_string());
  }
  const Obstacles obstacles = obstacles_in(model, chip);
  size_t functions = 0;
  for (const auto& package : model.packages) functions += package->functions.size();
  const std::string item = model.path.string();
  for (const auto& package : model.packages) {
    for (const FunctionView& function : package->functions) {
      if (options.progress && !options.progress({"placing ops", forecast.functions.size(),
                                                 functions, "functions", item}))
        return fail(ErrorCode::interrupted, "interrupted");
      forecast.functions.push_back(forecast_function(function, chip, obstacles));
    }
  }
  forecast.residency = residency_of(forecast.functions);
  ANEMONE_RETURN_IF_ERROR(add_decoding(model, chip, options, forecast));
  return forecast;
}

}  // namespace

std::string_view to_string(Unit unit) {
  static constexpr std::array<std::string_view, 3> kNames = {"cpu", "gpu", "neural_engine"};
  return kNames[static_cast<size_t>(unit)];
}

Result<Forecast> forecast(const std::filesystem::path& path, const ForecastOptions& options) {
  ANEMONE_TRY(const Chip* chip, chip_of(options));
  ANEMONE_TRY(const std::unique_ptr<ModelView> model, open_model(path));
  return forecast_model(*model, *chip, options);
}

Result<Forecast> forecast(const package::Package& package, const ForecastOptions& options) {
  ANEMONE_TRY(const Chip* chip, chip_of(options));
  return forecast_model(*view_of(package), *chip, options);
}

Result<Forecast> forecast(const ModelInMemory& model, const ForecastOptions& options) {
  ANEMONE_TRY(const Chip* chip, chip_of(options));
  return forecast_model(*view_of(model), *chip, options);
}

}  // namespace anemone::ane

#include "bench/variants.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <system_error>
#include <utility>

#include "anemone/convert.h"
#include "anemone/package.h"
#include "base/error.h"
#include "bench/scratch.h"
#include "bench/sweep.h"
#include "lm/anemone_manifest.h"
#include "lm/forms.h"

namespace anemone::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kVariant = "model_seq";

/// N of "model_seq{N}", with the extension of a package or none.
std::optional<int64_t> length_of(const fs::path& path) {
  const std::string stem = path.stem().string();
  if (!stem.starts_with(kVariant)) return {};
  int64_t length = 0;
  const char* end = stem.data() + stem.size();
  const auto [stop, error] = std::from_chars(stem.data() + kVariant.size(), end, length);
  return error == std::errc() && stop == end && length > 0 ? std::optional(length) : std::nullopt;
}

/// Core ML runs packages: where it is to run a checkpoint, all of the sweep is converted, so that
/// the configurations differ by what they say and not by their packages.
bool needs_package(const Options& options) {
  return may_use_coreml(options) &&
         (options.backend == runtime::Backend::coreml ||
          std::ranges::any_of(options.compute_units, [](const auto& u) { return u != "cpu"; }));
}

}  // namespace

Result<Variants> Variants::of(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return fail(ErrorCode::not_found, "{}: not there", path.string());
  Variants variants;
  variants.path_ = path;
  if (!fs::is_directory(path, error) || package::form_of(path)) return variants;
  for (auto entry = fs::directory_iterator(path, error);
       !error && entry != fs::directory_iterator(); entry.increment(error))
    if (const auto length = length_of(entry->path()))
      variants.by_length_.emplace(*length, entry->path());
  if (!variants.by_length_.empty())
    variants.source_ = Source::variants;
  else if (lm::is_checkpoint(path))
    variants.source_ = Source::checkpoint;
  return variants;
}

Status Variants::check_options(const Options& options) const {
  if (options.quantize.empty() || source_ == Source::checkpoint) return {};
  return with_hint(fail(ErrorCode::invalid_argument,
                        "quantize {}: a package has the weights that it has; of a checkpoint "
                        "others are converted",
                        options.quantize.front()),
                   "anemone compress makes a package of other weights");
}

Result<Variants::Choice> Variants::choose(const Configuration& configuration,
                                          const Options& options, const LogSink& log,
                                          const std::function<bool()>& go_on) {
  const bool own_prefill = !configuration.prefill_block_tokens.has_value();
  const bool own_chunks = !configuration.chunks.has_value();
  switch (source_) {
    case Source::artifact:
      return Choice{.path = path_, .single_steps = configuration.prefill_block_tokens == 0};
    case Source::variants: {
      const auto found = by_length_.lower_bound(configuration.context_tokens);
      if (found == by_length_.end())
        return fail(ErrorCode::unsupported, "the longest variant has {} positions",
                    by_length_.rbegin()->first);
      return Choice{.path = found->second, .single_steps = configuration.prefill_block_tokens == 0};
    }
    case Source::checkpoint:
      break;
  }
  if (own_chunks && configuration.quantize.empty() && !needs_package(options) &&
      (own_prefill || configuration.prefill_block_tokens == 0))
    return Choice{.path = path_,
                  .context = configuration.context_tokens,
                  .single_steps = configuration.prefill_block_tokens == 0};
  ANEMONE_TRY(auto made, convert(configuration, log, go_on));
  return Choice{.path = std::move(made),
                .converted = true,
                .single_steps = configuration.prefill_block_tokens == 0};
}

size_t Variants::number_of(const std::string& scheme) {
  return numbers_.emplace(scheme, numbers_.size()).first->second;
}

Result<fs::path> Variants::convert(const Configuration& configuration, const LogSink& log,
                                   const std::function<bool()>& go_on) {
  if (scratch_.empty()) {
    ANEMONE_TRY(scratch_, make_scratch());
  }
  const int64_t block = configuration.prefill_block_tokens.value_or(0);
  const fs::path out =
      scratch_ / fmt::format("context{}_prefill{}_chunks{}_{}", configuration.context_tokens, block,
                             configuration.chunks.value_or(0), number_of(configuration.quantize));
  std::error_code ignored;
  if (fs::exists(out, ignored)) return out;
  std::string what = fmt::format("context {}", configuration.context_tokens);
  if (configuration.prefill_block_tokens) what += fmt::format(", prefill {}", block);
  if (configuration.chunks) what += fmt::format(", chunks {}", *configuration.chunks);
  if (!configuration.quantize.empty()) what += ", quantize " + configuration.quantize;
  log(LogLevel::info, "converting the checkpoint: " + what);
  ConvertOptions conversion;
  conversion.context = configuration.context_tokens;
  if (block > 0) conversion.prefill = {block};
  conversion.no_prefill = configuration.prefill_block_tokens == 0;
  conversion.chunks = configuration.chunks;
  conversion.quantize = configuration.quantize;
  conversion.progress = [&](const Progress&) { return go_on(); };
  // What a conversion tells beside warnings would stand between the lines of the run.
  conversion.log = [&](LogLevel level, std::string_view words) {
    if (level >= LogLevel::warning) log(level, words);
  };
  auto report = anemone::convert(path_, out, conversion);
  if (report.ok()) return out;
  Error error = std::move(report).error();
  if (error.code == ErrorCode::invalid_argument) error.code = ErrorCode::unsupported;
  return error;
}

Variants::~Variants() {
  std::error_code ignored;
  if (!scratch_.empty()) fs::remove_all(scratch_, ignored);
}

Variants::Variants(Variants&& other) noexcept
    : path_(std::move(other.path_)),
      source_(other.source_),
      by_length_(std::move(other.by_length_)),
      scratch_(std::exchange(other.scratch_, {})),
      numbers_(std::move(other.numbers_)) {}

std::optional<int64_t> chunks_of(const fs::path& path) {
  std::error_code ignored;
  if (package::form_of(path)) return 1;
  if (fs::exists(path / "meta.yaml", ignored)) {
    const auto directory = package::open_anemll(path);
    return directory.ok() ? std::optional(directory->num_chunks) : std::nullopt;
  }
  if (!fs::exists(path / lm::kAnemoneManifest, ignored)) return {};
  const auto manifest = lm::read_anemone_manifest(path);
  if (!manifest.ok()) return {};
  if (!manifest->model.empty()) return 1;
  const auto decode = manifest->passes.find("decode");
  if (decode == manifest->passes.end()) return {};
  std::set<std::string> packages;
  for (const auto& stage : decode->second) packages.insert(stage.package);
  return static_cast<int64_t>(packages.size());
}

}  // namespace anemone::bench

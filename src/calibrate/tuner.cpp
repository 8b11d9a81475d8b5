#include "calibrate/tuner.h"

#include <algorithm>
#include <set>
#include <thread>

#include "base/blake3.h"
#include "base/error.h"
#include "calibrate/input_collector.h"
#include "compress/compressor.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

/// Changed with whatever changes results, so that no old one is taken for a new one.
constexpr int kMethod = 2;

Result<std::vector<fs::path>> packages_of(const fs::path& model) {
  if (package::form_of(model)) return std::vector<fs::path>{model};
  std::vector<fs::path> packages;
  std::error_code error;
  for (auto entry = fs::recursive_directory_iterator(model, error);
       !error && entry != fs::recursive_directory_iterator(); entry.increment(error))
    if (entry->is_directory(error) && package::form_of(entry->path())) {
      packages.push_back(entry->path());
      entry.disable_recursion_pending();
    }
  if (error) return fail(ErrorCode::io, "cannot list {}: {}", model.string(), error.message());
  std::ranges::sort(packages);
  return packages;
}

lm::LanguageModel::Options model_options(const Options& options, bool hash) {
  lm::LanguageModel::Options opened;
  opened.runtime = options.runtime;
  opened.hash = hash;
  return opened;
}

std::string digest_of(const Windows& windows) {
  Blake3 hash;
  for (const auto& window : windows.inputs) {
    const auto bytes = std::as_bytes(std::span(window));
    hash.update({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  return hash.finish();
}

/// Lengths of the layout plain have the same weights, of which one package runs.
void join(std::vector<WeightInputs> found, const std::string& package,
          std::map<std::string, size_t>& known, std::vector<TunedWeight>& weights) {
  for (WeightInputs& one : found) {
    const compress::Weight& weight = one.weight.weight;
    std::string digest = ResultStore::digest_of(one.dense);
    const std::string alike = fmt::format(
        "{} {} {} {} {} {} {}", digest, to_string(weight.type.dtype), weight.rows(),
        weight.columns(), weight.output_axis, weight.opset, static_cast<int>(one.weight.part));
    const auto [place, is_new] = known.try_emplace(alike, weights.size());
    if (is_new) weights.push_back({std::move(one.weight), one.dense, std::move(digest)});
    TunedWeight& tuned = weights[place->second];
    ++tuned.copies;
    tuned.is_tunable &= one.is_tunable;
    for (std::string& name : one.names) tuned.names.emplace_back(package, std::move(name));
    std::ranges::move(one.uses, std::back_inserter(tuned.uses));
    std::ranges::sort(tuned.uses);
    tuned.uses.erase(std::ranges::unique(tuned.uses).begin(), tuned.uses.end());
  }
}

}  // namespace

Result<std::unique_ptr<Tuner>> Tuner::open(const fs::path& model, const fs::path& store,
                                           int threads, const Options& options) {
  ANEMONE_TRY(const auto tokenizer, tokenizer_of(model));
  ANEMONE_TRY(const auto opened, lm::LanguageModel::open(model, model_options(options, true)));
  ANEMONE_TRY(Windows windows, windows_of(options, tokenizer, opened->info()));
  ANEMONE_TRY(ResultStore results,
              ResultStore::open(store, fmt::format("{} {} {} {}", kMethod, opened->info().hash,
                                                   digest_of(windows),
                                                   runtime::to_string(options.runtime.numerics))));
  const int all = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  std::unique_ptr<Tuner> tuner(
      new Tuner(model, std::move(results), threads > 0 ? threads : all, options));
  tuner->windows_ = std::move(windows);
  ANEMONE_TRY(const std::vector<fs::path> packages, packages_of(model));
  std::map<std::string, size_t> known;
  for (const fs::path& path : packages) {
    ANEMONE_TRY(const package::Package package, package::open(path));
    fs::path name = path == model ? path.filename() : path.lexically_relative(model);
    name.replace_extension(".mlpackage");
    join(weight_inputs(package, name.generic_string()), name.generic_string(), known,
         tuner->weights_);
  }
  for (TunedWeight& weight : tuner->weights_)
    if (!weight.is_tunable) weight.uses.clear();
  return tuner;
}

Result<std::optional<compress::Encoded>> Tuner::result(const Job& job) const {
  ANEMONE_TRY(const compress::Form form, job.scheme->form(job.weight->found.weight));
  return store_.load(key(job), form);
}

Status Tuner::round(const std::vector<Job>& jobs) {
  std::vector<Job> open;
  std::set<std::string> keys;  // of parts that hold the same the first decides
  uint64_t known_count = 0;
  for (const Job& job : jobs) {
    if (job.weight->uses.empty() || !keys.insert(key(job)).second) continue;
    ANEMONE_TRY(const auto known, result(job));
    if (known)
      ++known_count;
    else
      open.push_back(job);
  }
  if (known_count > 0 && options_.log)
    options_.log(LogLevel::info, fmt::format("{} of {} weights are rounded already", known_count,
                                             known_count + open.size()));
  if (known_count == 0 && !was_rounded_ && store_.held_results() && options_.log)
    options_.log(LogLevel::info, "nothing that an earlier run rounded fits this one");
  was_rounded_ = true;
  std::vector<Job> pass;
  std::set<std::vector<InputUse>> held;
  uint64_t bytes = 0;
  uint64_t done = jobs.size() - open.size();
  const auto run = [&]() -> Status {
    ANEMONE_RETURN_IF_ERROR(round_pass(pass, done, jobs.size()));
    done += pass.size();
    pass.clear();
    held.clear();
    bytes = 0;
    return {};
  };
  for (const Job& job : open) {
    const TunedWeight& weight = *job.weight;
    if (!held.contains(weight.uses)) {
      const uint64_t more = InputCollector::bytes_of(weight.found.weight.columns());
      if (!pass.empty() && bytes + more > options_.memory_bytes) ANEMONE_RETURN_IF_ERROR(run());
      held.insert(weight.uses);
      bytes += more;
    }
    pass.push_back(job);
  }
  return pass.empty() ? Status() : run();
}

Status Tuner::round_pass(const std::vector<Job>& jobs, uint64_t done, uint64_t total) {
  const auto collector = std::make_shared<InputCollector>(threads_);
  std::vector<std::pair<size_t, Job>> by_moment;
  for (const Job& job : jobs)
    by_moment.emplace_back(collector->add(job.weight->uses, job.weight->found.weight.columns()),
                           job);
  {
    lm::LanguageModel::Options observed = model_options(options_, false);
    observed.runtime.observer = collector;
    ANEMONE_TRY(const auto model, lm::LanguageModel::open(model_, observed));
    ANEMONE_RETURN_IF_ERROR(run_windows(*model, windows_, options_.progress));
  }
  std::ranges::stable_sort(by_moment, {}, &std::pair<size_t, Job>::first);
  std::unique_ptr<const compress::Compensation> inputs;
  size_t current = 0;
  for (const auto& [moment, job] : by_moment) {
    const compress::FoundWeight& weight = job.weight->found;
    if (options_.progress && !options_.progress({"round", done, total, "weights", weight.name}))
      return fail(ErrorCode::interrupted, "interrupted");
    ++done;
    if (collector->moment(moment).tokens == 0) continue;
    if (inputs == nullptr || moment != current) {
      inputs.reset();
      inputs = std::make_unique<compress::Compensation>(collector->moment(moment), threads_);
      current = moment;
    }
    const Tensor& dense = job.weight->dense;
    ANEMONE_RETURN_IF_ERROR(
        compress::check_finite(dense).in(fmt::format("weight '{}'", weight.name)));
    const auto encoded = job.scheme->encode_for(weight.weight, dense, *inputs, threads_);
    if (!encoded) continue;
    ANEMONE_RETURN_IF_ERROR(store_.save(key(job), *encoded));
  }
  return {};
}

}  // namespace anemone::calibrate

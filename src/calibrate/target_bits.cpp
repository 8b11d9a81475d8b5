#include "calibrate/target_bits.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/error.h"
#include "calibrate/compare.h"
#include "calibrate/option_losses.h"
#include "convert/partial_folder.h"

namespace anemone::calibrate {
namespace {

namespace fs = std::filesystem;

constexpr size_t kProbes = 2;  ///< the first schemes, whose effect is measured: 2 and 3 bits.
constexpr double kBitsOfByte = 8;
constexpr size_t kUntuned = 3;  ///< that of weights of which calibration says nothing: of 6 bits.
constexpr size_t kMostKinds = 16;      ///< of a part: names beyond them do not tell kinds apart.
constexpr size_t kProbeWindows = 128;  ///< of the text, that an effect is measured on at most.

/// What a weight may be stored as: by each scheme, or by `kUntuned` alone.
struct Row {
  const TunedWeight* weight = nullptr;
  bool is_tuned = false;
  std::vector<Option> options;
};

Result<Row> row_of(const TunedWeight& weight, bool is_tuned) {
  Row row{&weight, is_tuned, {}};
  for (size_t s = 0; s < target_schemes().size(); ++s) {
    auto form = target_schemes()[s].scheme(weight.found.part)->form(weight.found.weight);
    if (!form.ok())
      return std::move(form).in(fmt::format("weight '{}'", weight.found.name)).error();
    if (is_tuned || s == kUntuned)
      row.options.push_back({form->stored_bytes() * static_cast<uint64_t>(weight.copies), 0});
  }
  return row;
}

/// Whether the text has reached the weight, by inputs whose squares are numbers: its options from
/// `first` on then get the output errors to expect.
Result<bool> read_losses(const Tuner& tuner, Row& row, size_t first) {
  if (!row.is_tuned) return false;
  for (size_t s = first; s < target_schemes().size(); ++s) {
    const compress::Scheme* scheme = target_schemes()[s].scheme(row.weight->found.part);
    ANEMONE_TRY(const auto known, tuner.result({row.weight, scheme}));
    if (!known || !known->output_error) return false;
    row.options[s].loss =
        expected_error(*known, row.weight->found.weight.columns(), tuner.tokens());
    if (!std::isfinite(row.options[s].loss)) return false;
  }
  make_monotone(row.options);
  return true;
}

void choose(const TunedWeight& weight, const compress::Scheme* scheme, Choices& choices) {
  for (const auto& [package, name] : weight.names)
    choices[{package, name, weight.found.weight.opset}] = scheme;
}

/// Weights that do the same in every layer, by their names without numbers: an error of the outputs
/// counts alike in them, and may count several times less than in others of their part.
using Kind = std::vector<Row*>;

std::vector<Kind> kinds_of(std::vector<Row>& rows) {
  std::map<compress::Part, std::map<std::string, Kind>> parts;
  for (Row& row : rows) {
    if (!row.is_tuned) continue;
    std::string name = row.weight->names[0].second;
    std::erase_if(name, [](char c) { return c >= '0' && c <= '9'; });
    parts[row.weight->found.part][name].push_back(&row);
  }
  std::vector<Kind> kinds;
  for (const auto& [part, named] : parts) {
    const size_t first = kinds.size();
    for (const auto& [name, kind] : named)
      if (kinds.size() == first || named.size() <= kMostKinds)
        kinds.push_back(kind);
      else
        kinds[first].insert(kinds[first].end(), kind.begin(), kind.end());
  }
  return kinds;
}

/// Spread over all of them.
Windows probe_windows(const Windows& all) {
  const size_t count = std::min(kProbeWindows, all.inputs.size());
  Windows taken;
  for (size_t i = 0; i < count; ++i) {
    taken.inputs.push_back(all.inputs[i * all.inputs.size() / count]);
    taken.targets.push_back(all.targets[i * all.inputs.size() / count]);
  }
  return taken;
}

/// What one unit of output error by this scheme in this kind does to what the model says: its
/// divergence from the dense model, which no error can make negative, as chance does the loss of a
/// short text.
Result<double> effect_of(const Tuner& tuner, const Windows& windows, const std::vector<Row>& rows,
                         const Kind& kind, size_t place, const fs::path& folder,
                         const CompressOptions& compress, const Options& options) {
  constexpr double kLeast = 1e-9;  ///< nats; a kind that seems to do nothing still counts.
  const compress::Scheme* scheme = target_schemes()[place].scheme(kind[0]->weight->found.part);
  double errors = 0;
  for (const Row* row : kind) errors += row->options[place].loss;
  if (errors <= 0) return 0.0;
  Choices choices;
  for (const Row& row : rows) choose(*row.weight, nullptr, choices);
  for (const Row* row : kind) choose(*row->weight, scheme, choices);
  const std::string name = kind[0]->weight->names[0].second;
  CompressOptions only = compress;
  only.quantize = target_schemes()[place].text();
  only.weight_plan = std::make_shared<StoredPlan>(tuner.store(), std::move(choices), name);
  only.overwrite = true;
  only.log = {};  // what is said of trials is not true of the result
  fs::path probe = folder / converter::PartialFolder::kProbe;
  probe += package::form_of(tuner.model()) ? "kind.mlpackage" : "kind";
  ANEMONE_RETURN_IF_ERROR(anemone::compress_model(tuner.model(), probe, only));
  const auto compared = compare_over(windows, tuner.model(), probe, options);
  std::error_code ignored;
  fs::remove_all(probe, ignored);
  if (!compared.ok()) return compared.error();
  if (options.log)
    options.log(LogLevel::info,
                fmt::format("{} weights as '{}' in {}: KL {:.5f}, loss {:.4f}, before {:.4f}",
                            kind.size(), name, scheme->text(), compared->kl_divergence,
                            compared->loss, compared->dense_loss));
  return std::max(compared->kl_divergence, kLeast) / errors;
}

double elements_of(const std::vector<Row>& rows) {
  double elements = 0;
  for (const Row& row : rows)
    elements += static_cast<double>(row.weight->found.weight.type.shape.element_count()) *
                static_cast<double>(row.weight->copies);
  return elements;
}

/// Bytes of all weights. Errors: invalid_argument (fewer than the smallest options take).
Result<uint64_t> budget_of(const std::vector<Row>& rows, double bits) {
  uint64_t least = 0;
  for (const Row& row : rows) least += std::ranges::min(row.options, {}, &Option::bytes).bytes;
  const double elements = elements_of(rows);
  const double budget = bits * elements / kBitsOfByte;
  if (budget < static_cast<double>(least))
    return fail(ErrorCode::invalid_argument,
                "target bits: {} a weight, and this model needs {:.3f} at least", bits,
                kBitsOfByte * static_cast<double>(least) / elements);
  return static_cast<uint64_t>(budget);
}

/// Of all weights in the largest scheme that each may have.
uint64_t bytes_of_last(const std::vector<Row>& rows) {
  uint64_t bytes = 0;
  for (const Row& row : rows) bytes += row.options.back().bytes;
  return bytes;
}

}  // namespace

const std::vector<compress::Spec>& target_schemes() {
  static const std::vector<compress::Spec> specs = [] {
    std::vector<compress::Spec> parsed;
    for (const char* text : {"lut2:g16", "lut3:g16", "lut4:g16", "lut6:g16", "int8:channel"}) {
      auto spec = compress::Spec::parse(text);
      ANEMONE_CHECK(spec.ok(), "a list of our own");
      parsed.push_back(*std::move(spec));
    }
    return parsed;
  }();
  return specs;
}

Result<TargetChoice> choose_schemes(Tuner& tuner, double bits, const fs::path& folder,
                                    const CompressOptions& compress, const Options& options) {
  std::vector<Row> rows;
  for (const TunedWeight& weight : tuner.weights()) {
    if (weight.found.part == compress::Part::embed) continue;
    ANEMONE_TRY(Row row, row_of(weight, !weight.uses.empty()));
    rows.push_back(std::move(row));
  }
  if (rows.empty())
    return fail(ErrorCode::invalid_argument, "{}: no weight to compress", tuner.model().string());
  ANEMONE_TRY(uint64_t budget, budget_of(rows, bits));
  const bool has_room = bytes_of_last(rows) <= budget;  // for the best of each: no choice
  const size_t first = has_room ? target_schemes().size() - 1 : 0;
  std::vector<Job> jobs;
  for (const Row& row : rows)
    for (size_t s = first; s < target_schemes().size(); ++s)
      jobs.push_back({row.weight, target_schemes()[s].scheme(row.weight->found.part)});
  ANEMONE_RETURN_IF_ERROR(tuner.round(jobs));
  for (Row& row : rows) {
    ANEMONE_TRY(const bool is_tuned, read_losses(tuner, row, first));
    if (is_tuned || !row.is_tuned) continue;
    ANEMONE_TRY(row, row_of(*row.weight, false));
  }
  ANEMONE_TRY(budget, budget_of(rows, bits));

  const Windows windows = probe_windows(tuner.windows());
  for (const Kind& kind : has_room ? std::vector<Kind>() : kinds_of(rows)) {
    std::array<double, kProbes> effects{};
    for (size_t place = 0; place < kProbes; ++place) {
      ANEMONE_TRY(effects[place],
                  effect_of(tuner, windows, rows, kind, place, folder, compress, options));
    }
    for (Row* row : kind) {
      for (size_t s = 0; s < row->options.size(); ++s)  // small errors act in proportion
        row->options[s].loss *= effects[std::min(s, kProbes - 1)];
      make_monotone(row->options);
    }
  }
  std::vector<std::vector<Option>> table;
  for (const Row& row : rows) table.push_back(row.options);
  std::vector<size_t> chosen;
  if (has_room)
    for (const auto& options_of_row : table) chosen.push_back(options_of_row.size() - 1);
  else
    chosen = allocate(table, budget);
  TargetChoice result;
  double bytes = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const TunedWeight& weight = *rows[i].weight;
    const size_t scheme = rows[i].is_tuned ? chosen[i] : kUntuned;
    choose(weight, target_schemes()[scheme].scheme(weight.found.part), result.choices);
    bytes += static_cast<double>(rows[i].options[chosen[i]].bytes);
  }
  result.bits = kBitsOfByte * bytes / elements_of(rows);
  return result;
}

}  // namespace anemone::calibrate

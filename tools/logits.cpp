#include <fmt/format.h>

#include <limits>

#include "anemone/language_model.h"
#include "anemone/npz.h"
#include "command.h"
#include "model_flags.h"
#include "output_report.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

struct Flags {
  ModelFlags model;
  std::string ids;
  std::string output;
  bool single_steps = false;
};

Result<std::vector<int32_t>> token_ids(const NamedTensor& array) {
  const Tensor& tensor = array.tensor;
  if (tensor.shape().rank() != 1 || !is_integer(tensor.dtype()))
    return Error{ErrorCode::mismatch,
                 fmt::format("{}: {} {}, expected integers [T]", array.name,
                             anemone::to_string(tensor.dtype()), tensor.shape().to_string()),
                 {},
                 {}};
  std::vector<int32_t> ids;
  ids.reserve(static_cast<size_t>(tensor.element_count()));
  for (int64_t i = 0; i < tensor.element_count(); ++i) {
    // double holds every integer of up to 32 bits; of wider ones it only tells that they are wider.
    const double value = tensor.at(i);
    if (value < 0 || value > std::numeric_limits<int32_t>::max())
      return Error{ErrorCode::mismatch,
                   fmt::format("{}: element {} is {:.0f}, no token id", array.name, i, value),
                   {},
                   {}};
    ids.push_back(static_cast<int32_t>(value));
  }
  return ids;
}

Status logits(const Flags& flags, const CommonFlags& common) {
  ANEMONE_RETURN_IF_ERROR(common.runtime_options());
  ANEMONE_TRY(const auto arrays, read_npz(flags.ids));
  OutputReport report;
  ANEMONE_TRY(const auto model, flags.model.open(common, common.json, flags.single_steps));
  report.loaded();
  const auto vocab = static_cast<size_t>(model->info().vocab_size);
  std::vector<NamedTensor> results;
  ProgressLine progress(common);
  const ProgressSink sink = progress.sink();
  for (const NamedTensor& array : arrays) {
    if (!array.name.starts_with("ids")) continue;
    ANEMONE_TRY(const auto ids, token_ids(array));
    if (static_cast<int64_t>(ids.size()) > model->info().context_length)
      return Error{ErrorCode::out_of_range,
                   fmt::format("{}: {} tokens do not fit into the context of {}", array.name,
                               ids.size(), model->info().context_length),
                   {},
                   "give fewer tokens, or a model with a longer context"};
    Tensor rows =
        Tensor::zeros(DType::fp32, {static_cast<int64_t>(ids.size()), model->info().vocab_size});
    const auto sequence = model->new_sequence();
    constexpr size_t kPieceTokens = 256;  // progress and Ctrl-C are looked at between pieces
    for (size_t start = 0; start < ids.size(); start += kPieceTokens) {
      const size_t count = std::min(kPieceTokens, ids.size() - start);
      ANEMONE_RETURN_IF_ERROR(
          model
              ->extend(*sequence, std::span(ids).subspan(start, count), lm::Rows::all,
                       rows.mutable_values<float>().subspan(start * vocab, count * vocab))
              .in(array.name));
      if (!sink({array.name, start + count, ids.size(), "tokens"}))
        return Error{ErrorCode::interrupted, "interrupted; nothing was written", {}, {}};
    }
    results.push_back({"logits" + array.name.substr(3), std::move(rows)});
  }
  print_late_notes(*model, common);
  if (results.empty())
    return Error{ErrorCode::not_found,
                 fmt::format("{}: no array named ids…", flags.ids),
                 {},
                 "arrays are ids0, ids1 …: int32 [T]"};
  report.computed();
  ANEMONE_RETURN_IF_ERROR(write_npz(flags.output, results));
  if (!common.json) return {};
  const lm::ModelInfo& info = model->info();
  return report.print({{"model", info.name},
                       {"model_hash", info.hash},
                       {"numerics", runtime::to_string(info.numerics)},
                       {"simulated", info.numerics == runtime::Numerics::ane}},
                      flags.output, results);
}

}  // namespace

Action add_logits(CLI::App& app, const CommonFlags& common) {
  auto flags = std::make_shared<Flags>();
  app.description("Logits of every position for given token ids");
  add_model_flags(app, flags->model);
  app.add_option("--ids", flags->ids, "NumPy archive: arrays idsK int32 [T]")->required();
  app.add_option("-o,--output", flags->output, "NumPy archive to write: logitsK float32 [T, V]")
      ->required();
  app.add_flag("--single-steps", flags->single_steps,
               "Carry every token by the one-token function");
  app.footer("Example: anemone logits models/anemone-tiny-anemll --ids ids.npz -o logits.npz");
  return [flags, &common] { return logits(*flags, common); };
}

}  // namespace anemone::tools

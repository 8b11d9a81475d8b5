#include "probe_side.h"

#include <algorithm>
#include <limits>

#include "anemone/npz.h"
#include "input_text.h"
#include "terminal.h"

namespace anemone::tools {
namespace {

constexpr int64_t kDefaultTokens = 32;

Error wrong(std::string message, std::string hint) {
  return Error{ErrorCode::invalid_argument, std::move(message), {}, std::move(hint)};
}

Result<std::map<std::string, std::string>> names_of(const ProbeFlags& flags) {
  std::map<std::string, std::string> names;
  for (const std::string& name : flags.names) {
    const size_t at = name.find('=');
    if (at == std::string::npos || at == 0 || at + 1 == name.size())
      return wrong("--name " + name + " is not ARRAY=POINT", "--name hidden.3=layer.2");
    names[name.substr(0, at)] = name.substr(at + 1);
  }
  return names;
}

Result<std::vector<int32_t>> ids_of_file(const std::string& file) {
  ANEMONE_TRY(const auto arrays, read_npz(file));
  for (const NamedTensor& array : arrays) {
    if (array.name != "input_ids" && array.name != "ids" && array.name != "ids0") continue;
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < array.tensor.element_count(); ++i) {
      const double id = is_integer(array.tensor.dtype()) ? array.tensor.at(i) : -1;
      if (id < 0 || id > std::numeric_limits<int32_t>::max())
        return Error{ErrorCode::mismatch, file + ": " + array.name + " are no token ids", {}, {}};
      ids.push_back(static_cast<int32_t>(id));
    }
    return ids;
  }
  return Error{ErrorCode::not_found, file + ": no array input_ids, ids or ids0", {}, {}};
}

/// Tokens that are given, or random ones of the vocabulary that both have, as many as either
/// context holds.
Result<std::vector<int32_t>> chosen_ids(const ProbeFlags& flags, const ProbeSide& model,
                                        const ProbeSide* reference) {
  if (!flags.ids.empty()) return ids_of_file(flags.ids);
  ANEMONE_TRY(lm::ModelInfo info, probe::describe_model(model.path(), model.options()));
  if (reference != nullptr && !reference->is_dump()) {
    ANEMONE_TRY(const lm::ModelInfo other,
                probe::describe_model(reference->path(), reference->options()));
    info.vocab_size = std::min(info.vocab_size, other.vocab_size);
    if (other.context_length > 0)
      info.context_length = std::min(info.context_length, other.context_length);
  }
  if (info.context_length < 1)
    return Error{ErrorCode::unsupported,
                 model.path() + ": it does not say how long its context is",
                 {},
                 "--ids FILE names the tokens"};
  const int64_t most = std::min(flags.tokens.value_or(kDefaultTokens), info.context_length);
  if (flags.text.empty()) return probe::random_ids(most, info.vocab_size, flags.seed);
  ANEMONE_TRY(const std::string text, read_text(flags.text));
  const std::string& tokenizer_at = flags.model.tokenizer;
  ANEMONE_TRY(const auto tokenizer,
              text::Tokenizer::load(tokenizer_at.empty() ? model.path() : tokenizer_at));
  ANEMONE_TRY(auto ids, tokenizer.encode(text, true));
  if (ids.empty()) return Error{ErrorCode::mismatch, flags.text + ": no tokens", {}, {}};
  ids.resize(std::min(ids.size(), static_cast<size_t>(most)));
  return ids;
}

/// The flag that says which tokens to run, if one does.
std::string naming_flag(const ProbeFlags& flags) {
  if (!flags.ids.empty()) return "--ids";
  if (!flags.text.empty()) return "--text";
  return flags.tokens ? "--tokens" : "";
}

}  // namespace

Result<ProbeSide> ProbeSide::open(const ProbeFlags& flags, const CommonFlags& common,
                                  const std::string& path) {
  ProbeSide side;
  side.path_ = path;
  ANEMONE_TRY(side.options_.runtime, common.runtime_options());
  ANEMONE_TRY(const auto names, names_of(flags));
  side.is_dump_ = probe::is_dump(path);
  if (side.is_dump_) {
    ANEMONE_TRY(side.trace_, probe::read_dump(path, names));
  }
  return side;
}

Result<ProbeSide> ProbeSide::model(const ProbeFlags& flags, const CommonFlags& common,
                                   const std::string& path) {
  ANEMONE_TRY(ProbeSide side, open(flags, common, path));
  side.options_.adapter = flags.model.adapter;
  side.options_.context = flags.model.context;
  return side;
}

Result<ProbeSide> ProbeSide::reference(const ProbeFlags& flags, const CommonFlags& common) {
  CommonFlags own = common;
  if (!flags.reference_numerics.empty()) own.numerics = flags.reference_numerics;
  return open(flags, own, flags.reference);
}

Result<const probe::Trace*> ProbeSide::trace(const std::vector<int32_t>& ids,
                                             const CommonFlags& common) {
  if (!is_dump_ && (trace_.points.empty() || trace_.ids != ids)) {
    ProgressLine progress(common);
    ANEMONE_TRY(trace_, probe::trace_model(path_, options_, ids, progress.sink()));
  }
  return &trace_;
}

Result<std::vector<int32_t>> probed_ids(const ProbeFlags& flags, const ProbeSide& model,
                                        const ProbeSide* reference) {
  const std::string named = naming_flag(flags);
  const ProbeSide* dump = model.is_dump() ? &model : nullptr;
  const bool takes_reference = reference != nullptr && reference->is_dump() &&
                               (dump == nullptr || dump->dumped_ids().empty());
  if (takes_reference) dump = reference;
  if (dump != nullptr && !dump->dumped_ids().empty()) {
    if (named.empty()) return dump->dumped_ids();
    return wrong(dump->path() + " says its token ids, so " + named + " has no say",
                 "leave " + named + " out");
  }
  const bool runs = !model.is_dump() || (reference != nullptr && !reference->is_dump());
  if (!runs) {
    if (named.empty()) return std::vector<int32_t>();
    return wrong(named + ": nothing is run, there are dumps alone", "leave " + named + " out");
  }
  if (dump != nullptr && flags.ids.empty())
    return Error{ErrorCode::mismatch,
                 dump->path() + ": no input_ids",
                 {},
                 "a dump says its token ids, or --ids does"};
  ANEMONE_TRY(auto ids, chosen_ids(flags, model, reference));
  if (ids.empty()) return wrong("no tokens to run", "give at least one");
  return ids;
}

}  // namespace anemone::tools

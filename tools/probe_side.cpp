#include "probe_side.h"

#include <algorithm>

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

Result<std::vector<int32_t>> ids_of_file(const ProbeFlags& flags) {
  ANEMONE_TRY(auto ids, probe::read_token_ids(flags.ids));
  if (flags.tokens) ids.resize(std::min(ids.size(), static_cast<size_t>(*flags.tokens)));
  return ids;
}

/// Says that fewer tokens run than were asked for.
void say_cut(int64_t run, int64_t of, const std::string& narrowest, const CommonFlags& common) {
  log_sink(common)(LogLevel::warning, fmt::format("{} of {} tokens are run: the context of {} "
                                                  "holds no more",
                                                  run, of, narrowest));
}

/// Tokens that are given, or random ones of the vocabulary that both have, as many as either
/// context holds.
Result<std::vector<int32_t>> chosen_ids(const ProbeFlags& flags, const ProbeSide& model,
                                        const ProbeSide* reference, const CommonFlags& common) {
  if (!flags.ids.empty()) return ids_of_file(flags);
  std::string narrowest = model.path();
  ANEMONE_TRY(lm::ModelInfo info, probe::describe_model(model.path(), model.options()));
  if (reference != nullptr && !reference->is_dump()) {
    ANEMONE_TRY(const lm::ModelInfo other,
                probe::describe_model(reference->path(), reference->options()));
    info.vocab_size = std::min(info.vocab_size, other.vocab_size);
    if (other.context_length > 0 && other.context_length < info.context_length) {
      info.context_length = other.context_length;
      narrowest = reference->path();
    }
  }
  if (info.context_length < 1)
    return Error{ErrorCode::unsupported,
                 model.path() + ": it does not say how long its context is",
                 {},
                 "--ids FILE names the tokens"};
  const int64_t asked = flags.tokens.value_or(kDefaultTokens);
  const int64_t most = std::min(asked, info.context_length);
  if (flags.text.empty()) {
    if (flags.tokens && most < asked) say_cut(most, asked, narrowest, common);
    return probe::random_ids(most, info.vocab_size, flags.seed);
  }
  ANEMONE_TRY(const std::string text, read_text(flags.text));
  const std::string& tokenizer_at = flags.model.tokenizer;
  ANEMONE_TRY(const auto tokenizer,
              text::Tokenizer::load(tokenizer_at.empty() ? model.path() : tokenizer_at));
  if (text.empty())
    return Error{ErrorCode::invalid_argument,
                 flags.text + ": the text is empty",
                 {},
                 "a probe needs at least one token"};
  ANEMONE_TRY(auto ids, tokenizer.encode(text, true).in(flags.text));
  if (ids.empty()) return Error{ErrorCode::invalid_argument, flags.text + ": no tokens", {}, {}};
  if (const int64_t given = std::min(asked, static_cast<int64_t>(ids.size())); most < given)
    say_cut(most, given, narrowest, common);
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
                                        const ProbeSide* reference, const CommonFlags& common) {
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
  ANEMONE_TRY(auto ids, chosen_ids(flags, model, reference, common));
  if (ids.empty()) return wrong("no tokens to run", "give at least one");
  return ids;
}

}  // namespace anemone::tools

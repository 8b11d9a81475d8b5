#include "serve/documents/answer_fields.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace anemone::serve {
namespace {

constexpr int64_t kMostChoices = 16;
constexpr int64_t kMostTokens = int64_t{1} << 31;
constexpr size_t kMostStops = 16;

void read_sampling(Fields& fields, generate::Sampling& sampling) {
  const auto number = [&](std::string_view name, double& value, double least, double most) {
    value = fields.number(name, least, most).value_or(value);
  };
  constexpr double kLeastShare = std::numeric_limits<double>::min();
  number("temperature", sampling.temperature, 0, 2);
  number("top_p", sampling.top_p, kLeastShare, 1);
  number("min_p", sampling.min_p, 0, 1);
  number("typical_p", sampling.typical_p, kLeastShare, 1);
  number("repetition_penalty", sampling.repetition_penalty, 0.01, 100);
  number("presence_penalty", sampling.presence_penalty, -2, 2);
  number("frequency_penalty", sampling.frequency_penalty, -2, 2);
  // -1 is how others say "all".
  if (const auto top_k = fields.whole("top_k", -1, kMostTokens))
    sampling.top_k = std::max<int64_t>(*top_k, 0);
  const auto seed = fields.whole("seed", std::numeric_limits<int64_t>::min(),
                                 std::numeric_limits<int64_t>::max());
  if (seed) sampling.seed = static_cast<uint64_t>(*seed);
}

void read_bias(Fields& fields, generate::Sampling& sampling) {
  const Json* const object = fields.find("logit_bias");
  if (object == nullptr) return;
  if (!object->is_object()) return fields.fault("logit_bias", "is no object of token ids");
  for (const auto& [name, value] : object->items()) {
    generate::TokenBias bias;
    const char* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data(), end, bias.token);
    if (read.ec != std::errc() || read.ptr != end)
      return fields.fault("logit_bias", fmt::format("has the key '{}', expected token ids", name));
    if (!value.is_number() || !(value.get<double>() >= -100 && value.get<double>() <= 100))
      return fields.fault("logit_bias",
                          fmt::format("of {} is no number from -100 to 100", bias.token));
    bias.bias = value.get<float>();
    sampling.logit_bias.push_back(bias);
  }
}

void read_stop(Fields& fields, std::vector<std::string>& stop) {
  const Json* const value = fields.find("stop");
  if (value == nullptr) return;
  stop.clear();
  const Json list = value->is_array() ? *value : Json::array({*value});
  if (list.size() > kMostStops)
    return fields.fault("stop",
                        fmt::format("has {} texts, at most {} are taken", list.size(), kMostStops));
  for (const Json& text : list) {
    if (!text.is_string() || text.get_ref<const std::string&>().empty())
      return fields.fault("stop", "is neither a text nor a list of texts, none of them empty");
    stop.push_back(text.get<std::string>());
  }
}

void read_stream(Fields& fields, AnswerFields& answer) {
  answer.streams = fields.truth("stream", false);
  const Json* const options = fields.find("stream_options");
  if (options == nullptr) return;
  if (!answer.streams) return fields.fault("stream_options", "is given without stream");
  Fields own(*options, "stream_options.");
  answer.include_usage = own.truth("include_usage", false);
  own.ignore({"include_obfuscation"});
  if (const Status status = own.finish(); !status.ok())
    fields.fault("stream_options", status.error().to_string());
}

}  // namespace

generate::Options AnswerFields::of_choice(int64_t choice) const {
  generate::Options own = options;
  // Far apart, so that no choice is the first one of a seed close by.
  own.sampling.seed += static_cast<uint64_t>(choice) * 0x9e3779b97f4a7c15;
  return own;
}

AnswerFields read_answer_fields(Fields& fields, const generate::Options& defaults,
                                std::initializer_list<std::string_view> length) {
  AnswerFields answer;
  answer.options = defaults;
  read_sampling(fields, answer.options.sampling);
  read_bias(fields, answer.options.sampling);
  read_stop(fields, answer.options.stop);
  read_stream(fields, answer);
  answer.choices = fields.whole("n", 1, kMostChoices).value_or(1);
  for (const std::string_view name : length) {
    const auto most = fields.whole(name, 0, kMostTokens);
    if (most && answer.max_tokens && *most != *answer.max_tokens)
      fields.fault(name, fmt::format("is {}, and {} is {}: both mean the same, give one", *most,
                                     *length.begin(), *answer.max_tokens));
    if (!answer.max_tokens) answer.max_tokens = most;
  }
  return answer;
}

}  // namespace anemone::serve

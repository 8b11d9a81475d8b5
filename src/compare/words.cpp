#include "anemone/compare.h"

namespace anemone::compare {

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::evaluation:
      return "evaluation";
    case Kind::bench:
      return "bench";
    case Kind::probe:
      return "probe";
    case Kind::check:
      return "check";
    case Kind::figures:
      return "figures";
    case Kind::samples:
      return "samples";
  }
  return "unknown";
}

const char* to_string(Unit unit) {
  switch (unit) {
    case Unit::none:
      return "";
    case Unit::bytes:
      return "bytes";
    case Unit::seconds:
      return "s";
    case Unit::tokens_per_second:
      return "tokens/s";
    case Unit::share:
      return "share";
    case Unit::joules:
      return "J";
    case Unit::nats:
      return "nats";
  }
  return "";
}

const char* to_string(Method method) {
  switch (method) {
    case Method::none:
      return "none";
    case Method::mcnemar:
      return "mcnemar";
    case Method::paired_t:
      return "paired_t";
    case Method::bootstrap:
      return "bootstrap";
    case Method::unpaired:
      return "unpaired";
  }
  return "unknown";
}

const char* to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::better:
      return "better";
    case Verdict::worse:
      return "worse";
    case Verdict::differs:
      return "differs, direction unknown";
    case Verdict::same:
      return "no difference shown";
    case Verdict::unknown:
      return "not tested";
  }
  return "unknown";
}

Input parse_input(std::string_view word) {
  std::error_code code;
  const size_t cut = word.find('=');
  if (cut == std::string_view::npos || std::filesystem::exists(word, code)) return {"", word};
  return {std::string(word.substr(0, cut)), word.substr(cut + 1)};
}

}  // namespace anemone::compare

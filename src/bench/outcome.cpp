#include "anemone/bench.h"

namespace anemone::bench {

const char* to_string(Outcome outcome) {
  switch (outcome) {
    case Outcome::measured:
      return "measured";
    case Outcome::interrupted:
      return "interrupted";
    case Outcome::not_available:
      return "not available";
    case Outcome::failed:
      return "failed";
    case Outcome::not_reached:
      return "not reached";
  }
  return "unknown";
}

}  // namespace anemone::bench

#pragma once

#include <span>
#include <string>
#include <string_view>

namespace anemone::generate {

/// Finds stop texts in a stream of pieces, also where one spans several pieces, and holds back what
/// may be the beginning of one.
class StopText {
 public:
  /// `stops` must outlive this; empty texts never match.
  explicit StopText(std::span<const std::string> stops) : stops_(stops) {}

  struct Step {
    std::string ready;   ///< text that no stop text can take back any more.
    bool found = false;  ///< a stop text ended the stream; `ready` ends before it.
  };
  /// After a find, feed nothing more.
  Step feed(std::string_view piece);
  /// What was held back, when the stream ends without a find.
  std::string finish();

 private:
  std::span<const std::string> stops_;
  std::string held_;
};

}  // namespace anemone::generate

#pragma once

#include <map>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "calibrate/weight_inputs.h"
#include "compress/second_moment.h"

namespace anemone::calibrate {

/// Sums the second moments of values while a model runs.
class InputCollector final : public runtime::Observer {
 public:
  explicit InputCollector(int threads) : threads_(threads) {}

  /// Values that make one moment of `size` channels; weights that are multiplied with the same
  /// values share it. Returns its number.
  size_t add(const std::vector<InputUse>& uses, int64_t size);
  /// Bytes of one moment, and of what is made of it.
  static uint64_t bytes_of(int64_t size);

  const compress::SecondMoment& moment(size_t number) const { return moments_[number]; }

  std::vector<std::string> wanted(const package::Package& package,
                                  std::string_view function) override;
  Status observe(const runtime::Observation& seen) override;

 private:
  struct Target {
    size_t moment = 0;
    size_t axis_from_end = 1;
    auto operator<=>(const Target&) const = default;
  };
  using Key = std::tuple<std::string, std::string, std::string>;  ///< package, function, value.

  int threads_;
  std::vector<compress::SecondMoment> moments_;
  std::map<std::vector<InputUse>, size_t> numbers_;
  std::map<Key, std::vector<Target>> targets_;
  std::vector<float> rows_;
};

}  // namespace anemone::calibrate

#pragma once

#include <filesystem>
#include <string>

#include "compress/weight_plan.h"

namespace anemone::calibrate {

/// Weights that were rounded, in a folder, each under the digest of all that it was made of.
class ResultStore {
 public:
  /// Makes the folder where it is not there. `origin` says what else results depend on: the model,
  /// the text and the settings. Errors: io.
  static Result<ResultStore> open(const std::filesystem::path& folder, std::string origin);

  /// Of what a weight holds.
  static std::string digest_of(const Tensor& dense);
  /// Of a weight by that, whatever its name.
  std::string key(const compress::Weight& weight, const compress::Scheme& scheme,
                  std::string_view digest) const;
  /// Nothing where there is none, or none that is whole.
  Result<std::optional<compress::Encoded>> load(const std::string& key,
                                                const compress::Form& form) const;
  /// Whether results lay in the folder when it was opened.
  bool held_results() const { return held_results_; }
  /// Appears whole or not at all. Errors: io.
  Status save(const std::string& key, const compress::Encoded& encoded) const;

 private:
  ResultStore(std::filesystem::path folder, std::string origin, bool held_results)
      : folder_(std::move(folder)), origin_(std::move(origin)), held_results_(held_results) {}
  std::filesystem::path folder_;
  std::string origin_;
  bool held_results_ = false;
};

}  // namespace anemone::calibrate

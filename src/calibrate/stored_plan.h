#pragma once

#include <map>
#include <memory>
#include <tuple>

#include "base/error.h"
#include "calibrate/result_store.h"

namespace anemone::calibrate {

/// How every weight but the embedding is stored, by package, name and opset: one that functions for
/// two systems share is stored for each. Null: it stays dense.
using Choices = std::map<std::tuple<std::string, std::string, int>, const compress::Scheme*>;

/// Weights as the store has them; and schemes that were chosen one by one.
class StoredPlan final : public compress::WeightPlan {
 public:
  explicit StoredPlan(ResultStore store) : store_(std::move(store)) {}
  /// `text` is what the result says of itself in place of its spec.
  StoredPlan(ResultStore store, Choices choices, std::string text)
      : store_(std::move(store)), choices_(std::move(choices)), text_(std::move(text)) {}

  Result<const compress::Scheme*> scheme(std::string_view package,
                                         const compress::FoundWeight& weight,
                                         const compress::Scheme* of_part) const override {
    if (text_.empty()) return of_part;
    if (weight.part == compress::Part::embed) return nullptr;
    const auto found = choices_.find({std::string(package), weight.name, weight.weight.opset});
    if (found != choices_.end()) return found->second;
    return fail(ErrorCode::mismatch, "nothing was chosen for the weight '{}' of '{}'", weight.name,
                package);
  }
  Result<std::optional<compress::Encoded>> encoded(const compress::Weight& weight,
                                                   const compress::Scheme& scheme,
                                                   const Tensor& dense) const override {
    ANEMONE_TRY(const compress::Form form, scheme.form(weight));
    return store_.load(store_.key(weight, scheme, ResultStore::digest_of(dense)), form);
  }
  std::string text() const override { return text_; }

 private:
  ResultStore store_;
  Choices choices_;
  std::string text_;
};

}  // namespace anemone::calibrate

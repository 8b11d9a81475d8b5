#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "convert/plan.h"

/// What the directories that ANEMLL's tools load have in common, chunked or monolithic.
namespace anemone::converter {

/// What ANEMLL does with a family. Source: its converters, version 0.3.5.
struct AnemllFamily {
  /// What leaves `prefill` of a monolith.
  enum class Prefill : uint8_t { all_logits, last_logits, last_hidden };

  std::string_view architecture;
  std::string_view prefix;   ///< of file names.
  int64_t head_parts;        ///< that the head is cut into.
  int64_t least_state_rows;  ///< of the cache.
  Prefill monolith_prefill;
  bool rotates = false;  ///< windowed layers have a cache of their own.
};

struct AnemllForm {
  const Source& source;
  const Settings& settings;
  const AnemllFamily& family;
  int64_t window;  ///< of the layers that have a cache of their own; 0: none.
  int64_t block;   ///< tokens of `prefill`.

  /// Errors: unsupported (a family without such tools), invalid_argument (dtype, blocks).
  static Result<AnemllForm> make(const Source& source, const Settings& settings);

  /// "qwen_lm_head_lut6" where that part of the model has palettes.
  std::string file(std::string_view name, compress::Part part) const;
  /// `name`: of the file; `words`: what it is.
  PlannedPackage start(const std::string& name, std::string_view words, compress::Part part) const;

  /// Palettes of a part of the model, if it has them.
  std::optional<compress::PaletteSize> lut(compress::Part part) const;
  /// Lines of meta.yaml: bits (or none) under `key`, and how many output channels share a table.
  std::string lut_lines(std::string_view key, compress::Part part) const;

  /// A function without embedding, layers, norm and head over a cache of the whole model.
  models::FunctionSpec spec() const;

  std::vector<int64_t> head_sizes() const;
  void describe_head(PlannedPackage& planned) const;

  /// Manifest and the files beside the packages. `kind`: last line of the description;
  /// `parameters`, `last_parameters`: lines of meta.yaml before and after those of the head.
  void finish(Plan& plan, std::string_view kind, std::string_view parameters,
              std::string_view last_parameters) const;

 private:
  std::string meta(std::string_view kind, std::string_view parameters) const;
  std::string config() const;
};

/// One package from tokens to logits, or to the arg max of each part of the head.
Result<Plan> plan_anemll_monolith(const AnemllForm& form);

}  // namespace anemone::converter

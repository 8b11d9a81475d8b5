#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "anemone/bench.h"
#include "anemone/result.h"

namespace anemone::bench {

/// Where the model of a configuration comes from.
enum class Source : uint8_t {
  artifact,    ///< one model for all.
  variants,    ///< a folder with a `model_seq{N}` for each context.
  checkpoint,  ///< built in memory for each context, or converted for each configuration.
};

/// Finds, builds and keeps the models of a sweep.
class Variants {
 public:
  /// Errors: not_found (nothing is there).
  static Result<Variants> of(const std::filesystem::path& path);

  Source source() const { return source_; }

  struct Choice {
    std::filesystem::path path;
    int64_t context = 0;  ///< of a checkpoint in memory: what to open it with.
    bool converted = false;
    bool single_steps = false;  ///< every token by the one-token function.
  };
  /// What makes no sense for a model of this source. Errors: invalid_argument (other weights of
  /// what is no checkpoint).
  Status check_options(const Options& options) const;

  /// The model that a configuration runs on. Converts where the options ask for it, as long as
  /// `go_on` says so. The folder with what is converted is removed with this object. Errors:
  /// unsupported (this model has no such form: the configuration is not available), those of
  /// converting, interrupted.
  Result<Choice> choose(const Configuration& configuration, const Options& options,
                        const LogSink& log, const std::function<bool()>& go_on);

  ~Variants();
  Variants(Variants&& other) noexcept;
  Variants& operator=(Variants&&) = delete;

 private:
  Variants() = default;
  Result<std::filesystem::path> convert(const Configuration& configuration, const LogSink& log,
                                        const std::function<bool()>& go_on);

  /// Stands for a scheme in the name of a folder.
  size_t number_of(const std::string& scheme);

  std::filesystem::path path_;
  Source source_ = Source::artifact;
  std::map<int64_t, std::filesystem::path> by_length_;
  std::filesystem::path scratch_;  ///< empty until something is converted.
  std::map<std::string, size_t> numbers_;
};

/// Chunks of layers that a model's packages divide it into; nothing: its form does not say.
std::optional<int64_t> chunks_of(const std::filesystem::path& path);

}  // namespace anemone::bench

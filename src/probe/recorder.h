#pragma once

#include <map>
#include <string>
#include <vector>

#include "anemone/model.h"
#include "probe/structure.h"

namespace anemone::probe {

/// Keeps the values of points while a model runs, whatever packages and functions it has. A pass is
/// one run through all of them; layers are counted in the order in which they run.
class Recorder final : public runtime::Observer {
 public:
  /// Forgets what was seen since the last pass, and expects one of `rows` tokens.
  void begin_pass(int64_t rows);
  /// Names what the pass has seen and appends its first rows to the points.
  void end_pass();
  /// fp32 [T, C] each, of all passes; points that some pass had no rows of are left out.
  std::vector<NamedTensor> points() const;

  std::vector<std::string> wanted(const package::Package& package,
                                  std::string_view function) override;
  Status observe(const runtime::Observation& seen) override;

 private:
  struct Run {
    std::string key;                     ///< of the package and its function.
    std::map<std::string, Tensor> seen;  ///< by value; in rows.
  };
  struct Point {
    int64_t rows = 0;
    int64_t channels = 0;
    std::vector<float> values;
  };
  static std::string key_of(const package::Package& package, std::string_view function);
  void keep(const std::string& name, const Run& run, const std::string& value);

  std::map<std::string, Structure> structures_;
  std::map<std::string, std::map<std::string, std::optional<size_t>>> axes_;  ///< by key and value.
  std::vector<Run> runs_;
  std::vector<std::string> order_;
  std::map<std::string, Point> points_;
  int64_t pass_rows_ = 0;
  int64_t rows_ = 0;
};

}  // namespace anemone::probe

#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "anemone/model.h"
#include "anemone/simulate.h"

namespace anemone::simulate {

/// Watches the fp16 values of all functions that run. One thread at a time.
class RangeObserver final : public runtime::Observer {
 public:
  /// What is seen next belongs to this token.
  void begin_token(int64_t token) { token_ = token; }
  /// Ranges of all that was seen; the rest of the report stays.
  void write(Report& report) const;

  std::vector<std::string> wanted(const package::Package& package,
                                  std::string_view function) override;
  Status observe(const runtime::Observation& seen) override;

 private:
  struct Activation {
    std::string operand;
    Saturation seen;
  };
  struct Watch {
    const mil::Function* function = nullptr;
    std::string package;
    std::vector<std::string> wanted;
    std::unordered_map<std::string_view, size_t> makers;  ///< operations of the outermost block.
    std::map<std::string, Peak, std::less<>> peaks;       ///< by value.
    std::vector<std::string> stream;                      ///< values, in order.
    std::vector<Activation> activations;
    std::vector<std::pair<size_t, std::string>> parts;  ///< operations before the index are of it.
    std::set<std::string, std::less<>> infinite;        ///< values of the run under way.
    size_t first_layer = 0;
    size_t layers = 0;
    bool is_placed = false;
  };

  void find_stream(Watch& watch) const;
  Origin origin_of(const Watch& watch, std::string_view value) const;
  bool has_infinite_operand(const Watch& watch, const mil::Operation& operation) const;
  void place(Watch& watch);

  std::map<std::string, Watch> watches_;  ///< by package and function.
  std::vector<Watch*> order_;             ///< in which they ran first.
  std::vector<Overflow> overflows_;
  std::map<std::pair<const Watch*, std::string>, size_t> overflow_of_;
  std::optional<std::pair<const Watch*, std::string>> first_unsafe_;
  int64_t token_ = 0;
};

}  // namespace anemone::simulate

#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
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
  /// States are empty from here on.
  void begin_sequence() { infinite_states_.clear(); }
  /// What is seen next belongs to this token, none: to no single one, and passes through all layers
  /// once. What is seen before the first pass is of no text and not counted.
  void begin_pass(std::optional<int64_t> token);
  /// Whether an operation that computes in fp16 was seen.
  bool saw_fp16() const { return saw_fp16_; }
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
  /// "embedding", or a part of a layer of this function.
  struct Part {
    std::optional<size_t> layer;
    std::string name;  ///< behind the layer's.
  };
  struct Watch {
    const mil::Function* function = nullptr;
    std::string path;     ///< of the package.
    std::string package;  ///< file name.
    std::vector<std::string> wanted;
    std::unordered_map<std::string_view, size_t> makers;  ///< operations of the outermost block.
    std::vector<bool> constant;                           ///< operations that no input changes.
    std::map<std::string, Part, std::less<>> stream;      ///< by value.
    std::vector<Activation> activations;                  ///< in order.
    std::set<std::string, std::less<>> activated;         ///< their operands.
    std::vector<std::pair<size_t, Part>> parts;   ///< operations before the index are of it.
    std::set<std::string, std::less<>> infinite;  ///< values of the run under way.
    std::map<std::string, std::set<std::string>, std::less<>> feeds;  ///< states, by value.
    int64_t pass = 0;                                                 ///< the last that it ran in.
    size_t first_layer = 0;                                           ///< in that pass.
    size_t layers = 0;
  };

  void find_stream(Watch& watch) const;
  void find_feeds(Watch& watch) const;
  std::string name_of(const Watch& watch, const Part& part) const;
  Origin origin_of(const Watch& watch, std::string_view value) const;
  /// Names and immediate values that `operation` takes, through all that only hands them on;
  /// stops where `visit` returns true, and tells whether it did.
  template <typename Visit>
  static bool trace(const Watch& watch, const mil::Operation& operation, const Visit& visit);
  bool has_infinite_operand(const Watch& watch, const mil::Operation& operation) const;
  void place(Watch& watch);
  void note_stream(const Watch& watch, std::string_view value, uint16_t bits);
  void note_activations(Watch& watch, std::string_view value, std::span<const uint16_t> values,
                        uint16_t bits) const;
  void note_infinite(Watch& watch, const std::string& value);

  std::map<std::string, Watch> watches_;  ///< by package and function.
  std::vector<const Watch*> order_;       ///< in which they ran first.
  std::vector<Peak> stream_;
  std::vector<Overflow> overflows_;
  std::map<std::pair<const Watch*, std::string>, size_t> overflow_of_;
  std::set<std::string> infinite_states_;  ///< by package and name, since the sequence began.
  std::optional<size_t> first_unsafe_;
  std::optional<int64_t> token_;
  int64_t pass_ = 0;
  size_t next_layer_ = 0;  ///< of the pass under way.
  bool saw_fp16_ = false;
};

}  // namespace anemone::simulate

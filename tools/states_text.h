#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "anemone/state_report.h"

namespace anemone::tools {

std::string human_bytes(uint64_t bytes);

nlohmann::ordered_json states_json(const runtime::StateReport& report);
/// Lines of a package, without its name.
std::string states_text(const runtime::StateReport& report);

/// What calls of one function of all packages of a model move together.
class StateTotals {
 public:
  void add(const runtime::StateReport& report);
  nlohmann::ordered_json json() const;
  std::string text() const;

 private:
  struct Function {
    runtime::StateTraffic counted;
    runtime::StateTraffic counted_empty;
    bool of_any_call = true;  ///< the sizes of no function's inputs are open.
  };
  /// A state of one name, which packages share if they mean the same.
  struct Shared {
    uint64_t size_bytes = 0;  ///< the most that one of them declares.
    std::set<std::string> layouts;
  };
  uint64_t size_bytes() const;

  std::map<std::string, Shared> states_;
  std::map<std::string, Function> functions_;
};

}  // namespace anemone::tools

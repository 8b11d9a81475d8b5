#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

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
    std::vector<runtime::Model::InputShape> shapes;  ///< of inputs that may have several.
    /// Of large shapes, and of packages whose inputs have but one; none: a call of these failed.
    std::optional<runtime::CallStates> large = runtime::CallStates();
    bool has_large() const { return large && !shapes.empty(); }
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

#pragma once

#include <optional>
#include <string>

#include "anemone/probe.h"

namespace anemone::tools {

/// What a report is about.
struct ProbeSubject {
  std::string model;
  std::string reference;
  size_t tokens = 0;  ///< 0: two dumps that do not say.
  probe::Tolerance tolerance;
  bool bisected = false;
  bool simulated = false;                          ///< a side runs in Numerics::ane.
  std::optional<probe::OperationError> operation;  ///< of --bisect.
};

/// A table and what follows from it.
std::string probe_text(const probe::Report& report, const ProbeSubject& subject);
/// The same as one JSON document, with the keys of docs/probe.md. What is not finite is null.
std::string probe_json(const probe::Report& report, const ProbeSubject& subject);

}  // namespace anemone::tools

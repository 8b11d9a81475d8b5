#pragma once

#include <string>

namespace anemone::ane {

/// The text of docs/ane-model.md: the points, the predictions with and without each chip, the
/// constants and what they leave out. Depends on nothing but the lists of this folder.
std::string model_document();

}  // namespace anemone::ane

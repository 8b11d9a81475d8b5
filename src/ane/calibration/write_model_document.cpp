#include <cstdio>

#include "ane/calibration/model_document.h"

/// `make ane-model`: prints docs/ane-model.md.
int main() {
  const std::string text = anemone::ane::model_document();
  return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() ? 0 : 1;
}

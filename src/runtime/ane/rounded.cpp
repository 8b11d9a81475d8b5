#include "runtime/ane/halves.h"

namespace anemone::runtime {

std::unique_ptr<Binding> bind_ane_rounded(const BindRequest& request) {
  return is_all_fp16(request) ? bind_reference(request, false) : nullptr;
}

}  // namespace anemone::runtime

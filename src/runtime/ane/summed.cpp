#include "runtime/ane/halves.h"

namespace anemone::runtime {

std::unique_ptr<Binding> bind_ane_summed(const BindRequest& request) {
  return computes_in_fp16(request) ? bind_reference(request, true) : nullptr;
}

}  // namespace anemone::runtime

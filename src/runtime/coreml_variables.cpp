#include <array>
#include <cstdlib>

#include "anemone/coreml.h"

namespace anemone::runtime {
namespace {

struct Wanted {
  const char* name;
  const char* value;
  const char* effect;
  bool concerns_coreml;
};

constexpr std::array kWanted = {
    Wanted{"COREML_PARTITION_LOADER_DISABLE_MULTI_ENGINE", "1",
           "Core ML loads the parts of a model one after the other (a hint that Apple does not "
           "document)",
           true},
    Wanted{"TOKENIZERS_PARALLELISM", "false", "tokenizers of Python start no threads of their own",
           false},
};

}  // namespace

std::vector<CoremlVariable> coreml_variables() {
  std::vector<CoremlVariable> variables;
  for (const Wanted& wanted : kWanted) {
    const char* found = std::getenv(wanted.name);
    variables.push_back({wanted.name, wanted.value, found == nullptr ? "" : found, wanted.effect,
                         wanted.concerns_coreml});
  }
  return variables;
}

void set_coreml_variables() {
  for (const Wanted& wanted : kWanted) setenv(wanted.name, wanted.value, 0);
}

}  // namespace anemone::runtime

// write_part_of MODEL OUT LAYERS UNITS: the checkpoint MODEL with its first LAYERS, and of their
// MLPs the first UNITS.

#include <cstdlib>

#include "support/part_of_checkpoint.h"

int main(int count, char** arguments) {
  if (count != 5) return 2;
  anemone::test::write_part_of(arguments[1], arguments[2],
                               static_cast<size_t>(std::atoi(arguments[3])),
                               static_cast<size_t>(std::atoi(arguments[4])));
}

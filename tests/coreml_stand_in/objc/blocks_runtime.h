#pragma once

// What Foundation's headers of GNUstep ask for; the blocks runtime itself is a library of its own.
#include <Block.h>

#pragma once

#import <Foundation/Foundation.h>

namespace anemone::stand_in {

/// Runs the block on another thread, as the framework calls its completion handlers.
void run_elsewhere(void (^block)(void));

}  // namespace anemone::stand_in

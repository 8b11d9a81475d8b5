#include "coreml_stand_in/elsewhere.h"

#import <Block.h>

@interface StandInErrand : NSObject {
 @public
  void (^block_)(void);
}
@end

@implementation StandInErrand
- (void)run:(id)unused {
  (void)unused;
  @autoreleasepool {
    block_();
  }
}
- (void)dealloc {
  Block_release(block_);
  [super dealloc];
}
@end

namespace anemone::stand_in {

void run_elsewhere(void (^block)(void)) {
  StandInErrand* const errand = [[StandInErrand alloc] init];
  errand->block_ = Block_copy(block);
  [NSThread detachNewThreadSelector:@selector(run:) toTarget:errand withObject:nil];
  [errand release];  // the thread retains it.
}

}  // namespace anemone::stand_in

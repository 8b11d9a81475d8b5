#pragma once

#import <CoreML/CoreML.h>

#include <vector>

#include "anemone/tensor.h"
#include "coreml_stand_in/stand_in.h"

@interface MLMultiArray (StandIn)
/// With the rows padded as Orders say.
- (instancetype)initPaddedLike:(const anemone::Tensor&)tensor;
/// A scalar is an array of one number.
- (BOOL)hasShapeOf:(const anemone::Tensor&)tensor;
/// The tensor has the array's shape.
- (void)take:(const anemone::Tensor&)tensor;
- (anemone::Tensor)tensor;
@end

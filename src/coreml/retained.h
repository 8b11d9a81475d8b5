#pragma once

#import <Foundation/Foundation.h>

#include <utility>

namespace anemone::coreml {

/// Holds a reference to an Objective-C object, for code that is compiled without reference counting
/// by the compiler.
template <typename T>
class Retained {
 public:
  Retained() = default;
  /// Takes over the reference of alloc, new and copy.
  static Retained adopt(T object) { return Retained(object); }
  /// Adds a reference of its own.
  static Retained share(T object) { return Retained([object retain]); }
  Retained(Retained&& other) noexcept : object_(std::exchange(other.object_, nil)) {}
  Retained& operator=(Retained&& other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Retained() { [object_ release]; }
  T get() const { return object_; }

 private:
  explicit Retained(T object) : object_(object) {}
  T object_ = nil;
};

}  // namespace anemone::coreml

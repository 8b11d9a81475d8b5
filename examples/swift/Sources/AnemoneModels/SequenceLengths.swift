import CoreML

/// How many tokens a call of a model may have.
enum SequenceLengths: Equatable {
  /// Ascending.
  case listed([Int])
  case within(ClosedRange<Int>)

  /// As the last axis of an input allows; nothing where the input has no axis.
  init?(of input: MLMultiArrayConstraint) {
    switch input.shapeConstraint.type {
    case .enumerated:
      self = .listed(input.shapeConstraint.enumeratedShapes.compactMap { $0.last?.intValue }.sorted())
    case .range:
      guard let range = input.shapeConstraint.sizeRangeForDimension.last?.rangeValue else { return nil }
      let (end, isUnbounded) = range.location.addingReportingOverflow(range.length)
      self = .within(range.location...max(range.location, isUnbounded ? Int.max : end - 1))
    default:
      guard let length = input.shape.last?.intValue else { return nil }
      self = .listed([length])
    }
  }

  /// The shortest that holds as many tokens.
  func shortest(holding tokens: Int) throws -> Int {
    switch self {
    case .listed(let lengths):
      guard let length = lengths.first(where: { $0 >= tokens }) else {
        throw ModelError.noVariant(tokens: tokens, longest: lengths.last ?? 0)
      }
      return length
    case .within(let range):
      guard tokens <= range.upperBound else {
        throw ModelError.noVariant(tokens: tokens, longest: range.upperBound)
      }
      return max(tokens, range.lowerBound)
    }
  }
}

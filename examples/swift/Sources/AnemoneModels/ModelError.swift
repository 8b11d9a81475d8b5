import Foundation

/// What can go wrong between a folder of models and their logits.
public enum ModelError: Error, Equatable, LocalizedError {
  case notFound(String)
  case noVariant(tokens: Int, longest: Int)
  case wrongInput(String)
  /// The model gave no logits, or not as many as its vocabulary has tokens.
  case invalidOutput(String)

  public var errorDescription: String? {
    switch self {
    case .notFound(let what): return "\(what) is not there"
    case .noVariant(let tokens, let longest):
      return "\(tokens) tokens are more than the longest variant takes, \(longest)"
    case .wrongInput(let what): return "the input does not fit: \(what)"
    case .invalidOutput(let what): return "the output is no logits: \(what)"
    }
  }
}

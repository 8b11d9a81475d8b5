import Foundation

/// The packages `model_seq{N}` of a folder, of which each takes N tokens.
public struct ModelFamily {
  public struct Variant: Equatable {
    public let length: Int
    public let path: String
  }

  /// The shortest first.
  public let variants: [Variant]

  public init(folder: String) throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder)
    self.init(paths: names.map { (folder as NSString).appendingPathComponent($0) })
    guard !variants.isEmpty else { throw ModelError.notFound("\(folder)/model_seq*.mlpackage") }
  }

  /// Where a package lies beside its compiled form, the compiled one counts.
  public init(paths: [String]) {
    var found: [Int: Variant] = [:]
    for path in paths.sorted() {
      let url = URL(fileURLWithPath: path)
      let name = url.deletingPathExtension().lastPathComponent
      guard ["mlpackage", "mlmodelc"].contains(url.pathExtension), name.hasPrefix("model_seq"),
        let length = Int(name.dropFirst("model_seq".count)), length > 0
      else { continue }
      if url.pathExtension == "mlmodelc" || found[length] == nil {
        if let known = found[length], known.path.hasSuffix("mlmodelc") { continue }
        found[length] = Variant(length: length, path: path)
      }
    }
    variants = found.values.sorted { $0.length < $1.length }
  }

  /// The shortest variant that holds as many tokens.
  public func variant(holding tokens: Int) throws -> Variant {
    guard let variant = variants.first(where: { $0.length >= tokens }) else {
      throw ModelError.noVariant(tokens: tokens, longest: variants.last?.length ?? 0)
    }
    return variant
  }
}

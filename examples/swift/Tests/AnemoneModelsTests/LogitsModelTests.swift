import CoreML
import XCTest

@testable import AnemoneModels

/// With packages that `scripts/apple/verify.sh` converts and names: ANEMONE_VARIANT gives logits,
/// ANEMONE_WITHOUT_LOGITS takes input_ids and gives something else.
final class LogitsModelTests: XCTestCase {
  private func package(_ variable: String) throws -> String {
    guard let path = ProcessInfo.processInfo.environment[variable] else {
      throw XCTSkip("\(variable) names no package: scripts/apple/verify.sh, step swift")
    }
    return path
  }

  func testAModelOpensByItsPathOnAllUnitsAndGivesLogits() async throws {
    let path = try package("ANEMONE_VARIANT")
    let model = try await LogitsModel(modelPath: path)
    let logits = try await model.predict(inputIDs: [5, 300, 77])
    XCTAssertEqual(logits.count, 4096)
    XCTAssertGreaterThan(Set(logits).count, 1000)
    // What lies behind the text is padding, and what lies before it counts.
    let longer = try await model.predict(inputIDs: [5, 300, 77, 9])
    XCTAssertNotEqual(longer, logits)
    let other = try await model.predict(inputIDs: [6, 300, 77])
    XCTAssertNotEqual(other, logits)
    // The same tokens are the likeliest on the CPU alone.
    let onCPU = try await LogitsModel(modelPath: path, units: .cpuOnly)
    let logitsOfCPU = try await onCPU.predict(inputIDs: [5, 300, 77])
    XCTAssertEqual(greatest(logitsOfCPU), greatest(logits))
  }

  func testMissingLogitsAreANamedError() async throws {
    let model = try await LogitsModel(modelPath: try package("ANEMONE_WITHOUT_LOGITS"))
    do {
      _ = try await model.predict(inputIDs: [5])
      XCTFail("a package without logits gave some")
    } catch let error as ModelError {
      XCTAssertEqual(error, .invalidOutput("there is no array logits"))
    }
  }

  func testAPathWithoutAModelIsANamedError() async throws {
    do {
      _ = try await LogitsModel(modelPath: "none.mlpackage")
      XCTFail("there is no such package")
    } catch let error as ModelError {
      guard case .notFound = error else { return XCTFail("\(error)") }
    }
  }
}

import XCTest

@testable import AnemoneModels

final class ModelFamilyTests: XCTestCase {
  private let family = ModelFamily(paths: [
    "m/model_seq256.mlpackage", "m/model_seq64.mlpackage", "m/model_seq64.mlmodelc",
    "m/model_seq0.mlpackage", "m/model_seqx.mlpackage", "m/tokenizer.json",
  ])

  func testTheShortestVariantThatHoldsTheTokensIsChosen() throws {
    XCTAssertEqual(family.variants.map(\.length), [64, 256])
    XCTAssertEqual(try family.variant(holding: 1).path, "m/model_seq64.mlmodelc")
    XCTAssertEqual(try family.variant(holding: 64).length, 64)
    XCTAssertEqual(try family.variant(holding: 65).length, 256)
  }

  func testMoreTokensThanAnyVariantTakesAreAnError() {
    XCTAssertThrowsError(try family.variant(holding: 257)) { error in
      XCTAssertEqual(error as? ModelError, .noVariant(tokens: 257, longest: 256))
    }
  }

  func testTheFirstOfEqualValuesIsTheGreatest() {
    XCTAssertEqual(greatest([0, 3, 1, 3]), 1)
  }
}

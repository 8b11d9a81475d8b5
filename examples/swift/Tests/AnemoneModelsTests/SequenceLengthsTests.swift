import XCTest

@testable import AnemoneModels

final class SequenceLengthsTests: XCTestCase {
  func testTheShortestLengthThatHoldsTheTokensIsTaken() throws {
    let listed = SequenceLengths.listed([1, 64])
    XCTAssertEqual(try listed.shortest(holding: 1), 1)
    XCTAssertEqual(try listed.shortest(holding: 2), 64)
    let range = SequenceLengths.within(8...100)
    XCTAssertEqual(try range.shortest(holding: 3), 8)
    XCTAssertEqual(try range.shortest(holding: 9), 9)
  }

  func testMoreTokensThanTheLongestAreAnError() {
    for lengths in [SequenceLengths.listed([1, 64]), .within(8...64)] {
      XCTAssertThrowsError(try lengths.shortest(holding: 65)) { error in
        XCTAssertEqual(error as? ModelError, .noVariant(tokens: 65, longest: 64))
      }
    }
  }
}

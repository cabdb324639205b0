// SPDX-License-Identifier: Apache-2.0

import CPLVerify
import Testing

@Suite("Shares and their intervals")
struct ObservedShareTests {
  /// The roots of (p − x)²n = z²x(1 − x), solved with Python.
  @Test(
    "the interval is Wilson's",
    arguments: [
      (8, 10, 0.4901624715366418, 0.9433178485456247), (0, 10, 0, 0.2775327998628892),
      (10, 10, 0.7224672001371114, 1), (1, 3, 0.061491944720396215, 0.7923403991979523),
      (5320, 10_000, 0.5222098529136963, 0.5417655711905804),
    ] as [(Int, Int, Double, Double)])
  func interval(hits: Int, count: Int, lower: Double, upper: Double) throws {
    let share = try #require(ObservedShare(hits: hits, of: count))
    #expect(abs(share.interval.lowerBound - lower) < 1e-12)
    #expect(abs(share.interval.upperBound - upper) < 1e-12)
    #expect(share.interval.contains(share.share))
    #expect(ObservedShare(share.share, of: count) == share, "a share as results keep it")
  }

  @Test("what is no share of images has no interval")
  func none() {
    #expect(ObservedShare(hits: 0, of: 0) == nil && ObservedShare(hits: 2, of: 1) == nil)
    #expect(ObservedShare(.nan, of: 3) == nil && ObservedShare(nil, of: 3) == nil)
    #expect(ObservedShare(1.5, of: 3) == nil && ObservedShare(0.5, of: -1) == nil)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Foundation
import Testing

@Suite("Numbers as text on one side of them")
struct DirectedTextTests {
  @Test(
    "known numbers, down and up",
    arguments: [
      (1, "1", "1"), (0, "0", "0"), (-0.0, "0", "0"), (0.1, "0.1", "0.100001"),
      (0.3, "0.299999", "0.3"), (2.0 / 3, "0.666666", "0.666667"),
      (-2.0 / 3, "-0.666667", "-0.666666"), (1.0.nextUp, "1", "1.00001"),
      (1.0.nextDown, "0.999999", "1"), (0.0001, "0.0001", "0.000100001"),
      (9.9999999e-5, "9.99999e-05", "0.0001"), (123456.5, "123456", "123457"),
      (1234567, "1.23456e+06", "1.23457e+06"), (999999.5, "999999", "1e+06"),
      (12, "12", "12"), (.leastNonzeroMagnitude, "4.94065e-324", "4.94066e-324"),
      (-.leastNonzeroMagnitude, "-4.94066e-324", "-4.94065e-324"),
      (.greatestFiniteMagnitude, "1.79769e+308", "1.7977e+308"), (.infinity, "∞", "∞"),
      (-.infinity, "−∞", "−∞"), (.nan, "–", "–"),
    ] as [(Double, String, String)])
  func known(value: Double, down: String, up: String) {
    #expect(Rounding.down.text(value, digits: 6) == down)
    #expect(Rounding.up.text(value, digits: 6) == up)
  }

  @Test("no text is on the wrong side, none is farther than a unit, none wider than its column")
  func sides() throws {
    var random = CounterRandom(seed: 3, purpose: .test)
    for index in 0..<4000 {
      let value = index % 2 == 0 ? Double(bitPattern: random.next()) : random.uniform()
      guard value.isFinite else { continue }
      let digits = 1 + index % 18
      let (down, up) = (
        Rounding.down.text(value, digits: digits), Rounding.up.text(value, digits: digits)
      )
      // Foundation's decimals have 38 digits: enough for all of these numbers' shorter texts.
      if value.magnitude > 1e-20, value.magnitude < 1e20, digits <= 15 {
        let exact = try #require(Decimal(string: String(format: "%.30f", value)))
        let (low, high) = (
          try #require(Decimal(string: down)), try #require(Decimal(string: up))
        )
        // The text of 30 decimals is off by half a unit of the last of them.
        let slack = try #require(Decimal(string: "1e-30"))
        #expect(low <= exact + slack && exact <= high + slack, "\(value): \(down), \(up)")
      }
      let (low, high) = (try #require(Double(down)), try #require(Double(up)))
      #expect(low <= value && value <= high, "\(value): \(down), \(up)")
      // A unit of the last digit, and what reading the two texts rounds.
      let unit = 1.01 * value.magnitude * pow(10, 1 - Double(digits))
      #expect(high - low <= unit + 2 * value.ulp)
      #expect(max(down.count, up.count) <= Rounding.textWidth(digits: digits), "\(down), \(up)")
    }
  }

  @Test("with all digits the text reads back as the same number, and is still on its side")
  func exact() {
    var random = CounterRandom(seed: 4, purpose: .test)
    for _ in 0..<4000 {
      let value = random.uniform() * pow(10, Double(random.below(40)) - 20)
      for side in [Rounding.down, .up] {
        #expect(Double(side.text(value, digits: Rounding.exactDigits)) == value)
      }
    }
  }
}

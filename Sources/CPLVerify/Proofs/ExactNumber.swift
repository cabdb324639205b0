// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A finite number as JSON text in hexadecimal, such as "0x1.8000000000000p+1": exact, and one text for each number.
/// It is what Python's `float.hex` writes.
package struct ExactNumber: Encodable, Equatable {
  let value: Double

  package init(_ value: Double) {
    precondition(value.isFinite, "what is claimed is finite")
    self.value = value
  }

  init(_ value: Float) { self.init(Double(value)) }

  package var text: String {
    let sign = value.sign == .minus ? "-" : ""
    guard value != 0 else { return sign + "0x0.0p+0" }
    let digits = String(value.significandBitPattern, radix: 16)
    let padded = String(repeating: "0", count: 13 - digits.count) + digits
    let exponent = value.isNormal ? Int(value.exponent) : -1022
    return "\(sign)0x\(value.isNormal ? 1 : 0).\(padded)p\(exponent < 0 ? "" : "+")\(exponent)"
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

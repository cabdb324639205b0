// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures

extension Layer {
  /// The layer as one with a capability that not every layer has.
  ///
  /// - Parameters:
  ///   - expected: the capability in words.
  ///   - layer: this layer, cast to it.
  /// - Throws: `VerificationError.invalid`, which names the layer, for one that lacks it.
  func capability<Capable>(_ expected: String, _ layer: Capable?) throws(VerificationError)
    -> Capable
  {
    guard let layer else {
      throw .invalid(what: "layer \(name)", expected: expected, found: specification.kind)
    }
    return layer
  }
}

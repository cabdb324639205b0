// SPDX-License-Identifier: Apache-2.0

/// Something that was required of an evaluation, and whether it came to that.
package struct RequirementOutcome: Encodable, Equatable, Sendable {
  /// As it was written, such as "accuracy>=0.6".
  package let requirement: String
  /// NaN where there is nothing.
  package let found: Double
  package let met: Bool

  package init(_ requirement: String, found: Double, met: Bool) {
    self.requirement = requirement
    self.found = found
    self.met = met
  }

  private enum CodingKeys: CodingKey { case requirement, found, met }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(requirement, forKey: .requirement)
    try container.encode(OrNull(number: found), forKey: .found)
    try container.encode(met, forKey: .met)
  }
}

extension RequirementOutcome: CustomStringConvertible {
  package var description: String { "\(requirement), found \(found)" }
}

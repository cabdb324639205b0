// SPDX-License-Identifier: Apache-2.0

/// A radius in pixel units ([0, 1]) as people write it: "36/255" or a decimal.
public struct Epsilon: Hashable, Sendable, CustomStringConvertible {
  /// As it was written.
  public let description: String
  /// The number itself.
  public let value: Double

  /// Reads "36/255" or "0.25"; nil for anything that is not a positive number.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let numbers = parts.compactMap { Double($0) }
    guard numbers.count == parts.count, let numerator = numbers.first else { return nil }
    value = numbers.count == 2 ? numerator / numbers[1] : numerator
    guard value.isFinite, value > 0 else { return nil }
    description = text
  }

  private init(numerator: Int) {
    description = "\(numerator)/255"
    value = Double(numerator) / 255
  }

  /// The paper's four radii: 36, 72, 108 and 255 of 255.
  public static let published = [36, 72, 108, 255].map(Epsilon.init(numerator:))
}

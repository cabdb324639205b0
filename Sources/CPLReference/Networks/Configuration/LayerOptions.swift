// SPDX-License-Identifier: Apache-2.0

import CPLDatasets

/// What a configuration may say of a layer, by the keys of its files.
public enum LayerOption: String, CaseIterable, CodingKey, Sendable {
  /// Extents of a layer's images.
  case channels, height, width, side
  /// Hidden channels or units, and the side of a kernel.
  case inner, kernel
  /// c of h = c/‖W‖².
  case stepNumerator = "step_numerator"
  /// What the layers of that name are made with.
  case padding, pooling, window, classes, terms, features
}

/// What a configuration says of one layer. The layer's kind takes from it what it knows; what is left over is a
/// mistake.
public struct LayerOptions: Equatable, Sendable {
  /// A value as it stands in a configuration.
  public enum Value: Equatable, Sendable {
    /// A whole number.
    case integer(Int)
    /// A number.
    case number(Float)
    /// A word.
    case text(String)
  }

  /// A value that is missing or of no use.
  struct Problem: Error {
    let key: LayerOption
    let expected: String
  }

  /// An option that a kind asked for, with what it got.
  struct Taken: Equatable, Sendable {
    let key: LayerOption
    let value: Value
  }

  private var given: [String: Value]
  /// What was asked for, in the order of asking, defaults among it.
  private(set) var taken: [Taken] = []
  /// Every key that was asked for.
  private(set) var known: [String] = []

  init(_ given: [String: Value]) { self.given = given }

  /// The options of one layer.
  public init(_ given: [LayerOption: Value]) {
    self.init(Dictionary(uniqueKeysWithValues: given.map { ($0.rawValue, $1) }))
  }

  /// The first key that nobody asked for.
  var leftOver: String? { given.keys.min() }

  private mutating func value(_ key: LayerOption, or value: Value?) throws -> Value? {
    known.append(key.rawValue)
    let found = given.removeValue(forKey: key.rawValue) ?? value
    if let found { taken.append(Taken(key: key, value: found)) }
    return found
  }

  /// Takes a whole number.
  public mutating func integer(_ key: LayerOption, default value: Int? = nil) throws -> Int {
    guard let number = try optionalInteger(key, default: value) else {
      throw Problem(key: key, expected: "a whole number")
    }
    return number
  }

  /// Takes a whole number that may be missing.
  public mutating func optionalInteger(_ key: LayerOption, default value: Int? = nil) throws -> Int?
  {
    switch try self.value(key, or: value.map(Value.integer)) {
    case nil: return nil
    case .integer(let number)?: return number
    default: throw Problem(key: key, expected: "a whole number")
    }
  }

  /// Takes a number.
  public mutating func number(_ key: LayerOption, default value: Float) throws -> Float {
    switch try self.value(key, or: .number(value)) {
    case .integer(let number)?: return Float(number)
    case .number(let number)?: return number
    default: throw Problem(key: key, expected: "a number")
    }
  }

  /// Takes one of a few names.
  public mutating func choice<Choice>(_ key: LayerOption, default value: Choice? = nil) throws
    -> Choice
  where Choice: CaseIterable & RawRepresentable<String> {
    if case .text(let name)? = try self.value(key, or: value.map { .text($0.rawValue) }),
      let choice = Choice(rawValue: name)
    {
      return choice
    }
    let names = Choice.allCases.map(\.rawValue).joined(separator: ", ")
    throw Problem(key: key, expected: "one of \(names)")
  }
}

/// A layer that takes something else than what stands before it gives.
public struct MisplacedLayer: Error {
  /// What would stand there.
  package let expected: String

  /// What would stand in the place, for the message.
  public init(expected: String) { self.expected = expected }
}

extension [Int] {
  /// The extents as those of an image.
  func asImage() throws -> ImageShape {
    guard count == 3 else {
      throw MisplacedLayer(expected: "a layer that takes \(self[0]) features, not images")
    }
    return ImageShape(channels: self[0], height: self[1], width: self[2])
  }

  /// The extents as a number of features.
  func asFeatures() throws -> Int {
    guard count == 1 else {
      throw MisplacedLayer(
        expected: "a layer that takes images of shape \(self), not features, or 'flatten' before it"
      )
    }
    return self[0]
  }
}

extension LayerOptions.Value: ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
  public init(integerLiteral value: Int) { self = .integer(value) }
  public init(stringLiteral value: String) { self = .text(value) }
}

extension LayerOptions.Value: Codable {
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if let integer = try? container.decode(Int.self) {
      self = .integer(integer)
    } else if let number = try? container.decode(Float.self) {
      self = .number(number)
    } else {
      self = .text(try container.decode(String.self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .integer(let integer): try container.encode(integer)
    case .number(let number): try container.encode(number)
    case .text(let text): try container.encode(text)
    }
  }
}

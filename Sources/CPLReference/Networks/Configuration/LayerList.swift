// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles

/// A network as a configuration lists it, layer by layer:
///
///     - normalize: { channels: 3, side: 32 }
///     - padding: { channels: 30 }
///     - convolution: { inner: 5, kernel: 3, repeat: 6 }
///     - norm-pool: { window: 4 }
///     - flatten
///     - last-layer-normalised: { classes: 10 }
///
/// Sizes that an entry does not state follow from the layer before it; mean and deviation are those of the
/// images that it is trained on.
public struct LayerList: Equatable, Sendable {
  /// Equal layers in a row.
  struct Entry: Equatable, Sendable {
    let layer: LayerSpecification
    let options: LayerOptions
    let count: Int
  }

  let entries: [Entry]
  /// The shape of the images.
  let image: ImageShape
  let classes: Int

  /// The layers, for images with a mean of 0 and a deviation of 1.
  package var layers: [LayerSpecification] {
    entries.flatMap { Array(repeating: $0.layer, count: $0.count) }
  }
}

extension LayerList: Codable {
  /// The name of a kind, or of an option.
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  private struct Position: CodingKey {
    let intValue: Int?
    var stringValue: String { "\(intValue ?? 0)" }

    init(_ position: Int) { intValue = position }
    init?(stringValue: String) { nil }
    init?(intValue: Int) { self.init(intValue) }
  }

  /// How often a layer stands in a row.
  private static let count = Name("repeat")
  private static let limit = 10_000

  public init(from decoder: any Decoder) throws {
    var list = try decoder.unkeyedContainer()
    var entries: [Entry] = []
    var shape: [Int] = []
    while !list.isAtEnd {
      let entry = try Self.entry(list.superDecoder(), following: shape)
      let place = list.codingPath + [Position(list.currentIndex - 1)]
      func invalid(_ expected: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: place, debugDescription: expected))
      }
      entries.append(entry)
      guard entries.reduce(0, { $0 + $1.count }) <= Self.limit else {
        throw invalid("at most \(Self.limit) layers")
      }
      guard let shapes = entry.layer.value.shapes,
        entry.count == 1 || shapes.input == shapes.output
      else {
        throw invalid("'repeat' only for layers that keep the shape of their input")
      }
      shape = shapes.output
    }
    let layers = entries.map(\.layer)
    guard let image = layers.first.flatMap({ ImageShape(extents: $0.value.shapes?.input ?? []) }),
      let last = layers.last, type(of: last.value).place == .head
    else {
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: decoder.codingPath,
          debugDescription: "layers from 'normalize' to a head, which is "
            + LayerSpecification.kinds.filter { $0.place == .head }.map { "'\($0.name)'" }
            .joined(separator: " or ")))
    }
    self.entries = entries
    self.image = image
    classes = shape[0]
  }

  /// One entry of a list.
  ///
  /// - Parameter input: what the layer before it gives; empty for the first one.
  private static func entry(_ decoder: any Decoder, following input: [Int]) throws -> Entry {
    func invalid(_ path: [any CodingKey], _ expected: String) -> DecodingError {
      .dataCorrupted(.init(codingPath: path, debugDescription: expected))
    }
    var given: [String: LayerOptions.Value] = [:]
    var path = decoder.codingPath
    let name: String
    if let text = try? decoder.singleValueContainer().decode(String.self) {
      name = text
    } else {
      let container = try decoder.container(keyedBy: Name.self)
      guard let key = container.allKeys.first, container.allKeys.count == 1 else {
        throw invalid(path, "the name of one layer, with its options if it has some")
      }
      name = key.stringValue
      path.append(key)
      if try !container.decodeNil(forKey: key) {
        given = try container.decode([String: LayerOptions.Value].self, forKey: key)
      }
    }
    let kinds = LayerSpecification.kinds
    guard let kind = kinds.first(where: { $0.name == name }) else {
      let names = kinds.map { $0.name }
      throw invalid(
        path,
        "a known layer (nearest: '\(name.nearest(among: names))'), which are "
          + names.joined(separator: ", "))
    }
    guard input.isEmpty == (kind.place == .first) else {
      throw invalid(
        path, input.isEmpty ? "the first layer to be 'normalize'" : "'normalize' only at first")
    }
    var count = 1
    if let stated = given.removeValue(forKey: Self.count.stringValue) {
      guard case .integer(let number) = stated, (1...limit).contains(number) else {
        throw invalid(path + [Self.count], "1 to \(limit)")
      }
      count = number
    }
    var options = LayerOptions(given)
    let layer: LayerSpecification
    do {
      layer = LayerSpecification(try kind.init(following: input, &options))
    } catch let problem as LayerOptions.Problem {
      throw invalid(path + [problem.key], problem.expected)
    } catch let problem as MisplacedLayer {
      throw invalid(path, problem.expected)
    }
    if let stray = options.leftOver {
      let known = options.known + [Self.count.stringValue]
      throw invalid(
        path + [Name(stray)], "a known key (nearest: '\(stray.nearest(among: known))')")
    }
    guard layer.value.shapes != nil else {
      let inputs = input.isEmpty ? "" : " and fit inputs of shape \(input)"
      throw invalid(path, "sizes that are possible\(inputs)")
    }
    return Entry(layer: layer, options: options, count: count)
  }

  public func encode(to encoder: any Encoder) throws {
    var list = encoder.unkeyedContainer()
    for entry in entries {
      if entry.options.taken.isEmpty, entry.count == 1 {
        try list.encode(entry.layer.kind)
        continue
      }
      var container = list.nestedContainer(keyedBy: Name.self)
      var options = container.nestedContainer(keyedBy: Name.self, forKey: Name(entry.layer.kind))
      for option in entry.options.taken {
        try options.encode(option.value, forKey: Name(option.key.rawValue))
      }
      if entry.count > 1 { try options.encode(entry.count, forKey: Self.count) }
    }
  }
}

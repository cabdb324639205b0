// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import Synchronization

/// What a layer is, without its parameters: a value of a kind that is known.
public struct LayerSpecification: Sendable {
  package let value: any LayerKind

  /// A layer by its kind and sizes.
  public init(_ value: any LayerKind) { self.value = value }

  /// The kinds that this package has.
  private static let own: [any LayerKind.Type] = [
    NormalizeKind.self, PaddingKind.self, ConvolutionKind.self, NormPoolKind.self, FlattenKind.self,
    LinearKind.self, LastLayerNormalisedKind.self, PoolingLinearKind.self, SLLConvolutionKind.self,
    SLLLinearKind.self,
    AOLConvolutionKind.self, AOLLinearKind.self, MaxMinKind.self, MaxPoolKind.self,
    ReLUKind.self, FirstChannelsKind.self, PixelUnshuffleKind.self, SOCKind.self,
    CayleyConvolutionKind.self, CayleyLinearKind.self,
  ]

  private static let registered = Mutex<[any LayerKind.Type]>([])

  /// The kinds that networks are made of.
  package static var kinds: [any LayerKind.Type] { own + registered.withLock { $0 } }

  /// Makes a kind that another package defines known to files, configurations and checks, for the rest of the
  /// process.
  ///
  /// - Throws: `VerificationError.invalid` where a kind has one of its names.
  public static func register(_ kind: any LayerKind.Type) throws(VerificationError) {
    let isNew = registered.withLock { kinds in
      guard
        !(own + kinds).contains(where: { $0.codingName == kind.codingName || $0.name == kind.name })
      else { return false }
      kinds.append(kind)
      return true
    }
    guard isNew else {
      throw .invalid(
        what: "a kind of layers to register", expected: "names of its own",
        found: "'\(kind.name)' ('\(kind.codingName)' in files), of which there is one")
    }
  }

  /// The faults of all kinds, each once.
  package static var faults: [PlantedLayerFault] {
    var ids: Set<String> = []
    return kinds.flatMap { $0.faults }.filter { ids.insert($0.id).inserted }
  }

  /// The samples of a kind.
  package static func samples(of kind: any LayerKind.Type) -> [LayerSpecification] {
    kind.samples.map { sample in
      var options = LayerOptions(sample.options)
      guard let layer = try? kind.init(following: sample.input, &options) else {
        preconditionFailure("\(kind.name) has a sample that is impossible")
      }
      return LayerSpecification(layer)
    }
  }

  /// The kind of layer whose tensors have these names and shapes in a published state dictionary, and what they tell
  /// of it; nil where there is none.
  package static func published(
    _ shapes: [String: [Int]]
  ) -> (kind: any LayerKind.Type, layer: PublishedLayer)? {
    for kind in kinds {
      if let layer = kind.published(shapes) { return (kind, layer) }
    }
    return nil
  }

  /// The layer as the code that published such layers executes it.
  package var asPublished: LayerSpecification { LayerSpecification(value.asPublished) }

  /// The kind's name in tables.
  package var kind: String { type(of: value).name }

  /// The parameters' names and shapes, in the order of `Layer.parameters`.
  package var parameterShapes: [(name: String, shape: [Int])] { value.parameterShapes }

  /// The names and shapes of what the layer keeps beside its parameters.
  package var bufferShapes: [(name: String, shape: [Int])] { value.bufferShapes }

  /// The number of inputs of one unit, on which the initialisation depends; `nil` without
  /// parameters.
  package var fanIn: Int? { parameterShapes.first.map { $0.shape.dropFirst().reduce(1, *) } }
}

extension LayerSpecification: Equatable {
  public static func == (first: LayerSpecification, second: LayerSpecification) -> Bool {
    first.value.equals(second.value)
  }
}

extension LayerKind {
  fileprivate func equals(_ other: any LayerKind) -> Bool { other as? Self == self }
}

extension LayerSpecification: CustomStringConvertible {
  public var description: String { "\(value)" }
}

/// In files a layer stands under the name of its kind.
extension LayerSpecification: Codable {
  private struct KindName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public init(from decoder: any Decoder) throws {
    let layer = try decoder.container(keyedBy: KindName.self)
    guard let name = layer.allKeys.first, layer.allKeys.count == 1,
      let kind = Self.kinds.first(where: { $0.codingName == name.stringValue })
    else {
      let known = Self.kinds.map { $0.codingName }.joined(separator: ", ")
      throw DecodingError.dataCorrupted(
        .init(
          codingPath: layer.codingPath,
          debugDescription: "one layer of a known kind, which are \(known)"))
    }
    value = try layer.decode(kind, forKey: name)
  }

  public func encode(to encoder: any Encoder) throws {
    var layer = encoder.container(keyedBy: KindName.self)
    try layer.encode(value, forKey: KindName(stringValue: type(of: value).codingName))
  }
}

extension LayerSpecification {
  /// Why layers read from a file cannot be a network; nil when they can. Checked before anything
  /// is made of them, so that no number in a file can lead to an overflow or a trap.
  package static func problem(
    in layers: [LayerSpecification]
  ) -> (expected: String, found: String)? {
    guard let first = layers.first, layers.count <= 10_000 else {
      return ("1 to 10000 layers", "\(layers.count)")
    }
    var shape: [Int]?
    for (index, layer) in layers.enumerated() {
      guard let shapes = layer.value.shapes else {
        return ("layer \(index) (\(layer.kind)) of a possible size", "\(layer)")
      }
      if let shape, shape != shapes.input {
        return ("layer \(index) (\(layer.kind)) to take \(shape)", "\(shapes.input)")
      }
      shape = shapes.output
    }
    guard type(of: first.value).place == .first else {
      return ("the first layer to normalise", first.kind)
    }
    let last = layers[layers.count - 1]
    return type(of: last.value).place == .head ? nil : ("the last layer to be a head", last.kind)
  }
}

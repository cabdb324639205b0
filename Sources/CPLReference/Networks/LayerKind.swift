// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// A kind of layers. A value of it says what a layer is, without its parameters: what the attribute `model`
/// of a weights file holds for each layer.
///
/// `LayerSpecification.register` makes a kind of another package known to files and networks; this one's stand in a list
/// there.
public protocol LayerKind: Codable, Equatable, Sendable {
  /// The kind's name in files.
  static var codingName: String { get }

  /// The kind's name in tables, and what the names of its layers begin with.
  static var name: String { get }

  /// Whether a network may have many of them, which are then counted from 0.
  static var isCounted: Bool { get }

  /// Where in a network its layers stand.
  static var place: LayerPlace { get }

  /// The shapes that the layer takes and gives; nil when its numbers are impossible, whatever they are.
  var shapes: (input: [Int], output: [Int])? { get }

  /// The parameters' names and shapes, in the order of `Layer.parameters`.
  var parameterShapes: [(name: String, shape: [Int])] { get }

  /// The names and shapes of what the layer keeps from step to step beside its parameters, in the order of
  /// `Layer.buffers`: unit vectors, which a new layer draws at random.
  var bufferShapes: [(name: String, shape: [Int])] { get }

  /// How often the first parameter is applied to an image.
  var passes: Int { get }

  /// How many numbers, as large as a binary32 one, training keeps for the layer at the least beside its parameters,
  /// their gradients and moments, and its inputs, for a batch of so many pieces (`BatchTree`).
  func derivedNumbers(pieces: Int) -> Double

  /// The layer and its sizes in a few words, without its step.
  var summary: String { get }

  /// Whether a new layer is the identity as far as its shape allows, its first parameter 1 from channel i to channel i
  /// at the middle tap, and 0 everywhere else; others are drawn at random.
  static var startsAsIdentity: Bool { get }

  /// Whether its layers are 1-Lipschitz whatever their weights are.
  static var isNonexpansive: Bool { get }

  /// Small layers, for checks to try.
  static var samples: [LayerSample] { get }

  /// What can be planted in its layers, for checks to notice.
  static var faults: [PlantedLayerFault] { get }

  /// The layer that a configuration describes; sizes that it does not state follow from the shape of the
  /// layer's input.
  ///
  /// - Parameters:
  ///   - input: that shape; empty for the first layer.
  ///   - options: what the configuration says, of which is taken what the kind knows.
  init(following input: [Int], _ options: inout LayerOptions) throws

  /// The part that such layers have in a recipe; nil where no recipe has them.
  static var recipePart: RecipePart? { get }

  /// How a configuration would describe such a layer in a block of a `ConvNetRecipe`, where it keeps the channels; nil
  /// where it cannot stand there.
  static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]?

  /// What reports call networks of such layers, such as "sll"; nil for layers that networks of every kind have.
  static var family: String? { get }

  /// The names and shapes of the parameters in the state dictionaries of the code that published such layers,
  /// in the order of `parameterShapes`; the rest of their names tells the layer.
  var publishedParameterShapes: [(name: String, shape: [Int])] { get }

  /// The names and shapes of the buffers there.
  var publishedBufferShapes: [(name: String, shape: [Int])] { get }

  /// The layer whose tensors have these names and shapes in a published state dictionary where a layer is a
  /// numbered module; nil where they are not those of such a layer.
  static func published(_ shapes: [String: [Int]]) -> PublishedLayer?

  /// The layer as the published code executes it.
  var asPublished: Self { get }

  /// The layer with the given parameters.
  ///
  /// - Precondition: `shapes` is not nil; the parameters and buffers have the shapes that are stated.
  func makeLayer<Scalar: TensorScalar>(
    name: String, parameters: [Tensor<Scalar>], buffers: [Tensor<Scalar>]
  ) -> any Layer<Scalar>
}

extension LayerKind {
  public static var isCounted: Bool { false }
  public static var place: LayerPlace { .body }
  public static var startsAsIdentity: Bool { false }
  public var passes: Int { 1 }
  public func derivedNumbers(pieces: Int) -> Double { 0 }
  public static var isNonexpansive: Bool { false }
  public static var faults: [PlantedLayerFault] { [] }
  public static var recipePart: RecipePart? { nil }
  public static var family: String? { recipePart?.name }
  public static func blockOptions(
    channels: Int, kernel: Int
  ) -> [LayerOption: LayerOptions.Value]? { nil }
  public var publishedParameterShapes: [(name: String, shape: [Int])] { parameterShapes }
  public var publishedBufferShapes: [(name: String, shape: [Int])] { bufferShapes }
  public static func published(_ shapes: [String: [Int]]) -> PublishedLayer? { nil }
  public var asPublished: Self { self }
  public var parameterShapes: [(name: String, shape: [Int])] { [] }
  public var bufferShapes: [(name: String, shape: [Int])] { [] }

  /// Whether sizes are such that no product of three overflows.
  func arePossible(_ sizes: Int...) -> Bool { sizes.allSatisfy { (1...1 << 20).contains($0) } }

  func isPossible(_ image: ImageShape) -> Bool {
    arePossible(image.channels, image.height, image.width)
  }

  /// Whether a shape is that of an image, or a number of features.
  func isPossible(_ shape: [Int]) -> Bool {
    ImageShape(extents: shape).map(isPossible) ?? (shape.count == 1 && arePossible(shape[0]))
  }
}

/// A kind of layers with weights W.
package protocol WeightedKind: LayerKind {
  /// The number of rows of W, or of the channels that it gives.
  var inner: Int { get }
}

/// A layer as a configuration would describe it.
public struct LayerSample: Sendable {
  /// The shape of its input.
  package let input: [Int]
  package let options: [LayerOption: LayerOptions.Value]

  /// A layer that follows features of shape `input`, with these options.
  public init(_ input: [Int], _ options: [LayerOption: LayerOptions.Value] = [:]) {
    self.input = input
    self.options = options
  }
}

/// Where in a network a layer stands.
public enum LayerPlace: Sendable {
  /// First: it normalises the images.
  case first
  /// Between the two.
  case body
  /// Last: it makes the logits.
  case head
}

/// What the shapes of a layer's tensors tell of it.
public struct PublishedLayer: Equatable, Sendable {
  /// The channels, or the features, of its input.
  package let inputs: Int
  /// The number of hidden channels or hidden units.
  package var hidden: Int?
  /// The height and width of its kernel.
  package var kernel: Int?
  /// Of a head.
  package var classes: Int?
}

/// The names under which kinds of layers write their sizes.
enum LayerField: String, CodingKey {
  case mean, standardDeviation, side, height, width, inputChannels, channels, inner, kernel, step
  case window, inputShape, features, classes, padding, terms, regularization
  case inputs, outputs
  case unlabelled = "_0"
}

/// The height and the width of square images are one number in files, `side`, as they were before there were
/// others: the descriptions of such networks, and with them their digests, stay as they are.
extension KeyedDecodingContainer<LayerField> {
  func image(channels: Int) throws -> ImageShape {
    guard let side = try decodeIfPresent(Int.self, forKey: .side) else {
      return ImageShape(
        channels: channels, height: try value(.height), width: try value(.width))
    }
    return ImageShape(channels: channels, height: side, width: side)
  }

  func value<Value: Decodable>(_ field: LayerField) throws -> Value {
    try decode(Value.self, forKey: field)
  }
}

extension KeyedDecodingContainer<LayerField> {
  /// The images and the windows of a layer that tiles them.
  func windows() throws -> (image: ImageShape, window: Int) {
    (try image(channels: try value(.channels)), try value(.window))
  }
}

extension KeyedEncodingContainer<LayerField> {
  mutating func encode(windows window: Int, of image: ImageShape) throws {
    try encode(image.channels, forKey: .channels)
    try encode(window, forKey: .window)
    try encode(sidesOf: image)
  }

  mutating func encode(sidesOf image: ImageShape) throws {
    if image.isSquare {
      try encode(image.height, forKey: .side)
    } else {
      try encode(image.height, forKey: .height)
      try encode(image.width, forKey: .width)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLDatasets

/// The network of an experiment: a recipe with its sizes, a list of layers, or a ConvNet.
public enum ModelConfiguration: Equatable, Sendable {
  /// The paper's networks, by their sizes.
  case recipe(ModelRecipe)
  /// Layers one by one.
  case layers(LayerList)
  /// The network of "1-Lipschitz Layers Compared", by its sizes.
  case convNet(ConvNetRecipe)

  /// The recipe, where it is one.
  package var recipe: ModelRecipe? {
    get {
      guard case .recipe(let recipe) = self else { return nil }
      return recipe
    }
    set { if let newValue { self = .recipe(newValue) } }
  }

  /// The layers, for images normalised by `mean` and `standardDeviation` (one number a channel).
  ///
  /// - Precondition: `problem` is nil; there is a number for each channel.
  public func layers(mean: [Float], standardDeviation: [Float]) -> [LayerSpecification] {
    switch self {
    case .recipe(let recipe): recipe.layers(mean: mean, standardDeviation: standardDeviation)
    case .layers(let list):
      [.normalize(mean: mean, standardDeviation: standardDeviation, image: image)]
        + list.layers.dropFirst()
    case .convNet(let recipe): recipe.layers(mean: mean, standardDeviation: standardDeviation)
    }
  }

  /// The layers, for images with a mean of 0 and a deviation of 1.
  ///
  /// - Precondition: `problem` is nil.
  package var layers: [LayerSpecification] {
    layers(
      mean: Array(repeating: 0, count: image.channels),
      standardDeviation: Array(repeating: 1, count: image.channels))
  }

  /// The shape of the images.
  public var image: ImageShape {
    switch self {
    case .recipe(let recipe): recipe.image
    case .layers(let list): list.image
    case .convNet(let recipe): recipe.image
    }
  }

  /// The channels behind a recipe's padding, which images cannot have more of; those of the images of a list.
  package var channels: Int {
    switch self {
    case .recipe(let recipe): recipe.channels
    case .layers(let list): list.image.channels
    case .convNet(let recipe): recipe.width
    }
  }

  /// The same recipe for images of so many channels; a list of layers as it is.
  package func with(imageChannels: Int) -> ModelConfiguration {
    switch self {
    case .recipe(var recipe):
      recipe.image.channels = imageChannels
      return .recipe(recipe)
    case .layers: return self
    case .convNet(var recipe):
      recipe.image.channels = imageChannels
      return .convNet(recipe)
    }
  }

  /// The number of classes.
  public var classes: Int {
    switch self {
    case .recipe(let recipe): recipe.classes
    case .layers(let list): list.classes
    case .convNet(let recipe): recipe.classes
    }
  }

  /// What makes its numbers impossible, as (key, expected, found); nil when they fit together.
  package var problem: (key: String, expected: String, found: String)? {
    if case .convNet(let recipe) = self, let problem = recipe.problem {
      return ("\(ConvNetRecipe.name).\(problem.key)", problem.expected, problem.found)
    }
    guard case .recipe(let recipe) = self, let problem = recipe.problem else { return nil }
    let isNested = recipe.body != ModelRecipe.standard
    return (
      isNested ? "\(recipe.body).\(problem.key)" : problem.key, problem.expected, problem.found
    )
  }
}

/// A recipe of convex potential layers stands as it is, one of other layers under their name, a ConvNet under its own, a
/// list as one.
extension ModelConfiguration: Codable {
  /// The names under which recipes stand.
  package static var names: [String] { ModelRecipe.bodies + [ConvNetRecipe.name] }

  private struct Body: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  public init(from decoder: any Decoder) throws {
    guard let container = try? decoder.container(keyedBy: Body.self) else {
      self = .layers(try LayerList(from: decoder))
      return
    }
    guard let key = container.allKeys.first, Self.names.contains(key.stringValue) else {
      self = .recipe(try ModelRecipe(from: decoder))
      return
    }
    if let other = container.allKeys.first(where: { $0.stringValue != key.stringValue }) {
      throw DecodingError.dataCorruptedError(
        forKey: other, in: container, debugDescription: "'\(key.stringValue)' alone")
    }
    guard key.stringValue != ConvNetRecipe.name else {
      self = .convNet(try container.decode(ConvNetRecipe.self, forKey: key))
      return
    }
    var recipe = try container.decode(ModelRecipe.self, forKey: key)
    recipe.body = key.stringValue
    self = .recipe(recipe)
  }

  public func encode(to encoder: any Encoder) throws {
    switch self {
    case .recipe(let recipe) where recipe.body == ModelRecipe.standard:
      try recipe.encode(to: encoder)
    case .recipe(let recipe):
      var container = encoder.container(keyedBy: Body.self)
      try container.encode(recipe, forKey: Body(stringValue: recipe.body))
    case .layers(let list): try list.encode(to: encoder)
    case .convNet(let recipe):
      var container = encoder.container(keyedBy: Body.self)
      try container.encode(recipe, forKey: Body(stringValue: ConvNetRecipe.name))
    }
  }
}

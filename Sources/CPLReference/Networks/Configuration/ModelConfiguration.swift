import CPLDatasets

/// The network of an experiment: a recipe with its sizes, or a list of layers.
public enum ModelConfiguration: Equatable, Sendable {
  case recipe(ModelRecipe)
  case layers(LayerList)

  /// The recipe, where it is one.
  public var recipe: ModelRecipe? {
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
    }
  }

  public var classes: Int {
    switch self {
    case .recipe(let recipe): recipe.classes
    case .layers(let list): list.classes
    }
  }

  /// What makes its numbers impossible, as (key, expected, found); nil when they fit together.
  public var problem: (key: String, expected: String, found: String)? {
    guard case .recipe(let recipe) = self, let problem = recipe.problem else { return nil }
    let isNested = recipe.body != ModelRecipe.standard
    return (
      isNested ? "\(recipe.body).\(problem.key)" : problem.key, problem.expected, problem.found
    )
  }
}

/// A recipe of convex potential layers stands as it is, one of other layers under their name, a list as one.
extension ModelConfiguration: Codable {
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
    guard let key = container.allKeys.first, ModelRecipe.bodies.contains(key.stringValue) else {
      self = .recipe(try ModelRecipe(from: decoder))
      return
    }
    if let other = container.allKeys.first(where: { $0.stringValue != key.stringValue }) {
      throw DecodingError.dataCorruptedError(
        forKey: other, in: container, debugDescription: "'\(key.stringValue)' alone")
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
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles
import CPLNetworks
import CPLNumerics
import Yams

/// A file of `experiments/`: a network, how it is trained, and where it matters on which data set; the
/// place of its images is the command's choice.
public struct ExperimentConfiguration: Codable, Equatable, Sendable {
  /// The name in tables and folders.
  public var name: String
  /// The network.
  public var model: ModelConfiguration
  /// How it is trained.
  public var training: TrainingConfiguration
  /// What is done to its images, where that is not the data set's own.
  public var data: DataConfiguration?

  /// An experiment on whatever data set.
  public init(name: String, model: ModelConfiguration, training: TrainingConfiguration) {
    self.name = name
    self.model = model
    self.training = training
  }

  enum CodingKeys: String, CodingKey, CaseIterable { case name, model, training, data }

  /// Reads a configuration from YAML.
  ///
  /// - Parameter path: what the text was read from, for messages.
  /// - Throws: `ReferenceError.invalid` for text that is not YAML, an unknown key (with the nearest
  ///   known one), a missing key, a value of the wrong type, or sizes that do not fit together.
  public init(yaml: String, path: String) throws {
    do {
      try Self.checkKeys(try Yams.compose(yaml: yaml), path: path)
      self = try YAMLDecoder().decode(Self.self, from: yaml)
    } catch let error as DecodingError {
      throw Self.describe(error, yaml: yaml, path: path)
    } catch let error as YamlError {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "YAML", found: "\(error)".firstLine)
    }
    try check(path: path)
  }

  /// Checks that the sizes are possible and fit together.
  ///
  /// - Parameter path: where they come from, for the message.
  package func check(path: String) throws {
    let problem =
      model.problem.map { ("model", $0) } ?? training.problem.map { ("training", $0) }
      ?? data?.problem(channels: model.image.channels).map { ("data", $0) }
    if let (section, (key, expected, found)) = problem {
      throw ReferenceError.invalid(
        path: path, location: "key '\(section).\(key)'", expected: expected, found: found)
    }
  }

  /// Checks that the model takes the images of a data set and tells its classes apart.
  package func checkFits(_ dataset: ImageDataset) throws {
    if let name = data?.dataset, DatasetDescriptor.named(name) != nil, name != dataset.name {
      throw ReferenceError.mismatch(
        expected: "images of \(name), which the configuration of \(self.name) is for",
        found: "images of \(dataset.name)")
    }
    guard model.image == dataset.imageShape, model.classes == dataset.classes else {
      throw ReferenceError.mismatch(
        expected: "a model for the images of \(dataset.name), \(dataset.imageShape.extents) in "
          + "\(dataset.classes) classes",
        found: "\(name) for \(model.image.extents) in \(model.classes) classes")
    }
  }

  /// The configuration as YAML that `init(yaml:path:)` reads, every default written out.
  public func yaml() throws -> String {
    let yaml = try YAMLEncoder().encode(self)
    guard var node = try Yams.compose(yaml: yaml) else { return yaml }
    // Yams writes 15 digits of a number, which are not always enough to read it back.
    for (key, value) in training.numbers where node["training"]?[key.rawValue] != nil {
      node["training"]?[key.rawValue] = Node("\(value)", Tag(.float))
    }
    for (key, values) in [
      (DataConfiguration.CodingKeys.mean, data?.mean),
      (.standardDeviation, data?.standardDeviation),
    ] {
      guard let values else { continue }
      node["data"]?[key.rawValue] = Node(
        values.map { Node("\($0)", Tag(.float)) }, Tag(.seq), .flow)
    }
    return try Yams.serialize(node: node)
  }

  private static func checkKeys(_ node: Node?, path: String) throws {
    let sections: [(name: String, keys: [String], node: Node?)] = [
      ("", CodingKeys.allCases.map(\.rawValue), node),
      recipe(node?["model"]),
      ("training.", TrainingConfiguration.CodingKeys.allCases.map(\.rawValue), node?["training"]),
      (
        "training.profile.", Profile.CodingKeys.allCases.map(\.rawValue),
        node?["training"]?["profile"]
      ),
      ("data.", DataConfiguration.CodingKeys.allCases.map(\.rawValue), node?["data"]),
    ]
    for section in sections {
      guard let node = section.node else { continue }
      guard let mapping = node.mapping else {
        throw ReferenceError.invalid(
          path: path, location: section.name.isEmpty ? "" : "key '\(section.name.dropLast())'",
          expected: section.name == "model." ? "keys and values, or a list" : "keys and values",
          found: describe(node))
      }
      for key in mapping.keys.compactMap(\.string) where !section.keys.contains(key) {
        throw ReferenceError.invalid(
          path: path, location: "key '\(section.name)\(key)'",
          expected: "a known key (nearest: '\(meant(by: key, among: section.keys))')",
          found: "an unknown one")
      }
    }
  }

  /// The keys of a model that is a recipe. A list of layers checks its own.
  private static func recipe(_ node: Node?) -> (name: String, keys: [String], node: Node?) {
    let keys = ModelRecipe.CodingKeys.allCases.map(\.rawValue)
    if case .sequence? = node { return ("model.", [], nil) }
    if node?.mapping?.keys.first?.string == ConvNetRecipe.name {
      return (
        "model.\(ConvNetRecipe.name).", ConvNetRecipe.CodingKeys.allCases.map(\.rawValue),
        node?[ConvNetRecipe.name]
      )
    }
    if let key = node?.mapping?.keys.first?.string, ModelRecipe.bodies.contains(key) {
      return ("model.\(key).", keys, node?[key])
    }
    return ("model.", keys, node)
  }

  /// What other programs call some of the keys.
  private static let synonyms = [
    "lr": "learning_rate", "learningrate": "learning_rate", "base_lr": "learning_rate",
    "batch_size": "batch", "batchsize": "batch", "bs": "batch", "minibatch": "batch",
    "mirror": "flip", "hflip": "flip", "horizontal_flip": "flip", "padding": "crop_padding",
    "deviation": "std", "name": "dataset", "n_epochs": "epochs", "num_epochs": "epochs",
    "max_epochs": "epochs",
    "random_seed": "seed", "rng": "seed", "val": "validation", "n_classes": "classes",
    "num_classes": "classes", "in_channels": "image_channels", "image_size": "image_side",
    "img_size": "image_side", "resolution": "image_side", "width": "channels",
    "img_height": "image_height", "img_width": "image_width", "height": "image_height",
    "kernel_size": "kernel", "pool": "pooling", "depth": "convolution_layers",
    "depth_linear": "linear_layers", "n_features": "linear_inner", "wd": "weight_decay",
    "weightdecay": "weight_decay", "optimiser": "optimizer", "optim": "optimizer",
    "scheduler": "schedule", "lr_scheduler": "schedule", "lr_schedule": "schedule",
    "criterion": "loss", "loss_fn": "loss", "temp": "temperature", "max_lr": "learning_rate",
  ]

  private static func plain(_ key: String) -> String {
    key.lowercased().replacing("-", with: "_")
  }

  /// The known key that an unknown one most likely stands for.
  private static func meant(by key: String, among keys: [String]) -> String {
    let name = plain(key)
    if let known = synonyms[name], keys.contains(known) { return known }
    return name.nearest(among: keys)
  }

  private static func describe(
    _ error: DecodingError, yaml: String, path: String
  ) -> ReferenceError {
    func location(_ keys: [any CodingKey]) -> String {
      let path = keys.reduce(into: "") { path, key in
        if let index = key.intValue {
          path += "[\(index)]"
        } else {
          path += (path.isEmpty ? "" : ".") + key.stringValue
        }
      }
      return path.isEmpty ? "" : "key '\(path)'"
    }
    func found(_ keys: [any CodingKey]) -> String {
      let root = try? Yams.compose(yaml: yaml)
      return describe(
        keys.reduce(root) { node, key in
          guard let index = key.intValue, case .sequence(let list)? = node else {
            return node?[key.stringValue]
          }
          return list.indices.contains(index) ? list[index] : nil
        })
    }
    switch error {
    case .keyNotFound(let key, let context):
      return .invalid(
        path: path, location: location(context.codingPath + [key]), expected: "a value",
        found: "nothing")
    case .typeMismatch(let type, let context), .valueNotFound(let type, let context):
      return .invalid(
        path: path, location: location(context.codingPath), expected: describe(type),
        found: found(context.codingPath))
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return .invalid(
        path: path, location: location(context.codingPath), expected: context.debugDescription,
        found: found(context.codingPath))
    case .dataCorrupted(let context):
      return .invalid(
        path: path, location: location(context.codingPath), expected: "a valid value",
        found: context.debugDescription.firstLine)
    @unknown default:
      return .invalid(path: path, location: "", expected: "a configuration", found: "\(error)")
    }
  }

  private static func describe(_ type: any Any.Type) -> String {
    switch type {
    case is Int.Type: "a whole number"
    case is UInt64.Type: "a whole number, not negative"
    case is Double.Type: "a number"
    case is Bool.Type: "true or false"
    case is String.Type: "a text"
    case is Node.Mapping.Type: "keys and values"
    default: "a single value"
    }
  }

  private static func describe(_ node: Node?) -> String {
    switch node {
    case .scalar(let scalar) where scalar.string.isEmpty: "nothing"
    case .scalar(let scalar): "'\(scalar.string.firstLine.prefix(40))'"
    case .sequence: "a list"
    case .mapping: "keys and values"
    case .alias, nil: "nothing"
    }
  }
}

extension String {
  /// The text up to its first line break.
  var firstLine: String { String(prefix { !$0.isNewline }) }
}

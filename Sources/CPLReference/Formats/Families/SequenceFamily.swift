// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles
import CPLNetworks
import CPLNumerics

/// Networks that are one sequence of numbered modules, a layer each, as SLL's authors publish theirs:
///
///     padding, convolution × n, pooling by 4, flattening, dense × m, head
///
/// Each layer's tensors are `<number>.<name>`; which layer it is follows from the names and shapes in its
/// module. All names may have a common prefix.
struct SequenceFamily: PublishedFamily {
  /// A module whose tensors are those of a layer.
  private struct Module {
    let number: Int
    let kind: any LayerKind.Type
    let layer: PublishedLayer
  }

  /// By the networks' prefixes: the shapes of each numbered module's tensors.
  private let networks: [String: [Int: [String: [Int]]]]
  /// The height and width of the pooling's window, which the published code fixes.
  private static let window = 4

  /// The family of a file's networks; nil where none is of it: none has a module of a layer that stands
  /// before a head.
  init?(_ tensors: [StoredTensor]) {
    var networks: [String: [Int: [String: [Int]]]] = [:]
    for tensor in tensors {
      guard let (prefix, number, name) = Self.parts(of: tensor.name) else { continue }
      networks[String(prefix), default: [:]][number, default: [:]][String(name)] = tensor.shape
    }
    networks = networks.filter { _, modules in
      modules.values.contains { shapes in
        LayerSpecification.published(shapes).map { $0.kind.place == .body } ?? false
      }
    }
    if networks.isEmpty { return nil }
    self.networks = networks
  }

  /// The parts of a tensor's name. SLL's code passes over tensors whose names hold "alpha", which older files
  /// have.
  private static func parts(
    of name: String
  ) -> (prefix: Substring, number: Int, name: Substring)? {
    let components = name.split(separator: ".", omittingEmptySubsequences: false).suffix(2)
    guard components.count == 2, let first = components.first, let last = components.last,
      let number = Int(first), number >= 0, "\(number)" == first, number < 1 << 20,
      !name.contains("alpha")
    else { return nil }
    return (name.dropLast(first.count + last.count + 1), number, last)
  }

  func prefix(of name: String) -> Substring? {
    guard let prefix = Self.parts(of: name)?.prefix, networks[String(prefix)] != nil else {
      return nil
    }
    return prefix
  }

  func canonical(_ name: String) -> String { name }

  func channels(of network: StateDictionary.Network) -> Int {
    let modules = (networks[network.prefix] ?? [:]).sorted { $0.key < $1.key }
    for (_, shapes) in modules {
      guard let (kind, layer) = LayerSpecification.published(shapes),
        case .convolution? = kind.recipePart
      else { continue }
      return layer.inputs
    }
    return 0
  }

  /// As SLL's code has it for CIFAR-10, CIFAR-100 and Tiny ImageNet, deviations 1, unless told not to shift.
  func mean(of model: ModelConfiguration) -> [Float]? {
    switch (model.image.height, model.classes) {
    case (32, 10): [0.4913, 0.4821, 0.4465]
    case (32, 100): [0.5071, 0.4865, 0.4409]
    case (64, 200): [0.485, 0.456, 0.406]
    default: nil
    }
  }

  func stems(of layers: [LayerSpecification], under prefix: String) -> [String] {
    var numbers = (networks[prefix] ?? [:]).keys.sorted()[...]
    return layers.map { $0.parameterShapes.isEmpty ? "" : "\(numbers.popFirst() ?? 0)." }
  }

  /// Depths, channels, hidden channels and units and the number of classes follow from the shapes; height and width
  /// of the images from the number of features, since the pooling's window is known and the images are
  /// square.
  func recipe(
    of tensors: PublishedTensors, _ settings: UnstoredSettings
  ) throws -> (model: ModelConfiguration, notes: [String]) {
    let dictionary = tensors.dictionary
    let modules = try self.modules(of: tensors)
    let convolutions = modules.filter {
      if case .convolution? = $0.kind.recipePart { true } else { false }
    }
    let dense = modules.filter { if case .dense? = $0.kind.recipePart { true } else { false } }
    guard let first = convolutions.first, let body = first.kind.recipePart?.name,
      let head = modules.last, let classes = head.layer.classes,
      modules.count == convolutions.count + dense.count + 1
    else {
      throw dictionary.invalid(
        tensors.prefix, expected: "convolutions first, and one head, last",
        found: modules.map { $0.kind.name }.joined(separator: ", "))
    }
    try settings.checkHead(of: dictionary)
    // A module before the convolutions pads, and two behind them pool and flatten.
    let start = 3 + convolutions.count
    let numbers = Array(1...convolutions.count) + Array(start...start + dense.count)
    for (module, (expected, number)) in zip(modules, zip(convolutions + dense + [head], numbers))
    where module.number != number || module.kind.name != expected.kind.name
      || module.kind.recipePart.map({ $0.name != body }) == true
    {
      throw dictionary.invalid(
        "\(tensors.prefix)\(module.number)",
        expected: "\(expected.kind.name) as module \(number)", found: module.kind.name)
    }
    let features = (dense.first ?? head).layer.inputs
    let channels = first.layer.inputs
    let side = Int(Double(features / max(1, channels)).squareRoot()) * Self.window
    let image = ImageShape(channels: 3, height: side, width: side)
    guard side > 0, image.with(channels: channels).pooled(by: Self.window).count == features else {
      throw dictionary.invalid(
        "\(tensors.prefix)\((dense.first ?? head).number)",
        expected: "the features of \(channels) channels of square images, pooled by \(Self.window)",
        found: "\(features) features")
    }
    var recipe = ModelRecipe(
      convolutionLayers: convolutions.count, channels: channels,
      convolutionInner: first.layer.hidden ?? 1, linearLayers: dense.count,
      linearInner: dense.first?.layer.hidden ?? 1, classes: classes, image: image)
    recipe.body = body
    recipe.kernel = first.layer.kernel ?? 1
    recipe.pooling = Self.window
    return (
      .recipe(recipe),
      [
        "images of \(side)×\(side) pixels follow from \(features) features, since the published "
          + "code pools by windows of \(Self.window)×\(Self.window)"
      ]
    )
  }

  /// A network's modules in their order.
  ///
  /// - Throws: `ReferenceError` for one that is no layer's.
  private func modules(of tensors: PublishedTensors) throws -> [Module] {
    try (networks[tensors.prefix] ?? [:]).sorted { $0.key < $1.key }.map { number, shapes in
      guard let (kind, layer) = LayerSpecification.published(shapes) else {
        let found = shapes.sorted { $0.key < $1.key }.map { "\($0.key.forMessage) \($0.value)" }
        throw tensors.dictionary.invalid(
          "\(tensors.prefix)\(number)",
          expected: "the tensors of a layer that this program knows",
          found: found.joined(separator: ", "))
      }
      return Module(number: number, kind: kind, layer: layer)
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles
import CPLNetworks
import CPLNumerics

/// The ConvNets of "1-Lipschitz Layers Compared" (`ConvNetRecipe`): modules `FirstConv`, `Block1.0`, `Block1.2`, … and
/// `ClassificationHead.0` or `.1`, each a layer; the modules between them have no tensors. All names may have a common prefix.
struct ConvNetFamily: PublishedFamily {
  static let name = "a ConvNet of '1-Lipschitz Layers Compared'"

  private static let first = "FirstConv."
  /// What the names of the head begin with: a dense head stands behind a module that flattens.
  private let head: String
  private var hasDenseHead: Bool { head.contains("1") }
  /// What the names of a layer of a block begin with, both counted from 0.
  private static func layer(_ block: Int, _ index: Int) -> String {
    "Block\(block + 1).\(2 * index)."
  }

  /// How its layers are told apart, and what has to be told of each.
  private static let layers: [(name: String, weights: String, telling: String, notes: [String])] = [
    (
      "aol", "parametrizations.weight.original", "parametrizations.weight.original",
      [
        "how its convolutions pad is not stored: taken as circular, as the published code has it; --convolution-padding "
          + "sets it",
        "what is added under the root of AOL's scaling is not stored: taken as 1e-6, as the published code has it; "
          + "--regularization sets it",
      ]
    ),
    (
      "sll", "kernel", "q",
      [
        "how its convolutions pad and what q is are not stored: taken as zeros and |q| + ε, with ε added to 1/t, as the "
          + "published code has them",
        "ε of SLL's q is not stored: taken as 1e-6, as the published code has it; --regularization sets it",
      ]
    ),
    (
      "cpl", "kernel", "u",
      [
        "how its convolutions pad is not stored: taken as zeros, as the published code has it; --convolution-padding "
          + "sets it",
        "what is added to σ̂² is not stored: taken as 1e-6, as the published code has it; --regularization sets it",
      ]
    ),
    (
      "soc", "random_conv_filter", "random_conv_filter",
      [
        "filters are divided by the least of the four estimates that the stored vectors make, times the correction; how "
          + "its convolutions pad is not stored: taken as zeros, as the published code has it"
      ]
    ),
    (
      "cayley", "weight", "alpha",
      [
        "that its convolutions are circular and their weights normalised to α is not stored: taken as the published code "
          + "has them"
      ]
    ),
  ]

  /// Of SOC's series in evaluation.
  private static let terms = 12

  /// The family of a file's networks; nil where none is of it.
  init?(_ tensors: [StoredTensor]) {
    guard tensors.contains(where: { $0.name.split(separator: ".").contains("FirstConv") }) else {
      return nil
    }
    let isDense = tensors.contains { $0.name.hasSuffix("ClassificationHead.1.weight") }
    head = "ClassificationHead.\(isDense ? 1 : 0)."
  }

  func prefix(of name: String) -> Substring? {
    let components = name.split(separator: ".", omittingEmptySubsequences: false)
    let root = components.firstIndex {
      $0 == "FirstConv" || $0 == "ClassificationHead"
        || $0.hasPrefix("Block") && Int($0.dropFirst(5)) != nil
    }
    guard let root, root + 1 < components.count else { return nil }
    return name.prefix(components[..<root].reduce(0) { $0 + $1.count + 1 })
  }

  func canonical(_ name: String) -> String { name }

  func channels(of network: StateDictionary.Network) -> Int {
    for layer in Self.layers {
      if let shape = network.tensors[Self.first + layer.weights]?.shape, shape.count == 4 {
        return shape[1]
      }
    }
    return 0
  }

  func mean(of model: ModelConfiguration) -> [Float]? {
    switch (model.image.height, model.classes) {
    case (32, 10): [0.49139968, 0.48215841, 0.44653091]
    case (32, 100): [0.5071, 0.4865, 0.4409]
    default: nil
    }
  }

  func published(_ layer: LayerSpecification) -> LayerSpecification {
    switch layer.value {
    case var kind as ConvolutionKind:
      kind.step.regularization = 1e-6
      return LayerSpecification(kind)
    case var kind as SLLConvolutionKind:
      kind.weighting = .magnitude
      return LayerSpecification(kind)
    case var kind as SOCKind:
      kind.isNormalized = false
      return LayerSpecification(kind)
    case var kind as CayleyConvolutionKind:
      kind.isNormalized = true
      return LayerSpecification(kind)
    default: return layer
    }
  }

  func parameters(of kind: any LayerKind) -> [(name: String, shape: [Int])] {
    let shapes = kind.parameterShapes.map(\.shape)
    return switch kind {
    case is AOLConvolutionKind:
      [("parametrizations.weight.original", shapes[0]), ("bias", shapes[1])]
    case is ConvolutionKind: [("kernel", shapes[0]), ("bias", shapes[1])]
    case is SLLConvolutionKind: [("kernel", shapes[0]), ("bias", shapes[1]), ("q", shapes[2])]
    case let kind as CayleyConvolutionKind:
      // A dense layer has a matrix and a vector of one number, a convolution a single number.
      if hasDenseHead && kind.image.planeCount == 1 {
        [("weight", [shapes[0][0], shapes[0][1]]), ("bias", shapes[1]), ("alpha", [1])]
      } else {
        [("weight", shapes[0]), ("bias", shapes[1]), ("alpha", [])]
      }
    default: kind.publishedParameterShapes
    }
  }

  func takeParameters(
    of kind: any LayerKind, at stem: String, from tensors: inout PublishedTensors
  ) throws -> [Tensor<Float>] {
    if let kind = kind as? SOCKind { return try tensors.takeSkewConvolution(kind, at: stem) }
    return try tensors.take(parameters(of: kind), at: stem, as: kind.parameterShapes)
  }

  func buffers(of kind: any LayerKind) -> [(name: String, shape: [Int])] {
    guard let kind = kind as? ConvolutionKind else { return [] }
    return [("u", [1] + kind.image.extents)]
  }

  func stems(of layers: [LayerSpecification], under prefix: String) -> [String] {
    let last = layers.lastIndex { !$0.parameterShapes.isEmpty }
    var (block, index, isFirst) = (0, 0, true)
    return layers.enumerated().map { position, layer in
      if layer.value is PixelUnshuffleKind { (block, index) = (block + 1, 0) }
      guard !layer.parameterShapes.isEmpty else { return "" }
      if position == last { return head }
      guard !isFirst else {
        isFirst = false
        return Self.first
      }
      defer { index += 1 }
      return Self.layer(block, index)
    }
  }

  /// Layers, widths, depths and kernels follow from names and shapes, the images' height and width from CPL's u; for other
  /// layers they are those that the blocks halve to one pixel.
  func recipe(
    of tensors: PublishedTensors, _ settings: UnstoredSettings
  ) throws -> (model: ModelConfiguration, notes: [String]) {
    let dictionary = tensors.dictionary
    let found = Self.layers.first {
      tensors.contains(Self.first + $0.weights) && tensors.contains(Self.first + $0.telling)
    }
    guard let layer = found else {
      throw dictionary.invalid(
        tensors.prefix + Self.first.dropLast(),
        expected: "the tensors of a layer of "
          + Self.layers.map { $0.name.uppercased() }.joined(separator: ", "), found: "others")
    }
    guard settings.padding == nil, settings.pooling == nil || settings.pooling == .truncate else {
      throw ReferenceError.mismatch(
        expected:
          "nothing said of padding and head of \(dictionary.path): such networks add channels of zeros, and "
          + "take their first outputs for classes", found: "another padding or head")
    }
    let first = try tensors.shape(Self.first + layer.weights, rank: 4)
    let wide = try tensors.shape(Self.layer(0, 0) + layer.weights, rank: 4)
    let blocks = tensors.count({ Self.layer($0, 0) }, with: layer.weights)
    let depth = tensors.count({ Self.layer(0, $0) }, with: layer.weights)
    var recipe = ConvNetRecipe(layer: layer.name, width: first[0], depth: depth)
    (recipe.blocks, recipe.classes) = (blocks, settings.classes ?? 10)
    recipe.activation = settings.activation ?? .maxMin
    // Of a single block the kernels have one tap.
    recipe.kernel = wide[3]
    var notes = [
      "read as \(Self.name), of \(layer.name.uppercased()) layers: the first half of the channels and PixelUnshuffle behind "
        + "each block are not stored and taken from its published code"
    ]
    if settings.activation == nil {
      notes.append(
        "what stands behind each layer is not stored: taken as MaxMin, as the published code has it; --activation sets it"
      )
    }
    guard blocks <= 8 else {
      throw dictionary.invalid("", expected: "at most 8 blocks", found: "\(blocks)")
    }
    if layer.name == "cpl" {
      let image = try tensors.shape(Self.first + "u", rank: 4)
      (recipe.image.height, recipe.image.width) = (image[2], image[3])
    } else {
      (recipe.image.height, recipe.image.width) = (1 << blocks, 1 << blocks)
      notes.append(
        "images of \(1 << blocks)×\(1 << blocks) pixels are not stored: taken as what \(blocks) blocks halve to one pixel"
      )
    }
    if layer.name == "cayley", blocks > 1, recipe.kernel > recipe.image.height >> (blocks - 2) {
      throw dictionary.invalid(
        tensors.prefix + Self.layer(0, 0) + layer.weights,
        expected: "kernels that fit into images of 4×4 pixels", found: "shape \(wide)")
    }
    notes += layer.notes
    if layer.name == SOCKind.family {
      recipe.terms = settings.terms ?? Self.terms
      if settings.terms == nil {
        notes.append(
          "the number of terms of its series is not stored: taken as \(Self.terms), with which the published code "
            + "evaluates; --terms sets it")
      }
    }
    if settings.classes == nil {
      notes.append(
        "the number of classes is not stored: taken as \(recipe.classes), the first outputs; --classes sets it"
      )
    }
    return (.convNet(recipe), notes)
  }
}

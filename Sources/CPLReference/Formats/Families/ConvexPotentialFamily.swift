// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles
import CPLNetworks
import CPLNumerics

/// The paper's networks. Every layer stands in their state dictionary twice, under two names that share their
/// storage; all names may have a common prefix, `module.`, `model.` or both, from wrapping the model.
struct ConvexPotentialFamily: PublishedFamily {
  /// What the names of a convolutional layer begin with; counted from 0.
  private static func convolution(_ index: Int) -> String { "stable_block.\(index)." }
  /// What those of a dense layer begin with; counted from 0, where the published count begins with
  /// the flattening.
  private static func linear(_ index: Int) -> String { "layers_linear.\(index + 1)." }
  private static let head = "last_last."

  /// Whether a published network consists of these kinds of layers in this order.
  static func canExpress(_ layers: [LayerSpecification]) -> Bool {
    var kinds = layers.map(\.kind)[...]
    func drop(_ kind: String) { kinds = kinds.drop { $0 == kind } }
    for kind in ["normalize", "padding", "convolution", "norm-pool", "flatten", "linear"] {
      drop(kind)
    }
    let single = ["normalize", "padding", "norm-pool", "flatten"]
    let isPadded = layers.allSatisfy { ($0.value as? ConvolutionKind)?.padding != .circular }
    return kinds.count == 1 && isPadded
      && single.allSatisfy { kind in layers.count { $0.kind == kind } == 1 }
  }

  /// The second name of what begins with the first.
  private static let copies = [
    (first: "stable_block.", second: "base.1."), (first: "layers_linear.", second: "base.2."),
  ]

  func prefix(of name: String) -> Substring? {
    let components = name.split(separator: ".", omittingEmptySubsequences: false)
    let roots: Set<Substring> = ["stable_block", "layers_linear", "last_last"]
    // Others may call a part "base" too; the published one has numbered parts.
    let root = components.indices.first {
      roots.contains(components[$0])
        || components[$0] == "base" && Int(components[min($0 + 1, components.count - 1)]) != nil
    }
    guard let root else { return nil }
    return name.prefix(components[..<root].reduce(0) { $0 + $1.count + 1 })
  }

  func canonical(_ name: String) -> String {
    for (first, second) in Self.copies where name.hasPrefix(second) {
      return first + name.dropFirst(second.count)
    }
    return name
  }

  func channels(of network: StateDictionary.Network) -> Int {
    let kernel = network.tensors[Self.convolution(0) + "kernel"]?.shape ?? []
    return kernel.count == 4 ? kernel[1] : 0
  }

  func stems(of layers: [LayerSpecification], under prefix: String) -> [String] {
    var (convolutions, linears) = (0, 0)
    return layers.map { layer in
      switch type(of: layer.value).recipePart {
      case .convolution:
        defer { convolutions += 1 }
        return Self.convolution(convolutions)
      case .dense:
        defer { linears += 1 }
        return Self.linear(linears)
      case nil: return Self.head
      }
    }
  }

  /// Depths, channels, hidden channels and units, the images' height and width, the pooling's window, and
  /// with LLN the number of classes follow from the shapes.
  func recipe(
    of tensors: PublishedTensors, _ settings: UnstoredSettings
  ) throws -> (model: ModelConfiguration, notes: [String]) {
    let dictionary = tensors.dictionary
    let convolutions = tensors.count(Self.convolution, with: "kernel")
    let linears = tensors.count(Self.linear, with: "weights")
    let kernel = try tensors.shape(Self.convolution(0) + "kernel", rank: 4)
    let image = try tensors.shape(Self.convolution(0) + "pm.u", rank: 4)
    let hasHead = tensors.contains(Self.head + "weight")
    let head = hasHead ? try tensors.shape(Self.head + "weight", rank: 2) : nil
    if hasHead { try settings.checkHead(of: dictionary) }
    let linear = linears > 0 ? try tensors.shape(Self.linear(0) + "weights", rank: 2) : nil
    guard convolutions <= 1000, linears <= 1000,
      (kernel + image + (head ?? []) + (linear ?? [])).allSatisfy({ $0 < 1 << 20 })
    else {
      throw dictionary.invalid(
        "", expected: "a network of a possible size", found: "a larger one")
    }
    var recipe = ModelRecipe(
      convolutionLayers: convolutions, channels: kernel[1], convolutionInner: kernel[0],
      linearLayers: linears, linearInner: linear?[0] ?? 1,
      head: hasHead ? .lln : (settings.pooling ?? .truncate).head,
      classes: head?[0] ?? settings.classes ?? 10,
      image: ImageShape(channels: 3, height: image[2], width: image[3]))
    recipe.kernel = kernel[3]
    if let features = linear?[1] ?? head?[1] {
      let hidden = recipe.image.with(channels: kernel[1])
      let window = (1...min(hidden.height, hidden.width)).first {
        hidden.isTiled(by: $0) && hidden.pooled(by: $0).count == features
      }
      guard let window else {
        throw dictionary.invalid(
          tensors.prefix + (linears > 0 ? Self.linear(0) : Self.head),
          expected: "the features of \(kernel[1]) channels on \(image[2])×\(image[3]) pixels, "
            + "pooled", found: "\(features) features")
      }
      recipe.pooling = window
    }
    guard hasHead || recipe.features >= recipe.classes else {
      throw dictionary.invalid(
        "", expected: "at most \(recipe.features) classes, one a feature",
        found: "\(recipe.classes) classes")
    }
    guard !hasHead, settings.classes == nil else { return (.recipe(recipe), []) }
    return (
      .recipe(recipe),
      [
        "it has no last layer normalised: taken to pool by '\(recipe.head.rawValue)' into "
          + "\(recipe.classes) classes; --head and --classes set it"
      ]
    )
  }
}

extension FeaturePooling {
  /// The head that pools so.
  fileprivate var head: ModelRecipe.Head {
    switch self {
    case .truncate: .trunc
    case .mean: .mean
    case .max: .max
    }
  }
}

import CPLNetworks
import CPLNumerics

/// The names of the published PyTorch state dictionary. Every layer stands in it twice, under two
/// names that share their storage; all names may have a common prefix, `module.`, `model.` or
/// both, from wrapping the model.
enum PublishedNames {
  /// What the names of a convolutional layer begin with; counted from 0.
  static func convolution(_ index: Int) -> String { "stable_block.\(index)." }
  /// What those of a dense layer begin with; counted from 0, where the published count begins with
  /// the flattening.
  static func linear(_ index: Int) -> String { "layers_linear.\(index + 1)." }
  static let head = "last_last."

  /// For each layer what its names begin with.
  static func stems(of layers: [LayerSpecification]) -> [String] {
    var (convolutions, linears) = (0, 0)
    return layers.map { layer in
      switch layer.value {
      case is ConvolutionKind:
        defer { convolutions += 1 }
        return convolution(convolutions)
      case is LinearKind:
        defer { linears += 1 }
        return linear(linears)
      default: return head
      }
    }
  }

  /// Whether a published network consists of these kinds of layers in this order.
  static func canExpress(_ layers: [LayerSpecification]) -> Bool {
    var kinds = layers.map(\.kind)[...]
    func drop(_ kind: String) { kinds = kinds.drop { $0 == kind } }
    for kind in ["normalize", "padding", "convolution", "norm-pool", "flatten", "linear"] {
      drop(kind)
    }
    let single = ["normalize", "padding", "norm-pool", "flatten"]
    return kinds.count == 1 && single.allSatisfy { kind in layers.count { $0.kind == kind } == 1 }
  }

  static let powerVector = "pm.u"
  static let spectralNorm = "eval_sv_max"
  static let alpha = "alpha"

  /// The second name of what begins with the first.
  private static let copies = [
    (first: "stable_block.", second: "base.1."), (first: "layers_linear.", second: "base.2."),
  ]

  /// Where the names of a network's tensors begin in `name`: behind the prefix. Nil for a name that
  /// is none of them.
  static func prefix(of name: String) -> Substring? {
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

  /// The first name of a tensor, whichever of its two names it is given by, without prefix.
  static func canonical(_ name: String) -> String {
    for (first, second) in copies where name.hasPrefix(second) {
      return first + name.dropFirst(second.count)
    }
    return name
  }
}

/// What a published checkpoint holds beside the network, kept so that it can be written again.
public struct PublishedState: Equatable, Sendable {
  /// What all names begin with.
  public var prefix = ""
  /// For each convex potential layer that has one, by the layer's name, the stored σ̂; 0 stands for
  /// none that was computed.
  public var spectralNorms: [String: Float] = [:]
  /// For each dense layer that has one, by its name, a number that nothing uses.
  public var alphas: [String: Float] = [:]

  public init() {}
}

/// What a published checkpoint does not tell of its network, and which of its networks is meant.
public struct UnstoredSettings: Equatable, Sendable {
  /// What the names of the network begin with, where a file has several.
  public var network: String?
  /// The mean that is subtracted from each channel. Where nil, the one that the file stores, or
  /// else the data set's, told from the images' height and width and the number of classes.
  public var mean: [Float]?
  /// What each channel is then divided by; where nil, what the file stores, or else 1.
  public var standardDeviation: [Float]?
  /// How channels are added; with zeros where nil.
  public var padding: ChannelPadding?
  /// The head of a network without LLN; `truncate` where nil.
  public var pooling: FeaturePooling?
  /// The number of classes of a network without LLN; 10 where nil.
  public var classes: Int?

  public init(
    network: String? = nil, mean: [Float]? = nil, standardDeviation: [Float]? = nil,
    padding: ChannelPadding? = nil, pooling: FeaturePooling? = nil, classes: Int? = nil
  ) {
    self.network = network
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.padding = padding
    self.pooling = pooling
    self.classes = classes
  }

  /// Throws where something is said of a file that needs nothing said.
  ///
  /// - Parameter file: the file and why, for the message.
  package func checkEmpty(_ file: String) throws {
    guard self == UnstoredSettings() else {
      throw ReferenceError.mismatch(
        expected: "nothing said of \(file)",
        found: "a network's prefix, a mean, a deviation, a padding, a head or a number of classes")
    }
  }
}

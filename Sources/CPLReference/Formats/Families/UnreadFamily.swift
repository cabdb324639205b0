// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A family of networks that this program does not read, told from the names of a file's tensors.
struct UnreadFamily {
  private let name: String
  private let example: String

  /// The family of a file's tensors; nil where none is known.
  private init?(of names: some Collection<String>) {
    for (family, matches) in Self.families {
      guard let example = names.prefix(1 << 12).filter(matches).min() else { continue }
      (name, self.example) = (family, example)
      return
    }
    return nil
  }

  /// The family of layers that stand where a published network has its own; nil where they are those.
  init?(ofLayers names: some Collection<String>) {
    let stems = ["stable_block.", "layers_linear.", "last_last."]
    self.init(of: names.filter { name in stems.contains(where: name.hasPrefix) })
  }

  /// The error about a file without any network that this program reads.
  static func error(of dictionary: StateDictionary) -> ReferenceError {
    let names = dictionary.tensors.map(\.name)
    if let family = UnreadFamily(of: names) { return family.error(of: dictionary) }
    let first = names.prefix(3).map { "'\($0.forMessage)'" }.joined(separator: ", ")
    return refusal(of: dictionary, first.isEmpty ? "no tensors" : first)
  }

  func error(of dictionary: StateDictionary) -> ReferenceError {
    Self.refusal(of: dictionary, "what looks like \(name): '\(example.forMessage)'")
  }

  private static func refusal(of dictionary: StateDictionary, _ found: String) -> ReferenceError {
    dictionary.invalid(
      "",
      expected: "tensors with the published names of convex potential layers, such as "
        + "stable_block.0.kernel, of SLL's networks, such as 1.q, or of ConvNets of AOL, Cayley, CPL, SLL and SOC layers, "
        + "such as FirstConv.bias", found: found)
  }

  /// The families by what only their names have, the telling ones first.
  private static let families: [(name: String, matches: @Sendable (String) -> Bool)] = [
    ("SDP-based Lipschitz layers (SLL)", { $0.hasSuffix(".q") }),
    ("skew orthogonal convolutions (SOC)", { $0.hasSuffix("random_conv_filter") }),
    ("block convolutions (BCOP)", { $0.hasSuffix("param_matrices") }),
    (
      "layers with spectral normalisation",
      { $0.hasSuffix("weight_orig") || $0.hasSuffix("parametrizations.weight.0._u") }
    ),
    (
      "layers with a parametrised weight, as AOL and orthogonal layers have",
      { $0.contains("parametrizations.") }
    ),
    ("layers with weight normalisation", { $0.hasSuffix("weight_g") }),
    (
      "Cayley layers",
      { $0.hasSuffix(".alpha") && !$0.contains("layers_linear.") && !$0.contains("base.2.") }
    ),
    (
      "a residual network (ResNet)",
      { $0.contains(/(^|\.)(layer|block)\d+\..*(conv|bn)\d?\.(weight|running_mean)$/) }
    ),
    ("a densely connected network (DenseNet)", { $0.contains("denseblock") }),
    (
      "a transformer",
      { $0.contains(/(^|\.)(attn|attention|self_attn|self_attention|mlp_head|cls_token)(\.|$)/) }
    ),
    ("a network of the kind of VGG", { $0.contains(/(^|\.)features\.\d+\.weight$/) }),
    ("a network with batch normalisation", { $0.hasSuffix("running_mean") }),
    (
      "a network of ordinary layers",
      { $0.contains(/(^|\.)(conv\d*|fc\d*|linear\d*|classifier)(\.\d+)?\.weight$/) }
    ),
  ]
}

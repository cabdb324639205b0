// SPDX-License-Identifier: Apache-2.0

import CPLNetworks
import CPLNumerics

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
  /// The last power in the series of SOC layers; where nil what their published code evaluates with.
  public var terms: Int?
  /// How convolutions pad, where their layers can do either; as in the published code where nil.
  public var convolutionPadding: ConvolutionPadding?
  /// ε in the step h = 2/(σ̂² + ε) of convex potential layers, under the root of AOL's scaling, or of SLL's q = |q̃| + ε;
  /// as in the published code where nil.
  public var regularization: Double?

  /// What stands behind the layers of a ConvNet; MaxMin, as in the published code, where nil.
  public var activation: ConvNetActivation?

  /// Settings, each of which is nil where the file or the default decides.
  public init(
    network: String? = nil, mean: [Float]? = nil, standardDeviation: [Float]? = nil,
    padding: ChannelPadding? = nil, pooling: FeaturePooling? = nil, classes: Int? = nil,
    terms: Int? = nil, convolutionPadding: ConvolutionPadding? = nil, regularization: Double? = nil,
    activation: ConvNetActivation? = nil
  ) {
    self.network = network
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.padding = padding
    self.pooling = pooling
    self.classes = classes
    self.terms = terms
    self.convolutionPadding = convolutionPadding
    self.regularization = regularization
    self.activation = activation
  }

  /// Throws where something is said of a file that needs nothing said.
  ///
  /// - Parameter file: the file and why, for the message.
  package func checkEmpty(_ file: String) throws {
    guard self == UnstoredSettings() else {
      throw ReferenceError.mismatch(
        expected: "nothing said of \(file)",
        found: "a network's prefix, or something of its images, layers or head")
    }
  }

  /// The layers as these settings have them.
  ///
  /// - Throws: `ReferenceError.mismatch` where something is said of layers that the network does not have.
  func applied(
    to layers: [LayerSpecification], of dictionary: StateDictionary
  ) throws -> [LayerSpecification] {
    func check(_ setting: (some Any)?, _ name: String, _ concerns: (any LayerKind) -> Bool) throws {
      guard setting == nil || layers.contains(where: { concerns($0.value) }) else {
        throw ReferenceError.mismatch(
          expected:
            "nothing said of \(name) for \(dictionary.path), whose layers have no such setting",
          found: "a setting")
      }
    }
    try check(terms, "terms") { $0 is SOCKind }
    try check(convolutionPadding, "paddings") { $0 is any PaddedKind }
    try check(activation, "an activation") { $0 is MaxMinKind || $0 is ReLUKind }
    try check(regularization, "regularization") {
      ($0 as? any RegularizedKind)?.isRegularized ?? false
    }
    return layers.map { layer in
      var layer = layer
      if let convolutionPadding, var kind = layer.value as? any PaddedKind {
        kind.padding = convolutionPadding
        layer = LayerSpecification(kind)
      }
      if let regularization, var kind = layer.value as? any RegularizedKind, kind.isRegularized {
        kind.regularization = regularization
        layer = LayerSpecification(kind)
      }
      return layer
    }
  }

  /// Whether a note tells of something that is not said here: it names the flag that sets it.
  func leavesOpen(_ note: String) -> Bool {
    let said = [
      convolutionPadding.map { _ in "--convolution-padding" },
      regularization.map { _ in "--regularization" },
    ]
    return !said.compactMap(\.self).contains(where: note.contains)
  }

  /// Throws where something is said of a head that the file stores.
  func checkHead(of dictionary: StateDictionary) throws {
    guard pooling == nil, classes == nil else {
      throw ReferenceError.mismatch(
        expected: "nothing said of the head of \(dictionary.path), which stores it",
        found: "a head or a number of classes")
    }
  }
}

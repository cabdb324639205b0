// SPDX-License-Identifier: Apache-2.0

import CPLReference

/// The size of a network, by which it is compared with the paper's.
public struct ModelSummary: Codable, Equatable, Sendable {
  /// What its layers are, by the name that recipes have for them, such as "sll"; nil for convex potential layers
  /// with a step of their own.
  package var layers: String?
  /// The number of convolutional layers.
  package var convolutionLayers: Int
  /// Their channels; 0 without such layers.
  package var channels: Int
  /// Their hidden channels.
  package var convolutionInner: Int
  /// The number of dense layers.
  package var linearLayers: Int
  /// Their hidden units; 0 without such layers.
  package var linearInner: Int
  /// The head's kind, such as "last-layer-normalised".
  package var head: String
  package var classes: Int
  /// The number of trained parameters.
  package var parameters: Int
  package var imageShape: ImageShape

  package init(
    convolutionLayers: Int, channels: Int, convolutionInner: Int, linearLayers: Int,
    linearInner: Int, head: String, classes: Int, parameters: Int, imageShape: ImageShape
  ) {
    self.convolutionLayers = convolutionLayers
    self.channels = channels
    self.convolutionInner = convolutionInner
    self.linearLayers = linearLayers
    self.linearInner = linearInner
    self.head = head
    self.classes = classes
    self.parameters = parameters
    self.imageShape = imageShape
  }

  /// The size of a network; widths are those of its first convolutional and its first dense layer.
  public init(_ network: CPLNetwork<Float>) {
    self.init(
      convolutionLayers: 0, channels: 0, convolutionInner: 0, linearLayers: 0, linearInner: 0,
      head: network.head.specification.kind, classes: network.classes,
      parameters: network.parameterCount, imageShape: network.image)
    for layer in network.layers.reversed() {
      guard let kind = layer.specification.value as? any WeightedKind else { continue }
      if layer.inputShape.count == 3 {
        convolutionLayers += 1
        (channels, convolutionInner) = (layer.inputShape[0], kind.inner)
      } else {
        linearLayers += 1
        linearInner = kind.inner
      }
    }
    let names = Set(
      network.layers.compactMap { type(of: $0.specification.value).family })
    if !names.isSubset(of: [ModelRecipe.standard]) {
      layers = names.sorted().joined(separator: ", ")
    }
  }

  /// The paper's name of this size, such as "CPL-S"; nil for any other.
  package var paperName: String? {
    guard layers == nil, head == "last-layer-normalised", convolutionInner == 5, linearInner == 2048
    else {
      return nil
    }
    return switch (convolutionLayers, channels, linearLayers) {
    case (20, 45, 7): "CPL-S"
    case (30, 60, 10): "CPL-M"
    case (50, 90, 10): "CPL-L"
    case (70, 120, 15): "CPL-XL"
    default: nil
    }
  }
}

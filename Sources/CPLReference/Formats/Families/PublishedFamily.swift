// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNetworks
import CPLNumerics

/// A family of networks in other programs' state dictionaries: how their tensors are named, and which sizes
/// these tell.
protocol PublishedFamily: Sendable {
  /// Where the names of a network's tensors begin in `name`: behind the prefix. Nil for a name that
  /// is none of them.
  func prefix(of name: String) -> Substring?

  /// The first name of a tensor, whichever of its names it is given by, without prefix.
  func canonical(_ name: String) -> String

  /// The channels of the first convolution, which images cannot have more of; 0 without one.
  func channels(of network: StateDictionary.Network) -> Int

  /// The sizes that the tensors' names and shapes tell, and what has to be told of them.
  ///
  /// - Throws: `ReferenceError` where they make no network of the family.
  func recipe(
    of tensors: PublishedTensors, _ settings: UnstoredSettings
  ) throws -> (model: ModelConfiguration, notes: [String])

  /// The mean that the published code subtracts from each channel of the images of such a network, where its
  /// own is known; else it is that of the data set that fits.
  func mean(of model: ModelConfiguration) -> [Float]?

  /// For each layer of a recipe what the names of its tensors begin with, behind the prefix.
  func stems(of layers: [LayerSpecification], under prefix: String) -> [String]

  /// A layer as the published code of such a network executes it.
  func published(_ layer: LayerSpecification) -> LayerSpecification

  /// The names and shapes of a layer's parameters there, in the order of `LayerKind.parameterShapes`.
  func parameters(of kind: any LayerKind) -> [(name: String, shape: [Int])]

  /// Takes a layer's parameters, in the order of `LayerKind.parameterShapes`.
  ///
  /// - Parameter stem: what their names begin with.
  func takeParameters(
    of kind: any LayerKind, at stem: String, from tensors: inout PublishedTensors
  ) throws -> [Tensor<Float>]

  /// The names and shapes of its buffers.
  func buffers(of kind: any LayerKind) -> [(name: String, shape: [Int])]
}

extension PublishedFamily {
  func mean(of model: ModelConfiguration) -> [Float]? { nil }
  func published(_ layer: LayerSpecification) -> LayerSpecification { layer.asPublished }
  func parameters(of kind: any LayerKind) -> [(name: String, shape: [Int])] {
    kind.publishedParameterShapes
  }
  func takeParameters(
    of kind: any LayerKind, at stem: String, from tensors: inout PublishedTensors
  ) throws -> [Tensor<Float>] {
    try tensors.take(parameters(of: kind), at: stem, as: kind.parameterShapes)
  }
  func buffers(of kind: any LayerKind) -> [(name: String, shape: [Int])] {
    kind.publishedBufferShapes
  }
}

extension StateDictionary {
  /// The families of its networks.
  var families: [any PublishedFamily] {
    var families: [any PublishedFamily] = [ConvexPotentialFamily()]
    // Its modules are numbered too.
    if let family = ConvNetFamily(tensors) { families.append(family) }
    if let family = SequenceFamily(tensors) { families.append(family) }
    return families
  }
}

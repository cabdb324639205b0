// SPDX-License-Identifier: Apache-2.0

/// What a published checkpoint holds beside the network, kept so that it can be written again.
public struct PublishedState: Equatable, Sendable {
  /// What all names begin with.
  package var prefix = ""
  /// For each convex potential layer that has one, by the layer's name, the stored σ̂; 0 stands for
  /// none that was computed.
  package var spectralNorms: [String: Float] = [:]
  /// For each dense layer that has one, by its name, a number that nothing uses.
  package var alphas: [String: Float] = [:]

  package init() {}
}

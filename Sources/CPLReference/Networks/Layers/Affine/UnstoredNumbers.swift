// SPDX-License-Identifier: Apache-2.0

/// A kind of layers whose convolution may have either padding, which state dictionaries do not store.
package protocol PaddedKind: LayerKind {
  var padding: ConvolutionPadding { get set }
}

extension AOLConvolutionKind: PaddedKind {}
extension ConvolutionKind: PaddedKind {}

/// A kind of layers with an ε of its own, which state dictionaries do not store: of a convex potential layer's step
/// 2/(σ̂² + ε), under the root of AOL's scaling, or of an SLL layer's q = |q̃| + ε.
package protocol RegularizedKind: LayerKind {
  var regularization: Double { get set }
  /// Whether it has an effect.
  var isRegularized: Bool { get }
}

extension RegularizedKind {
  package var isRegularized: Bool { true }
}

extension AOLConvolutionKind: RegularizedKind {}
extension ConvolutionKind: RegularizedKind {}
extension LinearKind: RegularizedKind {}
extension SLLConvolutionKind: RegularizedKind {
  package var isRegularized: Bool { weighting == .magnitude }
}

extension SteppedKind {
  package var regularization: Double {
    get { step.regularization }
    set { step.regularization = newValue }
  }
}

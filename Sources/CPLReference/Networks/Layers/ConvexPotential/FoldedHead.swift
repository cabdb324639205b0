// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The last dense layer and a normalised head as one map to the logits, for passes that need neither
/// the features between them nor a gradient of their parameters:
///
///     z = Q (x − h Wᵀa) + c = (Q x + c) − h V a,   a = relu(W x + b),   V = Q Wᵀ
///
/// and, with g the gradient with respect to z and p = −h · 1[a > 0] ⊙ Vᵀg, ∂/∂x = Qᵀg + Wᵀp. Each
/// way saves one of the layer's two large products.
///
/// In binary32 alone: what is proved of the rounding of a binary64 network goes layer by layer.
struct FoldedHead<Scalar: TensorScalar>: Sendable {
  let layer: CPLLinear<Scalar>
  let head: LastLayerNormalised<Scalar>
  /// V, classes×inner.
  let product: Tensor<Scalar>

  /// Nil in binary64, and where the last two of a network's layers are others.
  ///
  /// - Complexity: one read of W.
  init?(_ layers: ArraySlice<any Layer<Scalar>>, workers: Workers) {
    guard Scalar.self == Float.self, let head = layers.last as? LastLayerNormalised<Scalar>,
      let layer = layers.dropLast().last as? CPLLinear<Scalar>
    else { return nil }
    (self.layer, self.head) = (layer, head)
    product = layer.project(head.normalized.rows, Epilogue(), workers: workers)
  }

  /// The logits of a batch of the layer's inputs, and a, which the gradient needs.
  func forward(
    _ input: Tensor<Scalar>, workers: Workers
  ) -> (logits: Tensor<Scalar>, hidden: Tensor<Scalar>) {
    let (batch, classes) = (input.shape[0], head.classes)
    let hidden = layer.bias.withUnsafeElements {
      layer.project(input, Epilogue(addend: $0, rectifies: true), workers: workers)
    }
    var logits = head.forward(input, keeping: .nothing, workers: workers).output
    logits.withUnsafeMutableElements { logits in
      hidden.withUnsafeElements { hidden in
        product.withUnsafeElements { product in
          Scalar.multiply(
            rows: 0..<batch, columns: 0..<classes, depth: layer.inner,
            MatrixView(elements: hidden, stride: layer.inner),
            MatrixView(elements: product, stride: layer.inner, transposed: true),
            Epilogue(alpha: -layer.stepSize, addend: logits, addendStride: classes), to: logits,
            stride: classes)
        }
      }
    }
    return (logits, hidden)
  }

  /// The gradient with respect to the layer's input.
  func inputGradient(
    _ logitGradient: Tensor<Scalar>, hidden: Tensor<Scalar>, workers: Workers
  ) -> Tensor<Scalar> {
    let batch = logitGradient.shape[0]
    let projected = Tensor<Scalar>(shape: [batch, layer.inner]) { projected in
      logitGradient.withUnsafeElements { gradient in
        product.withUnsafeElements { product in
          hidden.withUnsafeElements { hidden in
            Scalar.multiply(
              rows: 0..<batch, columns: 0..<layer.inner, depth: head.classes,
              MatrixView(elements: gradient, stride: head.classes),
              MatrixView(elements: product, stride: layer.inner),
              Epilogue(alpha: -layer.stepSize, gate: hidden, gateStride: layer.inner),
              to: projected, stride: layer.inner)
          }
        }
      }
    }
    var gradient = head.inputGradient(logitGradient, from: nil, workers: workers)
    layer.addTransposed(projected, scale: 1, to: &gradient, workers: workers)
    return gradient
  }
}

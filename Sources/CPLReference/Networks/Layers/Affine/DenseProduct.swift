// SPDX-License-Identifier: Apache-2.0

import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// Multiplication of batches by a matrix, outputs×inputs.
package struct DenseProduct<Scalar: TensorScalar>: AffineProduct {
  package var weights: Tensor<Scalar>

  package init(weights: Tensor<Scalar>) { self.weights = weights }

  private var outputs: Int { weights.shape[0] }
  private var inputs: Int { weights.shape[1] }
  package var inputShape: [Int] { [inputs] }
  package var outputShape: [Int] { [outputs] }

  /// How many numbers of a result one piece of work makes of each vector. No sum depends on it.
  private static var columnsPerPiece: Int { 96 }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func applied(
    to batch: Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers
  ) -> Tensor<Scalar> {
    let zeros = Tensor<Scalar>(shape: [bias == nil ? outputs : 0])
    return (bias ?? zeros).withUnsafeElements { bias in
      weights.withUnsafeElements { w in
        product(
          batch, MatrixView(elements: w, stride: inputs, transposed: true), Epilogue(addend: bias),
          columns: outputs, workers: workers)
      }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func appliedTransposed(to batch: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    weights.withUnsafeElements { w in
      product(
        batch, MatrixView(elements: w, stride: inputs), Epilogue(), columns: inputs,
        workers: workers)
    }
  }

  private func product(
    _ batch: Tensor<Scalar>, _ matrix: MatrixView<Scalar>, _ epilogue: Epilogue<Scalar>,
    columns: Int, workers: Workers
  ) -> Tensor<Scalar> {
    let (rows, depth) = (batch.shape[0], batch.shape[1])
    return Tensor(shape: [rows, columns]) { result in
      batch.withUnsafeElements { x in
        nonisolated(unsafe) let (x, result, matrix, epilogue) = (x, result, matrix, epilogue)
        workers.forEachRange(of: columns, by: Self.columnsPerPiece) { _, range in
          Scalar.multiply(
            rows: 0..<rows, columns: range, depth: depth, MatrixView(elements: x, stride: depth),
            matrix, epilogue, to: result, stride: columns)
        }
      }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func gradients(
    inputs x: Tensor<Scalar>, outputs g: Tensor<Scalar>, workers: Workers
  ) -> (weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let gradient = Tensor<Scalar>(shape: weights.shape) { target in
      x.withUnsafeElements { x in
        g.withUnsafeElements { gradients in
          nonisolated(unsafe) let (target, x, gradients) = (target, x, gradients)
          workers.forEachRange(of: outputs, by: Self.columnsPerPiece) { _, rows in
            Scalar.sumOuterProducts(
              rows: rows, columns: 0..<inputs, images: g.shape[0],
              [OuterProducts(gradients, stride: outputs, x, stride: inputs)], to: target,
              stride: inputs)
          }
        }
      }
    }
    return (gradient, g.batchSum())
  }

  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure {
    try VerifiedSpectralNorm.dense(weights.converted())
  }

  package func sums(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    FusedSums.dense(
      inputs: inputs, outputs: outputs, spectralNormUpperBound: spectralNormUpperBound)
  }

  package func biasNormUpperBound(_ bias: Tensor<Scalar>) -> Double { bias.normUpperBound }
}

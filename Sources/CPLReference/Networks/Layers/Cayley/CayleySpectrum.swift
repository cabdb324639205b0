// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLNumerics

/// The matrices W(ω) of a layer's weights, a linear map of these, and Cayley's transforms Q(ω) of them, in binary64.
///
/// Of a matrix of weights that is W itself. Of a k×k kernel K on an H×W torus it is the transfer function of the circular
/// convolution y_p = Σ_a K_a x_{p+a}, of one frequency of each pair ±ω: Q(−ω) is the conjugate of Q(ω). With one tap it
/// is the same for all frequencies.
///
/// Weights may be normalised, as the published code has them: α W/N, with N² = Σ ‖W(ω)‖_F² over the frequencies that
/// PyTorch's `rfft2` gives, those of the columns 0 … ⌊W/2⌋.
struct CayleySpectrum: Sendable {
  /// What was made of weights, for Q and for the gradients.
  struct Derived: Sendable {
    /// The parts of all S(ω), the normalised W(ω), parts×outputs×inputs.
    fileprivate let spectrum: [Double]
    /// α, and N.
    fileprivate let alpha: Double?
    fileprivate let norm: Double
    /// Of each frequency.
    fileprivate let transforms: [CayleyTransform]
  }

  private struct Frequency: Sendable {
    /// Where its real part is; an imaginary part is behind it.
    let slice: Int
    let isComplex: Bool
  }

  let outputs: Int
  let inputs: Int
  private let frequencies: [Frequency]
  /// How often N² counts a frequency, for each of its parts.
  private let multiplicities: [Double]
  /// The parts of all frequencies of each tap alone, parts×taps.
  private let waves: Tensor<Double>

  /// Of a matrix.
  ///
  /// - Parameter copies: how often N² counts it.
  static func matrix(outputs: Int, inputs: Int, copies: Int = 1) -> CayleySpectrum {
    CayleySpectrum(
      outputs: outputs, inputs: inputs, frequencies: [Frequency(slice: 0, isComplex: false)],
      multiplicities: [Double(copies)], waves: Tensor(repeating: 1, shape: [1, 1]))
  }

  /// Of a k×k kernel, k odd.
  static func convolution(outputs: Int, image: ImageShape, kernel: Int) -> CayleySpectrum {
    guard kernel > 1 else {
      return matrix(
        outputs: outputs, inputs: image.channels, copies: image.height * (image.width / 2 + 1))
    }
    let torus = TorusFrequencies(height: image.height, width: image.width)
    return CayleySpectrum(
      outputs: outputs, inputs: image.channels,
      frequencies: torus.all.map { Frequency(slice: $0.slice, isComplex: $0.second != nil) },
      multiplicities: torus.all.flatMap { frequency in
        // Both ω and −ω are in the first and in the middle column.
        let isMirrored = 2 * frequency.column % image.width == 0 && frequency.second != nil
        return Array(repeating: isMirrored ? 2.0 : 1, count: frequency.parts)
      },
      waves: Tensor(
        shape: [torus.count, kernel * kernel], elements: torus.waves(kernel: kernel)))
  }

  private var parts: Int { waves.shape[0] }
  private var taps: Int { waves.shape[1] }
  private var size: Int { outputs * inputs }

  /// What is made of weights.
  ///
  /// - Parameters:
  ///   - weights: outputs×inputs×taps.
  ///   - alpha: α; nil for weights that are not normalised.
  func derived(from weights: Tensor<Double>, alpha: Double?, workers: Workers) -> Derived {
    let (spectrum, norm) = scaled(weights, alpha)
    let transforms = workers.map(frequencies.count) {
      CayleyTransform(matrix(frequencies[$0], of: spectrum))
    }
    return Derived(spectrum: spectrum, alpha: alpha, norm: norm, transforms: transforms)
  }

  /// The parts of all Q(ω), parts×outputs×inputs.
  func orthogonal<Scalar: TensorScalar>(_ derived: Derived, workers: Workers) -> Tensor<Scalar> {
    joined(workers) { derived.transforms[$0].orthogonal }
  }

  /// The gradient with respect to the weights and α, given that with respect to all parts of Q(ω).
  ///
  /// With S = W α/N and S̄: ᾱ = ⟨S̄, W⟩/N, W̄ = (α/N)(S̄ − ⟨S̄, W⟩/N² · m W), m the multiplicities. W̄ goes back to the
  /// weights by the transpose of the map from them.
  func gradient<Scalar: TensorScalar>(
    of orthogonal: [Scalar], shape: [Int], _ derived: Derived, workers: Workers
  ) -> (weights: Tensor<Double>, alpha: Double) {
    let joined: Tensor<Double> = joined(workers) { index in
      derived.transforms[index].gradient(of: matrix(frequencies[index], of: orthogonal))
    }
    var gradient = joined.elements
    var alphaGradient = 0.0
    if let alpha = derived.alpha {
      // S is at hand: ⟨S̄, W⟩ = ⟨S̄, S⟩ N/α, and m W/N = m S/α.
      let inner = Double.dot(gradient.count, gradient, derived.spectrum)
      alphaGradient = inner / alpha
      let (outer, factor) = (alpha / derived.norm, inner / (alpha * alpha))
      for part in 0..<parts {
        let factor = factor * multiplicities[part]
        for index in part * size..<(part + 1) * size {
          gradient[index] = outer * (gradient[index] - factor * derived.spectrum[index])
        }
      }
    }
    return (
      Tensor(
        shape: shape,
        elements: Self.product(
          rows: size, columns: taps, depth: parts, (gradient, size, true),
          (waves.elements, taps, false))), alphaGradient
    )
  }

  /// The parts of all S(ω), and N.
  private func scaled(
    _ weights: Tensor<Double>, _ alpha: Double?
  ) -> (spectrum: [Double], norm: Double) {
    var elements = Self.product(
      rows: parts, columns: size, depth: taps, (waves.elements, taps, false),
      (weights.elements, taps, true))
    guard let alpha else { return (elements, 1) }
    let norm = elements.withUnsafeBufferPointer { elements in
      (0..<parts).reduce(0.0) { sum, part in
        let matrix = elements.baseAddress! + part * size
        return sum + multiplicities[part] * Double.dot(size, matrix, matrix)
      }
    }.squareRoot()
    let factor = alpha / norm
    for index in elements.indices { elements[index] *= factor }
    return (elements, norm)
  }

  private static func product(
    rows: Int, columns: Int, depth: Int, _ a: (elements: [Double], stride: Int, transposed: Bool),
    _ b: (elements: [Double], stride: Int, transposed: Bool)
  ) -> [Double] {
    Tensor<Double>(shape: [rows, columns]) { result in
      a.elements.withUnsafeBufferPointer { first in
        b.elements.withUnsafeBufferPointer { second in
          Double.multiply(
            rows: 0..<rows, columns: 0..<columns, depth: depth,
            MatrixView(
              elements: first.baseAddress!, stride: a.stride, transposed: a.transposed),
            MatrixView(
              elements: second.baseAddress!, stride: b.stride, transposed: b.transposed),
            Epilogue(), to: result, stride: columns)
        }
      }
    }.elements
  }

  /// The matrix of a frequency.
  private func matrix<Scalar: TensorScalar>(
    _ frequency: Frequency, of parts: [Scalar]
  ) -> ComplexMatrix {
    ComplexMatrix(rows: outputs, columns: inputs, isComplex: frequency.isComplex) { elements in
      parts.withUnsafeBufferPointer { parts in
        Self.copy(
          frequency.isComplex ? 2 * size : size, parts.baseAddress! + frequency.slice * size,
          to: elements)
      }
    }
  }

  /// The parts of what `body` makes for each frequency, parts×outputs×inputs.
  private func joined<Scalar: TensorScalar>(
    _ workers: Workers, _ body: @Sendable (_ frequency: Int) -> ComplexMatrix
  ) -> Tensor<Scalar> {
    Tensor(shape: [parts, outputs, inputs]) { target in
      nonisolated(unsafe) let target = target
      workers.forEach(frequencies.count) { index in
        let elements = body(index).elements
        elements.withUnsafeBufferPointer {
          Self.copy(
            $0.count, $0.baseAddress!, to: target + frequencies[index].slice * size)
        }
      }
    }
  }

  @specialized(where Source == Double, Target == Double)
  @specialized(where Source == Double, Target == Float)
  @specialized(where Source == Float, Target == Double)
  private static func copy<Source: TensorScalar, Target: TensorScalar>(
    _ count: Int, _ source: UnsafePointer<Source>, to target: UnsafeMutablePointer<Target>
  ) {
    for index in 0..<count { target[index] = Target(source[index]) }
  }
}

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

  /// The parts of all Q(ω), parts×outputs×inputs.
  ///
  /// - Parameters:
  ///   - weights: outputs×inputs×taps.
  ///   - alpha: α; nil for weights that are not normalised.
  func orthogonal(
    of weights: Tensor<Double>, alpha: Double?, workers: Workers
  ) -> Tensor<Double> {
    let spectrum = scaled(weights, alpha).spectrum
    let matrices = workers.map(frequencies.count) { index in
      part(of: CayleyTransform(matrix(frequencies[index], of: spectrum)).orthogonal)
    }
    return Tensor(shape: [parts, outputs, inputs], elements: matrices.flatMap { $0 })
  }

  /// The gradient with respect to the weights and α, given that with respect to all parts of Q(ω).
  ///
  /// With S = W α/N and S̄: ᾱ = ⟨S̄, W⟩/N, W̄ = (α/N)(S̄ − ⟨S̄, W⟩/N² · m W), m the multiplicities. W̄ goes back to the
  /// weights by the transpose of the map from them.
  func gradient(
    of orthogonal: Tensor<Double>, weights: Tensor<Double>, alpha: Double?, workers: Workers
  ) -> (weights: Tensor<Double>, alpha: Double) {
    let (spectrum, norm) = scaled(weights, alpha)
    let found = workers.map(frequencies.count) { index in
      let frequency = frequencies[index]
      let transform = CayleyTransform(matrix(frequency, of: spectrum))
      return gradientOfParts(
        transform.gradient(of: leading(frequency, of: orthogonal)), frequency)
    }
    var gradient = found.flatMap { $0 }
    var alphaGradient = 0.0
    if let alpha {
      // S is at hand: ⟨S̄, W⟩ = ⟨S̄, S⟩ N/α, and m W/N = m S/α.
      let inner = zip(gradient, spectrum.elements).reduce(0) { $0 + $1.0 * $1.1 }
      alphaGradient = inner / alpha
      let factor = inner / (alpha * alpha)
      for index in gradient.indices {
        gradient[index] =
          alpha / norm
          * (gradient[index] - factor * multiplicities[index / size] * spectrum.elements[index])
      }
    }
    return (
      Tensor(
        shape: weights.shape,
        elements: Self.product(
          rows: size, columns: taps, depth: parts, (gradient, size, true),
          (waves.elements, taps, false))), alphaGradient
    )
  }

  /// The parts of all W(ω), and N.
  private func scaled(
    _ weights: Tensor<Double>, _ alpha: Double?
  ) -> (spectrum: Tensor<Double>, norm: Double) {
    var elements = Self.product(
      rows: parts, columns: size, depth: taps, (waves.elements, taps, false),
      (weights.elements, taps, true))
    var norm = 1.0
    if let alpha {
      var square = 0.0
      for index in elements.indices {
        square += multiplicities[index / size] * elements[index] * elements[index]
      }
      norm = square.squareRoot()
      let factor = alpha / norm
      for index in elements.indices { elements[index] *= factor }
    }
    return (Tensor(shape: [parts, outputs, inputs], elements: elements), norm)
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
}

// A complex matrix A + iB stands as a real one of twice the size, with [[a, −b], [b, a]] for each element: sums, products,
// inverses and adjoints of these are those of the complex ones, and the first rows are those of the first complex rows.
extension CayleySpectrum {
  private func matrix(_ frequency: Frequency, of spectrum: Tensor<Double>) -> Tensor<Double> {
    let real = frequency.slice * size
    guard frequency.isComplex else {
      return Tensor(
        shape: [outputs, inputs], elements: Array(spectrum.elements[real..<real + size]))
    }
    var elements = leading(frequency, of: spectrum).elements
    let parts = spectrum.elements
    for index in 0..<size {
      let corner = self.corner(index)
      elements[corner + 1] = -parts[real + size + index]
      elements[corner + 1 + 2 * inputs] = parts[real + index]
    }
    return Tensor(shape: [2 * outputs, 2 * inputs], elements: elements)
  }

  /// Where the 2×2 block of an element begins.
  private func corner(_ index: Int) -> Int {
    4 * (index / inputs) * inputs + 2 * (index % inputs)
  }

  /// The matrix with zeros in every second column: of the gradient with respect to it, since the second columns are not
  /// read.
  private func leading(_ frequency: Frequency, of parts: Tensor<Double>) -> Tensor<Double> {
    let real = frequency.slice * size
    guard frequency.isComplex else { return matrix(frequency, of: parts) }
    var elements = [Double](repeating: 0, count: 4 * size)
    let numbers = parts.elements
    for index in 0..<size {
      let corner = self.corner(index)
      elements[corner] = numbers[real + index]
      elements[corner + 2 * inputs] = numbers[real + size + index]
    }
    return Tensor(shape: [2 * outputs, 2 * inputs], elements: elements)
  }

  /// The real part, and the imaginary one behind it, of a matrix.
  private func part(of matrix: Tensor<Double>) -> [Double] {
    guard matrix.count > size else { return matrix.elements }
    return (0..<size).map { matrix.elements[corner($0)] }
      + (0..<size).map { matrix.elements[corner($0) + 2 * inputs] }
  }

  /// The gradient with respect to the parts, given that with respect to the matrix that they make.
  private func gradientOfParts(_ matrix: Tensor<Double>, _ frequency: Frequency) -> [Double] {
    guard frequency.isComplex else { return matrix.elements }
    let (elements, below) = (matrix.elements, 2 * inputs)
    return (0..<size).map { elements[corner($0)] + elements[corner($0) + below + 1] }
      + (0..<size).map { elements[corner($0) + below] - elements[corner($0) + 1] }
  }
}

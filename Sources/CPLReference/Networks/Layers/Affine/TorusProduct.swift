// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLEnclosures
import CPLNumerics
import CPLRoundingErrors

/// A circular convolution of batches of C×H×W images with a kernel as large as the image, by its transfer function: for
/// each frequency ω of the torus a matrix Q(ω) = A(ω) + iB(ω), outputs×C.
///
/// In the real orthonormal Fourier basis the map is a diagonal of blocks [[A, −B], [B, A]], or A where ω = −ω: its norm is
/// the largest of theirs. What is executed is
///
///     X̃ = transform of the image,   ỹ_c = A x̃_c − B x̃_s,   ỹ_s = B x̃_c + A x̃_s,   y = inverse transform of Ỹ
///
/// each product one chain, and each sum rounded once.
package struct TorusProduct<Scalar: TensorScalar>: AffineProduct {
  /// A, and B behind it where there is one, of each frequency: HW×outputs×C.
  package var weights: Tensor<Scalar> {
    didSet { transposed = Self.transposed(weights, transform.frequencies) }
  }
  /// The transpose of A, and beside it of B where there is one, of each frequency: C×outputs, or C×2outputs. Products read
  /// it row by row.
  private var transposed: Tensor<Scalar>
  private let image: ImageShape
  private let transform: TorusTransform<Scalar>

  /// - Parameter weights: HW×outputs×C.
  init(weights: Tensor<Scalar>, image: ImageShape) {
    self.weights = weights
    self.image = image
    transform = TorusTransform(height: image.height, width: image.width)
    transposed = Self.transposed(weights, transform.frequencies)
  }

  private static func transposed(
    _ weights: Tensor<Scalar>, _ frequencies: TorusFrequencies
  ) -> Tensor<Scalar> {
    let (outputs, inputs) = (weights.shape[1], weights.shape[2])
    return Tensor(shape: [weights.count]) { target in
      weights.withUnsafeElements { weights in
        for frequency in frequencies.all {
          let (start, rows) = (frequency.slice * outputs * inputs, frequency.parts * outputs)
          Scalar.transpose(
            rows: rows, columns: inputs, weights + start, stride: inputs, to: target + start,
            stride: rows)
        }
      }
    }
  }

  private var inputs: Int { image.channels }
  package var outputs: Int { weights.shape[1] }
  private var pixels: Int { image.planeCount }
  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.with(channels: outputs).extents }

  package func applied(
    to batch: Tensor<Scalar>, adding bias: Tensor<Scalar>?, workers: Workers
  ) -> Tensor<Scalar> {
    mapped(batch, from: inputs, to: outputs, workers: workers) { x, y, images, room in
      product(images, x, to: y, room)
    } finishing: { y, images in
      if let bias { add(bias, to: y, images: images) }
    }
  }

  package func appliedTransposed(to batch: Tensor<Scalar>, workers: Workers) -> Tensor<Scalar> {
    mapped(batch, from: outputs, to: inputs, workers: workers) { g, x, images, _ in
      transposedProduct(images, g, to: x)
    } finishing: { _, _ in
    }
  }

  /// Images by way of their spectra, a few at a time.
  private func mapped(
    _ batch: Tensor<Scalar>, from channels: Int, to newChannels: Int, workers: Workers,
    _ map:
      @Sendable (
        UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Int, UnsafeMutablePointer<Scalar>
      ) -> Void,
    finishing: @Sendable (UnsafeMutablePointer<Scalar>, Int) -> Void
  ) -> Tensor<Scalar> {
    let count = batch.shape[0]
    return Tensor(shape: [count] + image.with(channels: newChannels).extents) { results in
      batch.withUnsafeElements { images in
        nonisolated(unsafe) let (images, results) = (images, results)
        workers.forEachRange(of: count, by: BatchTree.imagesPerPiece) { _, range in
          withRoom(images: range.count) { source, target, room in
            transform.forward(
              planes: range.count * channels, images + range.lowerBound * channels * pixels,
              to: source, scratch: target)
            map(source, target, range.count, room)
            let result = results + range.lowerBound * newChannels * pixels
            transform.backward(
              planes: range.count * newChannels, target, to: result, scratch: source)
            finishing(result, range.count)
          }
        }
      }
    }
  }

  /// Room for two spectra of so many inputs or outputs, and for a third or the products of a frequency.
  private func withRoom(
    images: Int,
    _ body: (
      UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>
    ) -> Void
  ) {
    let channels = max(inputs, outputs)
    let spectrum = images * channels * pixels
    withUnsafeTemporaryAllocation(
      of: Scalar.self, capacity: 2 * spectrum + max(spectrum, 4 * images * channels)
    ) {
      let start = $0.baseAddress!
      body(start, start + spectrum, start + 2 * spectrum)
    }
  }

  /// Ỹ of X̃.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func product(
    _ images: Int, _ x: UnsafePointer<Scalar>, to y: UnsafeMutablePointer<Scalar>,
    _ room: UnsafeMutablePointer<Scalar>
  ) {
    let (inputs, outputs) = (inputs, outputs)
    transposed.withUnsafeElements { weights in
      for frequency in transform.frequencies.all {
        let matrix = weights + frequency.slice * outputs * inputs
        let real = y + frequency.first * images * outputs
        func multiply(_ place: Int, to target: UnsafeMutablePointer<Scalar>, columns: Int) {
          Scalar.multiply(
            rows: 0..<images, columns: 0..<columns, depth: inputs,
            MatrixView(elements: x + place * images * inputs, stride: inputs),
            MatrixView(elements: matrix, stride: columns), Epilogue(), to: target, stride: columns)
        }
        guard let second = frequency.second else {
          multiply(frequency.first, to: real, columns: outputs)
          continue
        }
        // Of each image A x̃_c and B x̃_c, then A x̃_s and B x̃_s.
        let other = room + 2 * images * outputs
        multiply(frequency.first, to: room, columns: 2 * outputs)
        multiply(second, to: other, columns: 2 * outputs)
        Self.combine(
          images, outputs, room, other, real: real, imaginary: y + second * images * outputs)
      }
    }
  }

  /// real ← A x̃_c − B x̃_s, imaginary ← B x̃_c + A x̃_s.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func combine(
    _ images: Int, _ outputs: Int, _ first: UnsafePointer<Scalar>, _ second: UnsafePointer<Scalar>,
    real: UnsafeMutablePointer<Scalar>, imaginary: UnsafeMutablePointer<Scalar>
  ) {
    for image in 0..<images {
      let (a, b) = (first + 2 * image * outputs, second + 2 * image * outputs)
      let (real, imaginary) = (real + image * outputs, imaginary + image * outputs)
      for index in 0..<outputs {
        real[index] = a[index] - b[outputs + index]
        imaginary[index] = a[outputs + index] + b[index]
      }
    }
  }

  /// X̃ = Qᴴ G̃: x̃_c = Aᵀg_c + Bᵀg_s, x̃_s = Aᵀg_s − Bᵀg_c, each one sum, rounded once more.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func transposedProduct(
    _ images: Int, _ g: UnsafePointer<Scalar>, to x: UnsafeMutablePointer<Scalar>
  ) {
    let (inputs, outputs) = (inputs, outputs)
    weights.withUnsafeElements { weights in
      for frequency in transform.frequencies.all {
        let matrix = weights + frequency.slice * outputs * inputs
        func multiply(_ place: Int, _ part: Int, _ epilogue: Epilogue<Scalar>, to target: Int) {
          Scalar.multiply(
            rows: 0..<images, columns: 0..<inputs, depth: outputs,
            MatrixView(elements: g + place * images * outputs, stride: outputs),
            MatrixView(elements: matrix + part * outputs * inputs, stride: inputs), epilogue,
            to: x + target * images * inputs, stride: inputs)
        }
        func adding(_ factor: Scalar, _ target: Int) -> Epilogue<Scalar> {
          Epilogue(alpha: factor, addend: x + target * images * inputs, addendStride: inputs)
        }
        multiply(frequency.first, 0, Epilogue(), to: frequency.first)
        guard let second = frequency.second else { continue }
        multiply(second, 1, adding(1, frequency.first), to: frequency.first)
        multiply(second, 0, Epilogue(), to: second)
        multiply(frequency.first, 1, adding(-1, second), to: second)
      }
    }
  }

  package func gradients(
    inputs x: Tensor<Scalar>, outputs g: Tensor<Scalar>, workers: Workers
  ) -> (weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let all = backward(inputs: x, outputs: g, workers: workers)
    return (all.weights, all.bias)
  }

  /// Both from the same spectrum of the outputs' gradients.
  package func backward(
    inputs x: Tensor<Scalar>, outputs g: Tensor<Scalar>, workers: Workers
  ) -> (inputs: Tensor<Scalar>, weights: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let (inputs, outputs, pixels) = (inputs, outputs, pixels)
    let (count, weightCount) = (x.shape[0], weights.count)
    let pieces = BatchTree.pieces(of: count)
    guard pieces > 0 else {
      return (x, Tensor(shape: weights.shape), Tensor(shape: [outputs]))
    }
    var (weightSums, biasSums) = (
      Tensor<Scalar>(shape: [pieces * weights.shape[0]] + weights.shape.dropFirst()) { _ in },
      Tensor<Scalar>(shape: [pieces, outputs])
    )
    let inputGradient = Tensor<Scalar>(shape: x.shape) { inputGradient in
      weightSums.withUnsafeMutableElements { weightSums in
        biasSums.withUnsafeMutableElements { biasSums in
          Tensor.withUnsafeElements([x, g]) { pair in
            nonisolated(unsafe) let (weightSums, biasSums) = (weightSums, biasSums)
            nonisolated(unsafe) let (x, g, inputGradient) = (pair[0], pair[1], inputGradient)
            workers.forEachRange(of: count, by: BatchTree.imagesPerPiece) { piece, range in
              let (images, first) = (range.count, range.lowerBound)
              let gradients = g + first * outputs * pixels
              withRoom(images: images) { xs, gs, room in
                transform.forward(
                  planes: images * inputs, x + first * inputs * pixels, to: xs, scratch: gs)
                transform.forward(planes: images * outputs, gradients, to: gs, scratch: room)
                setGradients(images, inputs: xs, outputs: gs, to: weightSums + piece * weightCount)
                transposedProduct(images, gs, to: xs)
                transform.backward(
                  planes: images * inputs, xs, to: inputGradient + first * inputs * pixels,
                  scratch: gs)
              }
              addPlanes(images, gradients, to: biasSums + piece * outputs)
            }
            BatchTree.forEachAddition(of: pieces) { sum, addend in
              Scalar.add(
                weightCount, alpha: 1, weightSums + addend * weightCount,
                to: weightSums + sum * weightCount)
              Scalar.add(
                outputs, alpha: 1, biasSums + addend * outputs, to: biasSums + sum * outputs)
            }
          }
        }
      }
    }
    if pieces > 1 {
      (weightSums, biasSums) = (weightSums.slice(0..<weights.shape[0]), biasSums.slice(0..<1))
    }
    return (inputGradient, weightSums, biasSums.reshaped([outputs]))
  }

  /// Ā = Σ g_c x̃_cᵀ + g_s x̃_sᵀ and B̄ = Σ g_s x̃_cᵀ − g_c x̃_sᵀ, halved where coefficients are √2 times too large.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func setGradients(
    _ images: Int, inputs x: UnsafePointer<Scalar>, outputs g: UnsafePointer<Scalar>,
    to sum: UnsafeMutablePointer<Scalar>
  ) {
    let (inputs, outputs) = (inputs, outputs)
    for frequency in transform.frequencies.all {
      let factor: Scalar = frequency.isSummed ? 0.5 : 1
      func outer(_ factor: Scalar, _ row: Int, _ column: Int) -> OuterProducts<Scalar> {
        OuterProducts(
          alpha: factor, g + row * images * outputs, stride: outputs, x + column * images * inputs,
          stride: inputs)
      }
      func add(_ products: [OuterProducts<Scalar>], part: Int) {
        Scalar.sumOuterProducts(
          rows: 0..<outputs, columns: 0..<inputs, images: images, products,
          to: sum + (frequency.slice + part) * outputs * inputs, stride: inputs)
      }
      let first = frequency.first
      guard let second = frequency.second else {
        add([outer(factor, first, first)], part: 0)
        continue
      }
      add([outer(factor, first, first), outer(factor, second, second)], part: 0)
      add([outer(factor, second, first), outer(-factor, first, second)], part: 1)
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func add(
    _ bias: Tensor<Scalar>, to images: UnsafeMutablePointer<Scalar>, images count: Int
  ) {
    let pixels = pixels
    for plane in 0..<count * outputs {
      let (values, number) = (images + plane * pixels, bias.elements[plane % outputs])
      for index in 0..<pixels { values[index] += number }
    }
  }

  /// The sum of each channel's pixels, image by image.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func addPlanes(
    _ images: Int, _ gradients: UnsafePointer<Scalar>, to sums: UnsafeMutablePointer<Scalar>
  ) {
    let pixels = pixels
    for plane in 0..<images * outputs {
      let values = gradients + plane * pixels
      var sum: Scalar = 0
      for index in 0..<pixels { sum += values[index] }
      sums[plane % outputs] += sum
    }
  }

  package func biasNormUpperBound(_ bias: Tensor<Scalar>) -> Double {
    Rounding.up.product(bias.normUpperBound, image.planeNormUpperBound)
  }
}

extension TorusProduct {
  /// Between the largest lower and the largest upper bound of all blocks' norms.
  package func spectralNorm() throws(VerificationError) -> SpectralNormEnclosure {
    let executed: Tensor<Float> = weights.converted()
    let size = outputs * inputs
    var (lower, upper, estimate) = (0.0, 0.0, 0.0)
    for frequency in transform.frequencies.all {
      let start = frequency.slice * size
      let real = executed.elements[start..<start + size]
      var block = Tensor(shape: [outputs, inputs], elements: Array(real))
      if frequency.second != nil {
        let imaginary = executed.elements[start + size..<start + 2 * size]
        func row(_ row: Int, _ part: ArraySlice<Float>) -> ArraySlice<Float> {
          part[part.startIndex + row * inputs..<part.startIndex + (row + 1) * inputs]
        }
        let above = (0..<outputs).flatMap { Array(row($0, real)) + row($0, imaginary).map { -$0 } }
        let below = (0..<outputs).flatMap { Array(row($0, imaginary)) + row($0, real) }
        block = Tensor(shape: [2 * outputs, 2 * inputs], elements: above + below)
      }
      let enclosure = try VerifiedSpectralNorm.dense(block)
      lower = max(lower, enclosure.lowerBound)
      upper = max(upper, enclosure.upperBound)
      estimate = max(estimate, enclosure.estimate)
    }
    return SpectralNormEnclosure(
      lowerBound: lower, upperBound: upper, estimate: estimate, method: .frequencies)
  }

  package func sums(
    spectralNormUpperBound: Double
  ) throws(VerificationError) -> any RoundedProduct {
    TorusSums(inputs: image, outputs: outputs, spectralNorm: spectralNormUpperBound)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// The linear map T of a convolution with an odd k×k kernel, stride 1 and zero padding ⌊k/2⌋, on
/// H×W images, in binary64:
///
///     (T x)[i, r, c] = Σ_{ch, a, b} K[i, ch, a, b]·x[ch, r + a − ⌊k/2⌋, c + b − ⌊k/2⌋].
///
/// It is summed directly, so that the rounding of each output is bounded by γ_{k²C}(|T||x|).
package struct ZeroPaddedConvolution: Sendable {
  /// inner, the number of output channels.
  package let outputs: Int
  /// C, the number of input channels.
  package let inputs: Int
  /// k.
  package let kernelSide: Int
  /// H.
  package let height: Int
  /// W.
  package let width: Int
  /// The kernel as k² matrices, tap by tap: [a, b, i, ch].
  package let taps: [Double]

  /// From a kernel in the order [i, ch, a, b].
  package init(
    kernel: [Double], outputs: Int, inputs: Int, kernelSide: Int, height: Int, width: Int
  ) {
    let tapCount = kernelSide * kernelSide
    var taps = [Double](repeating: 0, count: kernel.count)
    for channel in 0..<outputs * inputs {
      for tap in 0..<tapCount {
        taps[tap * outputs * inputs + channel] = kernel[channel * tapCount + tap]
      }
    }
    self.init(
      taps: taps, outputs: outputs, inputs: inputs, kernelSide: kernelSide, height: height,
      width: width)
  }

  private init(
    taps: [Double], outputs: Int, inputs: Int, kernelSide: Int, height: Int, width: Int
  ) {
    self.taps = taps
    self.outputs = outputs
    self.inputs = inputs
    self.kernelSide = kernelSide
    self.height = height
    self.width = width
  }

  /// k², the number of taps.
  package var tapCount: Int { kernelSide * kernelSide }

  /// The number of elements of an input.
  package var inputCount: Int { inputs * height * width }

  /// The number of elements of an output.
  package var outputCount: Int { outputs * height * width }

  /// Tᵀ, which is the convolution with K[ch, i, k − 1 − a, k − 1 − b].
  package var transposed: ZeroPaddedConvolution {
    var flipped = [Double](repeating: 0, count: taps.count)
    for tap in 0..<tapCount {
      for output in 0..<outputs {
        for input in 0..<inputs {
          flipped[((tapCount - 1 - tap) * inputs + input) * outputs + output] =
            taps[(tap * outputs + output) * inputs + input]
        }
      }
    }
    return ZeroPaddedConvolution(
      taps: flipped, outputs: inputs, inputs: outputs, kernelSide: kernelSide,
      height: height, width: width)
  }

  /// y ← T x.
  ///
  /// The image is laid out with its padding, in rows of W + k − 1. A tap is then a shift of the
  /// whole image, and T a sum of k² matrix products; what a product computes beyond the end of a
  /// row is dropped. Every output is a sum of k²C products, zeros of the padding among them.
  func apply(_ x: UnsafePointer<Double>, _ y: UnsafeMutablePointer<Double>) {
    let padding = kernelSide / 2
    let (rows, pitch) = (height + kernelSide - 1, width + kernelSide - 1)
    let span = (height - 1) * pitch + width
    var padded = [Double](repeating: 0, count: inputs * rows * pitch)
    for input in 0..<inputs {
      for row in 0..<height {
        let target = (input * rows + row + padding) * pitch + padding
        let source = (input * height + row) * width
        for column in 0..<width { padded[target + column] = x[source + column] }
      }
    }
    var sums = [Double](repeating: 0, count: outputs * span)
    padded.withUnsafeBufferPointer { image in
      taps.withUnsafeBufferPointer { taps in
        for tap in 0..<tapCount {
          let shift = tap / kernelSide * pitch + tap % kernelSide
          BLAS.multiply(
            transposeA: false, transposeB: false, rows: outputs, columns: span, depth: inputs,
            alpha: 1, taps.baseAddress! + tap * outputs * inputs, lda: inputs,
            image.baseAddress! + shift, ldb: rows * pitch, beta: 1, &sums, ldc: span)
        }
      }
    }
    for output in 0..<outputs {
      for row in 0..<height {
        let source = output * span + row * pitch
        let target = (output * height + row) * width
        for column in 0..<width { y[target + column] = sums[source + column] }
      }
    }
  }

  /// T x.
  package func applied(to x: [Double]) -> [Double] {
    precondition(x.count == inputCount)
    return [Double](unsafeUninitializedCapacity: outputCount) { y, count in
      x.withUnsafeBufferPointer { apply($0.baseAddress!, y.baseAddress!) }
      count = outputCount
    }
  }
}

extension ZeroPaddedConvolution {
  /// ‖|T||T|ᵀ‖_∞ ≤ the result, and so ‖|T|‖₂² too.
  ///
  /// A row of |T||T|ᵀ sums, over ch, Σ_ab|K[i, ch, a, b]| times column sums of |T|, each at most
  /// Σ_jab|K[j, ch, a, b]|. All terms are positive: N of them, in whatever order, are summed with
  /// a relative error of γ_N at most.
  ///
  /// Complexity: O(number of weights).
  package var absoluteGramNormUpperBound: Double {
    var channelSums = [Double](repeating: 0, count: outputs * inputs)
    for (index, weight) in taps.enumerated() {
      channelSums[index % (outputs * inputs)] += weight.magnitude
    }
    var columnSums = [Double](repeating: 0, count: inputs)
    for (index, sum) in channelSums.enumerated() { columnSums[index % inputs] += sum }
    var largest = 0.0
    for output in 0..<outputs {
      var sum = 0.0
      for input in 0..<inputs { sum += channelSums[output * inputs + input] * columnSums[input] }
      largest = max(largest, sum)
    }
    // Each weight passes at most k² + (k² + outputs) + 1 + inputs roundings.
    let roundings = 2 * tapCount + outputs + inputs + 1
    return Rounding.up.product(
      largest,
      Rounding.up.quotient(1, Rounding.down.difference(1, Rounding.gamma(roundings))))
  }

  /// The half-bandwidth of TTᵀ with its rows ordered by (row, column, output channel).
  ///
  /// Outputs share an input when neither their rows nor their columns lie further apart than
  /// k − 1: at most (k − 1)(W + 1)·outputs + outputs − 1 places, and never more than there are.
  package var gramBandwidth: Int {
    min(
      (kernelSide - 1) * (width + 1) * outputs + outputs - 1,
      outputCount - 1)
  }

  /// TTᵀ, as a band matrix.
  ///
  /// *Error.* An entry is a sum of at most k²C products, summed in two stages: the correlations
  /// Σ_ch K[i, ch, a, b]·K[j, ch, a', b'] first, then those whose taps fall on a common pixel
  /// inside the image. So |computed − TTᵀ| ≤ γ_{k²C}·|T||T|ᵀ entry by entry, and in the 2-norm
  /// at most γ_{k²C}·`absoluteGramNormUpperBound`.
  ///
  /// Complexity: at most 2k⁴HW·outputs² additions, outputs·HW·(bandwidth + 1) numbers of memory.
  package func gramMatrix() -> SymmetricMatrix {
    let side = tapCount * outputs
    var correlations = [Double](repeating: 0, count: side * side)
    BLAS.multiply(
      transposeA: false, transposeB: true, rows: side, columns: side, depth: inputs, alpha: 1,
      taps, lda: inputs, taps, ldb: inputs, beta: 0, &correlations, ldc: side)
    let bandwidth = gramBandwidth
    var band = [Double](repeating: 0, count: outputCount * (bandwidth + 1))
    let reach = kernelSide - 1
    var block = [Double](repeating: 0, count: outputs * outputs)
    for row in 0..<height {
      for column in 0..<width {
        for otherRow in row...min(row + reach, height - 1) {
          let firstColumn = otherRow == row ? column : max(column - reach, 0)
          for otherColumn in firstColumn...min(column + reach, width - 1) {
            sum(
              correlations, into: &block, rows: (row, otherRow), columns: (column, otherColumn))
            let first = (row * width + column) * outputs
            let second = (otherRow * width + otherColumn) * outputs
            for i in 0..<outputs {
              // On the diagonal block only the upper triangle is stored.
              for j in (first == second ? i : 0)..<outputs {
                band[(first + i) * bandwidth + second + j] = block[i * outputs + j]
              }
            }
          }
        }
      }
    }
    return SymmetricMatrix(band: band, order: outputCount, bandwidth: bandwidth)
  }

  /// The entries of TTᵀ for two pixels, as an outputs×outputs block.
  private func sum(
    _ correlations: [Double], into block: inout [Double], rows: (Int, Int), columns: (Int, Int)
  ) {
    for index in block.indices { block[index] = 0 }
    let side = tapCount * outputs
    let (down, right) = (rows.1 - rows.0, columns.1 - columns.0)
    for a in taps(at: rows.1, of: height, shiftedBy: down) {
      for b in taps(at: columns.1, of: width, shiftedBy: right) {
        let first = ((a + down) * kernelSide + b + right) * outputs
        let second = (a * kernelSide + b) * outputs
        for i in 0..<outputs {
          for j in 0..<outputs {
            block[i * outputs + j] += correlations[(first + i) * side + second + j]
          }
        }
      }
    }
  }

  /// The taps of the output at `position`, in one direction, that fall on the image and, shifted
  /// by `shift`, are taps again.
  private func taps(at position: Int, of extent: Int, shiftedBy shift: Int) -> Range<Int> {
    let padding = kernelSide / 2
    return max(
      0, -shift, padding - position)..<min(
        kernelSide, kernelSide - shift, extent + padding - position)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension VerifiedSpectralNorm {
  /// lowerBound ≤ ‖T‖₂ ≤ upperBound for the circular convolution T with an odd k×k kernel, stride 1, on H×W tori.
  ///
  /// *Upper.* T is block-diagonal in the Fourier basis, so that ‖T‖ is the largest norm over the H×W frequencies, which
  /// `TorusBound.circularNormUpperBound` bounds, rounding included.
  ///
  /// *Lower.* ‖Tx‖/‖x‖ for a vector x found by Lanczos' method, as for a zero-padded convolution.
  ///
  /// - Parameters:
  ///   - kernel: [outputs, C, k, k], all extents at least 1, k odd.
  ///   - height: H, in ⌊k/2⌋ … 1024.
  ///   - width: W, in ⌊k/2⌋ … 1024.
  /// - Returns: an enclosure with `relativeWidth` ≤ 1e-6, but where taps that meet the same pixel of a torus smaller than
  ///   the kernel cancel.
  /// - Throws: `notFinite` for NaN and infinity, `invalid` for what is not such a kernel or torus.
  /// - Complexity: about HW/2 small Gram matrices, and what Lanczos' method takes.
  public static func circularConvolution(
    kernel: Tensor<Float>, height: Int, width: Int
  ) throws(VerificationError) -> SpectralNormEnclosure {
    let shape = try ConvolutionShape(kernel: kernel, height: height, width: width)
    guard shape.kernelSide / 2 <= min(height, width) else {
      throw .invalid(
        what: "torus", expected: "at least \(shape.kernelSide / 2) rows and columns",
        found: "\(height)×\(width)")
    }
    let scaled = try ScaledWeights(kernel, what: "kernel", axes: ConvolutionShape.axes)
    if scaled.isZero { return .zero }
    let map = TorusConvolution(
      kernel: scaled.elements, outputs: shape.inner, inputs: shape.channels,
      kernelSide: shape.kernelSide, height: height, width: width)
    let adjoint = map.transposed
    let (narrow, wide) = shape.inner <= shape.channels ? (map, adjoint) : (adjoint, map)
    let found = Lanczos.largestEigenpair(
      order: narrow.outputCount,
      basisLimit: max(8, min(160, (256 << 20) / (8 * narrow.outputCount)))
    ) { x, y in
      let image = wide.applied(to: Array(UnsafeBufferPointer(start: x, count: narrow.outputCount)))
      y.update(from: narrow.applied(to: image), count: narrow.outputCount)
    }
    var lowerBound = 0.0
    if let found {
      // |T| has the row and column sums of the zero-padded map's.
      lowerBound = quotientLowerBound(
        wide.applied(to: found.vector), of: found.vector,
        relativeError: Rounding.up.product(
          Rounding.gamma(wide.tapCount * wide.inputs),
          Rounding.up.squareRoot(wide.absoluteGramNormUpperBound)))
    }
    return try enclosure(
      what: "kernel", scale: scaled, estimate: found?.eigenvalue ?? 0, lowerBound: lowerBound,
      upperBound: scaled.scaled(
        try TorusBound.circularNormUpperBound(
          kernel: kernel, torusHeight: height, torusWidth: width)),
      method: .frequencies)
  }
}

/// The linear map of a circular convolution on H×W tori, in binary64: of the torus extended by its own opposite edges the
/// zero-padded convolution, of which the middle counts.
struct TorusConvolution: Sendable {
  private let extended: ZeroPaddedConvolution
  private let height: Int
  private let width: Int

  private init(_ extended: ZeroPaddedConvolution, height: Int, width: Int) {
    (self.extended, self.height, self.width) = (extended, height, width)
  }

  /// From a kernel in the order [i, ch, a, b].
  init(
    kernel: [Double], outputs: Int, inputs: Int, kernelSide: Int, height: Int, width: Int
  ) {
    let border = 2 * (kernelSide / 2)
    self.init(
      ZeroPaddedConvolution(
        kernel: kernel, outputs: outputs, inputs: inputs, kernelSide: kernelSide,
        height: height + border, width: width + border), height: height, width: width)
  }

  var inputs: Int { extended.inputs }
  var tapCount: Int { extended.tapCount }
  /// The number of elements of an output.
  var outputCount: Int { extended.outputs * height * width }
  /// ‖|T||T|ᵀ‖_∞ ≤ the result, and so ‖|T|‖₂².
  var absoluteGramNormUpperBound: Double { extended.absoluteGramNormUpperBound }

  /// Tᵀ, the circular convolution with the mirrored kernel.
  var transposed: TorusConvolution {
    TorusConvolution(extended.transposed, height: height, width: width)
  }

  /// T x.
  func applied(to x: [Double]) -> [Double] {
    let border = extended.kernelSide / 2
    let rows = (-border..<height + border).map { ($0 + height) % height }
    let columns = (-border..<width + border).map { ($0 + width) % width }
    var wide: [Double] = []
    wide.reserveCapacity(extended.inputCount)
    for plane in 0..<extended.inputs {
      for row in rows {
        let first = (plane * height + row) * width
        for column in columns { wide.append(x[first + column]) }
      }
    }
    let image = extended.applied(to: wide)
    var result: [Double] = []
    result.reserveCapacity(outputCount)
    for plane in 0..<extended.outputs {
      for row in 0..<height {
        let first = (plane * rows.count + row + border) * columns.count + border
        result += image[first..<first + width]
      }
    }
    return result
  }
}

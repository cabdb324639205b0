// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension VerifiedSpectralNorm {
  /// lowerBound ≤ ‖T‖₂ ≤ upperBound for the convolution T with an odd k×k kernel, stride 1 and zero
  /// padding ⌊k/2⌋, on H×W images (soundness.md, section 2).
  ///
  /// *Upper.* TTᵀ (or TᵀT, where C is less than inner) is formed as a band matrix, with an error of
  /// at most γ_{k²C}‖|T||T|ᵀ‖_∞ in the 2-norm (`ZeroPaddedConvolution.gramMatrix`), and
  /// bounded by a shifted band Cholesky factorisation, as in `dense(_:)`. Where the band would
  /// take more than 1 GiB, `TorusBound` takes its place, and the enclosure is then as wide as
  /// that bound is loose (`method` is `torus`).
  ///
  /// *Lower.* ‖Tx‖/‖x‖ by the zero-padded convolution itself, for a vector x found by Lanczos'
  /// method; the computed Tx errs by at most γ_{k²C}‖|T|‖₂‖x‖, which is subtracted.
  ///
  /// - Parameters:
  ///   - kernel: [inner, C, k, k], all extents at least 1, k odd.
  ///   - height: H, in 1 … 1024.
  ///   - width: W, in 1 … 1024.
  /// - Returns: an enclosure with `relativeWidth` ≤ 1e-6 unless `method` is `torus`; [0, 0] exactly
  ///   for a kernel of zeros.
  /// - Throws: `notFinite` for NaN and infinity, `invalid` for what is not such a kernel or image,
  ///   `enclosureNotFound` when no enclosure of that width was proved.
  /// - Complexity: with p = min(inner, C), about p³(k − 1)²HW³ multiply-adds for a factorisation and
  ///   p²(k − 1)HW² numbers of memory, W the lesser of the two.
  public static func convolution(
    kernel: Tensor<Float>, height: Int, width: Int
  ) throws(VerificationError) -> SpectralNormEnclosure {
    try convolution(kernel: kernel, height: height, width: width, bandLimit: bandLimit)
  }

  /// The largest band that is factorised, in bytes.
  package static let bandLimit = 1 << 30

  /// As above, with the band's largest size in bytes.
  package static func convolution(
    kernel: Tensor<Float>, height: Int, width: Int, bandLimit: Int
  ) throws(VerificationError) -> SpectralNormEnclosure {
    try ConvolutionShape(kernel: kernel, height: height, width: width)
    try ScaledWeights.requireFinite(kernel, what: "kernel", axes: ConvolutionShape.axes)
    guard width <= height else {
      // With rows and columns exchanged T is the same up to the order of pixels, and the band narrower.
      return try convolution(
        kernel: transposed(kernel), height: width, width: height, bandLimit: bandLimit)
    }
    // Every tap that is left is an entry of T, so that ‖T‖ ≥ 1 after scaling.
    let reached = reachedTaps(of: kernel, height: height, width: width)
    let shape = try ConvolutionShape(kernel: reached, height: height, width: width)
    let scaled = try ScaledWeights(reached, what: "kernel", axes: ConvolutionShape.axes)
    if scaled.isZero { return .zero }
    let map = ZeroPaddedConvolution(
      kernel: scaled.elements, outputs: shape.inner, inputs: shape.channels,
      kernelSide: shape.kernelSide, height: height, width: width)
    let adjoint = map.transposed
    let gramIsOfOutputs = shape.inner <= shape.channels
    let (narrow, wide) = gramIsOfOutputs ? (map, adjoint) : (adjoint, map)
    let bandSize = 8.0 * Double(narrow.outputCount) * Double(narrow.gramBandwidth + 1)
    let fitsBand = bandSize <= Double(bandLimit)
    let estimate = Lanczos.largestEigenpair(
      order: narrow.outputCount,
      // The torus bound is no better than 1e-5 itself.
      tolerance: fitsBand ? 1e-8 : 1e-3,
      basisLimit: max(8, min(160, (256 << 20) / (8 * narrow.outputCount)))
    ) { x, y in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: wide.outputCount) { buffer in
        wide.apply(x, buffer.baseAddress!)
        narrow.apply(buffer.baseAddress!, y)
      }
    }
    guard let estimate else { throw noStartingPoint("kernel") }

    let absoluteNorm = map.absoluteGramNormUpperBound
    let x = gramIsOfOutputs ? normalized(adjoint.applied(to: estimate.vector)) : estimate.vector
    let lowerBound = quotientLowerBound(
      map.applied(to: x), of: x,
      relativeError: Rounding.up.product(
        Rounding.gamma(map.tapCount * map.inputs), Rounding.up.squareRoot(absoluteNorm)))

    guard fitsBand else {
      let torus = try TorusBound.spectralNormUpperBound(
        kernel: kernel, height: height, width: width)
      return try enclosure(
        what: "kernel", scale: scaled, estimate: estimate.eigenvalue, lowerBound: lowerBound,
        upperBound: scaled.scaled(torus), method: .torus)
    }
    return try enclosure(
      what: "kernel", scale: scaled, estimate: estimate.eigenvalue, lowerBound: lowerBound,
      eigenvalueBound: SymmetricMatrix.provedUpperBound(estimate: estimate.eigenvalue) {
        narrow.gramMatrix()
      },
      gramError: Rounding.up.product(
        Rounding.gamma(narrow.tapCount * narrow.inputs), narrow.absoluteGramNormUpperBound),
      method: .bandCholesky)
  }

  /// The kernel without the taps that meet nothing but padding, which are set to 0, and where a whole
  /// border of it is such taps without that: outputs and inputs lie at most H − 1 rows and W − 1 columns
  /// apart. T is the same.
  private static func reachedTaps(
    of kernel: Tensor<Float>, height: Int, width: Int
  ) -> Tensor<Float> {
    let side = kernel.shape[3]
    func reached(_ extent: Int) -> Int { min(side, 2 * extent - 1) }
    func range(_ reached: Int) -> Range<Int> { (side - reached) / 2..<(side + reached) / 2 }
    let (rows, columns) = (range(reached(height)), range(reached(width)))
    let kept = max(rows.count, columns.count)
    guard min(rows.count, columns.count) < side else { return kernel }
    let square = range(kept)
    return Tensor(
      shape: [kernel.shape[0], kernel.shape[1], kept, kept],
      elements: kernel.elements.enumerated().compactMap { index, weight in
        let (row, column) = (index / side % side, index % side)
        guard square ~= row, square ~= column else { return nil }
        return rows ~= row && columns ~= column ? weight : 0
      })
  }

  /// The kernel with its rows and columns exchanged.
  private static func transposed(_ kernel: Tensor<Float>) -> Tensor<Float> {
    let (side, taps) = (kernel.shape[3], kernel.shape[2] * kernel.shape[3])
    return Tensor(
      shape: kernel.shape,
      elements: kernel.elements.indices.map { index in
        let tap = index % taps
        return kernel.elements[index - tap + tap % side * side + tap / side]
      })
  }

  /// x divided by about its norm, which need not be exact: bounds hold for every vector.
  private static func normalized(_ x: [Double]) -> [Double] {
    let norm = EuclideanNorm.upperBound(x)
    return x.map { $0 / norm }
  }
}

/// The extents of a convolution, checked.
struct ConvolutionShape {
  let inner: Int
  let channels: Int
  let kernelSide: Int

  /// The axes of a kernel, as places in it are named.
  static let axes = ["inner", "channel", "row", "column"]

  /// Refuses what is not a kernel [inner, C, k, k] of odd k, and heights and widths outside 1 … 1024.
  @discardableResult
  init(kernel: Tensor<Float>, height: Int, width: Int) throws(VerificationError) {
    let shape = kernel.shape
    guard shape.count == 4, shape[2] == shape[3], shape[2] % 2 == 1, !shape.contains(0) else {
      throw .invalid(
        what: "kernel", expected: "shape [inner, channels, k, k] with odd k",
        found: "shape \(shape)")
    }
    for (what, extent) in [("height", height), ("width", width)] where !(1...1024 ~= extent) {
      throw .invalid(what: "image \(what)", expected: "1 to 1024", found: "\(extent)")
    }
    inner = shape[0]
    channels = shape[1]
    kernelSide = shape[3]
  }
}

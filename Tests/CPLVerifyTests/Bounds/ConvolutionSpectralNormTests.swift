// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing
import TestSupport

@Suite("Spectral norm of a zero-padded convolution")
struct ConvolutionSpectralNormTests {
  /// inner, channels, k, height and width.
  static let sizes =
    [
      [1, 1, 1, 1], [2, 3, 3, 1], [1, 1, 5, 1], [1, 1, 3, 2], [2, 2, 3, 4], [1, 4, 3, 6],
      [2, 3, 3, 5], [3, 2, 3, 5], [2, 3, 5, 4], [2, 1, 5, 2], [3, 4, 1, 3],
    ].map { $0 + [$0[3]] } + [
      [2, 3, 3, 3, 7], [3, 2, 3, 7, 3], [1, 2, 5, 2, 6], [2, 1, 5, 6, 1], [1, 1, 3, 1, 5],
      [2, 2, 7, 2, 3],
    ]

  static func kernel(_ kind: Samples.Kind, _ size: [Int], seed: UInt64) -> Tensor<Float> {
    let taps = size[2] * size[2]
    return Tensor(
      shape: [size[0], size[1], size[2], size[2]],
      elements: Samples.weights(kind, count: size[0] * size[1] * taps, group: taps, seed: seed))
  }

  @Test("the enclosure holds LAPACK's value and is narrow", arguments: Samples.Kind.allCases)
  func enclosesSingularValue(kind: Samples.Kind) throws {
    for (index, size) in (Self.sizes + Self.sizes).enumerated() {
      let kernel = Self.kernel(kind, size, seed: UInt64(index))
      let enclosure = try VerifiedSpectralNorm.convolution(
        kernel: kernel, height: size[3], width: size[4])
      let norm = try Samples.norm(Samples.matrix(kernel: kernel, height: size[3], width: size[4]))
      let torus = try TorusBound.spectralNormUpperBound(
        kernel: kernel, height: size[3], width: size[4])
      let comment: Comment = "\(kind) \(size), sample \(index)"
      #expect(enclosure.lowerBound <= norm.value + norm.error, comment)
      #expect(enclosure.upperBound >= norm.value - norm.error, comment)
      #expect(enclosure.relativeWidth <= 1e-6, comment)
      #expect(torus >= enclosure.lowerBound, comment)
      // The torus bound may be tight, but the enclosure is no wider than this.
      #expect(enclosure.upperBound <= torus * (1 + 1e-6), comment)
    }
  }

  @Test("an image and its mirror image along the diagonal have the same norm")
  func transposition() throws {
    let kernel = Self.kernel(.uniform, [2, 3, 3], seed: 4)
    var other = kernel
    for index in kernel.elements.indices {
      other.elements[index / 9 * 9 + index % 3 * 3 + index % 9 / 3] = kernel.elements[index]
    }
    #expect(
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: 4, width: 9)
        == VerifiedSpectralNorm.convolution(kernel: other, height: 9, width: 4))
  }

  @Test("where the band has no room, the torus bound stands in", arguments: [0, 1, 2, 3])
  func fallback(seed: UInt64) throws {
    let kernel = Self.kernel(.uniform, [2, 3, 3, 5], seed: seed)
    let enclosure = try VerifiedSpectralNorm.convolution(
      kernel: kernel, height: 5, width: 5, bandLimit: 0)
    let norm = try Samples.norm(Samples.matrix(kernel: kernel, height: 5, width: 5))
    #expect(enclosure.method == .torus)
    #expect(enclosure.lowerBound <= norm.value + norm.error)
    #expect(enclosure.upperBound >= norm.value - norm.error)
    #expect(enclosure.lowerBound > norm.value * (1 - 1e-4))
  }

  @Test("at 3×224×224 the bounds say what stands in for the band, and how much looser it is")
  func largeImages() throws {
    let network = CPLNetwork<Float>(
      ModelRecipe(
        convolutionLayers: 1, channels: 3, convolutionInner: 3, linearLayers: 0, linearInner: 1,
        image: [3, 224, 224]
      ).layers(mean: [0, 0, 0], standardDeviation: [1, 1, 1]), seed: 3)
    let bounds = try VerifiedNetwork(network, profile: .corrected, workers: .serial) { _, _ in }
      .bounds
    let norm = try #require(bounds.layers.compactMap(\.spectralNorm).first)
    #expect(norm.method == .torus && norm.relativeWidth < 0.01)
    #expect(bounds.loosenings.count == 1)
    let sentence = try #require(bounds.loosenings.first)
    #expect(sentence.hasPrefix("convolution.0: ") && sentence.contains("more than 1 GiB"))
    let percent = sentence.split(separator: " ").compactMap { Double($0) }.last
    #expect(try #require(percent) >= 100 * norm.relativeWidth)
  }

  @Test("at the size of CIFAR images the torus bound is within one per cent")
  func torusIsClose() throws {
    for seed in 0..<3 {
      let kernel = Self.kernel(.uniform, [5, 12, 3, 32], seed: UInt64(seed))
      let enclosure = try VerifiedSpectralNorm.convolution(kernel: kernel, height: 32, width: 32)
      let torus = try TorusBound.spectralNormUpperBound(kernel: kernel, height: 32, width: 32)
      #expect(enclosure.relativeWidth <= 1e-6)
      #expect(torus >= enclosure.lowerBound)
      #expect(torus <= enclosure.upperBound * 1.01)
    }
  }

  @Test("taps that meet nothing but padding do not count, but have to be finite")
  func unreachedTaps() throws {
    var kernel = Tensor<Float>(repeating: 7, shape: [1, 1, 3, 3])
    kernel.elements[4] = 3
    let enclosure = try VerifiedSpectralNorm.convolution(kernel: kernel, height: 1, width: 1)
    #expect(enclosure.lowerBound <= 3 && enclosure.upperBound >= 3)
    #expect(enclosure.relativeWidth <= 1e-6)
    kernel.elements[4] = 0
    #expect(
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: 1, width: 1).method == .zero)
    kernel.elements[8] = .nan
    #expect(
      throws: VerificationError.notFinite(
        what: "kernel", location: "inner 0, channel 0, row 2, column 2")
    ) { try VerifiedSpectralNorm.convolution(kernel: kernel, height: 1, width: 1) }
  }

  @Test("the torus of the image's own size lies below the norm: 2 where it is 1 + √2")
  func imageSizedTorusIsNoBound() throws {
    // The middle row −1, 1, −1: on the ring of three its norm is 1 + 2·cos(π/3), on three pixels
    // between zeros 1 + 2·cos(π/4).
    let kernel = Tensor<Float>(
      shape: [1, 1, 3, 3], elements: [0, 0, 0, -1, 1, -1, 0, 0, 0])
    let tooSmall = try TorusBound.circularNormUpperBound(
      kernel: kernel, torusHeight: 3, torusWidth: 3)
    let norm = try Samples.norm(Samples.matrix(kernel: kernel, height: 3, width: 3))
    let enclosure = try VerifiedSpectralNorm.convolution(kernel: kernel, height: 3, width: 3)
    let torus = try TorusBound.spectralNormUpperBound(kernel: kernel, height: 3, width: 3)
    #expect(tooSmall < 2.000_001)
    #expect((norm.value - (1 + 2.0.squareRoot())).magnitude < 1e-14)
    #expect(enclosure.lowerBound <= norm.value + norm.error)
    #expect(enclosure.upperBound >= norm.value - norm.error)
    #expect(torus >= norm.value - norm.error)
  }

  @Test("every torus of at least H + ⌊k/2⌋ by W + ⌊k/2⌋ bounds the norm", arguments: [3, 5])
  func largerTori(kernelSide: Int) throws {
    for seed in 0..<10 {
      let kernel = Self.kernel(.uniform, [2, 2, kernelSide, 4], seed: UInt64(seed))
      let norm = try Samples.norm(Samples.matrix(kernel: kernel, height: 2, width: 4))
      for side in 4 + kernelSide / 2..<12 {
        let bound = try TorusBound.circularNormUpperBound(
          kernel: kernel, torusHeight: side - 2, torusWidth: side)
        #expect(bound >= norm.value - norm.error, "seed \(seed), torus \(side)")
      }
    }
  }

  @Test("map, adjoint and Gram band agree with the explicit matrix", arguments: sizes)
  func explicitMatrix(size: [Int]) {
    let kernel = Self.kernel(.signs, size, seed: 5)
    let map = ZeroPaddedConvolution(
      kernel: kernel.elements.map(Double.init), outputs: size[0], inputs: size[1],
      kernelSide: size[2], height: size[3], width: size[4])
    let matrix = Samples.matrix(kernel: kernel, height: size[3], width: size[4])
    let (rows, columns) = (matrix.shape[0], matrix.shape[1])
    // Small integers: every sum is exact, whatever its order.
    let x = (0..<columns).map { Double($0 % 7 - 3) }
    let z = (0..<rows).map { Double($0 % 5 - 2) }
    let image = (0..<rows).map { row in
      (0..<columns).reduce(0) { $0 + matrix.elements[row * columns + $1] * x[$1] }
    }
    let adjointImage = (0..<columns).map { column in
      (0..<rows).reduce(0) { $0 + matrix.elements[$1 * columns + column] * z[$1] }
    }
    #expect(map.applied(to: x) == image)
    #expect(map.transposed.applied(to: z) == adjointImage)

    let band = map.gramMatrix()
    let pixels = size[3] * size[4]
    // The band orders outputs by pixel, then channel; the matrix by channel, then pixel.
    let place = { (index: Int) in index % size[0] * pixels + index / size[0] }
    var largestRowSum = 0.0
    for i in 0..<rows {
      var rowSum = 0.0
      for j in 0..<rows {
        let entries = (0..<columns).map {
          matrix.elements[place(i) * columns + $0] * matrix.elements[place(j) * columns + $0]
        }
        let entry = entries.reduce(0, +)
        rowSum += entries.reduce(0) { $0 + $1.magnitude }
        guard j >= i else { continue }
        if j - i <= map.gramBandwidth {
          #expect(band.elements[i * (map.gramBandwidth + 1) + j - i] == entry, "entry \(i), \(j)")
        } else {
          #expect(entry == 0, "entry \(i), \(j) lies outside the band")
        }
      }
      largestRowSum = max(largestRowSum, rowSum)
    }
    #expect(map.absoluteGramNormUpperBound >= largestRowSum)
  }

  @Test("a kernel of zeros has norm 0 exactly, on the torus as well")
  func zero() throws {
    let kernel = Tensor<Float>(shape: [2, 3, 3, 3])
    let enclosure = try VerifiedSpectralNorm.convolution(kernel: kernel, height: 8, width: 8)
    #expect(enclosure.lowerBound == 0)
    #expect(enclosure.upperBound == 0)
    #expect(enclosure.method == .zero)
    #expect(try TorusBound.spectralNormUpperBound(kernel: kernel, height: 8, width: 8) == 0)
  }

  @Test("NaN and infinity are refused, with their place", arguments: [Float.nan, -.infinity])
  func notFinite(value: Float) {
    var kernel = Tensor<Float>(repeating: 1, shape: [2, 3, 3, 3])
    kernel.elements[((1 * 3 + 2) * 3 + 0) * 3 + 1] = value
    let error = VerificationError.notFinite(
      what: "kernel", location: "inner 1, channel 2, row 0, column 1")
    #expect(throws: error) {
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: 4, width: 4)
    }
    #expect(throws: error) {
      try TorusBound.spectralNormUpperBound(kernel: kernel, height: 4, width: 4)
    }
  }

  @Test(
    "what is no kernel of odd size is refused",
    arguments: [[2, 2, 2, 2], [1, 1, 3, 5], [3, 3], [0, 1, 3, 3], [1, 1, 0, 0]])
  func notAKernel(shape: [Int]) {
    let error = VerificationError.invalid(
      what: "kernel", expected: "shape [inner, channels, k, k] with odd k", found: "shape \(shape)")
    let kernel = Tensor<Float>(shape: shape)
    #expect(throws: error) {
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: 4, width: 4)
    }
    #expect(throws: error) {
      try TorusBound.spectralNormUpperBound(kernel: kernel, height: 4, width: 4)
    }
  }

  @Test("heights and widths that no image has are refused", arguments: [0, -3, 1025, .max])
  func impossibleImage(extent: Int) {
    let kernel = Tensor<Float>(repeating: 1, shape: [1, 1, 3, 3])
    func error(_ what: String) -> VerificationError {
      .invalid(what: "image \(what)", expected: "1 to 1024", found: "\(extent)")
    }
    #expect(throws: error("height")) {
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: extent, width: 4)
    }
    #expect(throws: error("width")) {
      try VerifiedSpectralNorm.convolution(kernel: kernel, height: 4, width: extent)
    }
  }
}

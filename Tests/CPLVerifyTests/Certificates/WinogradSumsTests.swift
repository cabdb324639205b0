// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import TestSupport
import Testing

@Suite("Bounds of the rounding error of Winograd's algorithm")
struct WinogradSumsTests {
  /// A convolution in binary32, whose errors are taken against binary64.
  private struct Subject {
    private let kernel: Tensor<Double>
    private let convolution: Convolution<Float>
    /// What is proved for images of norm 1.
    private let bound: Double

    init(kernel: Tensor<Float>, height: Int, width: Int) throws {
      self.kernel = kernel.converted()
      convolution = Convolution(kernel: kernel, height: height, width: width)
      bound = try WinogradSums(ZeroPaddedConvolution(kernel, height: height, width: width))
        .errorBound(norm: 1, in: BinaryFormat(Float.self))
    }

    /// The error at x by what is proved for images of its norm, but for underflow.
    func attained(at x: Tensor<Float>) -> Double {
      let exact = Oracle.convolve(kernel, x.converted())
      let errors = zip(convolution.apply(x).elements, exact.elements).map { Double($0) - $1 }
      let norm = EuclideanNorm.upperBound(x.elements.map { Double($0) })
      return EuclideanNorm.upperBound(errors) / (bound * norm)
    }
  }

  @Test(
    "no convolution errs by more than is proved",
    arguments: [
      [1, 1, 4, 4], [3, 2, 5, 5], [2, 7, 9, 9], [30, 5, 11, 11], [45, 5, 32, 32], [3, 2, 4, 17],
      [2, 7, 13, 3],
    ])
  func boundHolds(size: [Int]) throws {
    let (channels, inner, height, width) = (size[0], size[1], size[2], size[3])
    for stream in 0..<UInt32(4) {
      let kernel = Tensor<Float>.normal([inner, channels, 3, 3], stream: 500 + stream)
      let subject = try Subject(kernel: kernel, height: height, width: width)
      for scale: Float in [1e-3, 1, 1e4] {
        var x = Tensor<Float>.normal([channels, height, width], stream: 510 + stream)
        for index in x.elements.indices { x.elements[index] *= scale }
        #expect(subject.attained(at: x) <= 1, "stream \(stream), scale \(scale)")
      }
    }
  }

  @Test("the worst image that a search finds errs by more than a 30th of what is proved")
  func searched() throws {
    var random = CounterRandom(seed: 3, purpose: .test, major: 520)
    let kernel = Tensor<Float>.normal([1, 1, 3, 3], stream: 521)
    let subject = try Subject(kernel: kernel, height: 4, width: 4)
    var x = Tensor<Float>.normal([1, 4, 4], stream: 522)
    var attained = subject.attained(at: x)
    for _ in 0..<20_000 {
      var next = x
      let index = random.below(next.count)
      next.elements[index] =
        random.below(3) == 0
        ? random.normals(1)[0] : next.elements[index] * Float(0.95 + 0.1 * random.uniform())
      let ratio = subject.attained(at: next)
      if ratio > attained { (x, attained) = (next, ratio) }
    }
    #expect(attained <= 1)
    #expect(attained > 1 / 30, "attained: \(attained)")
  }

  @Test("kernels and images that might overflow are refused")
  func overflow() throws {
    let large = Tensor<Float>(repeating: 3e38, shape: [1, 1, 3, 3])
    #expect(throws: VerificationError.self) {
      try WinogradSums(ZeroPaddedConvolution(large, height: 4, width: 4))
    }
    let kernel = Tensor<Float>(repeating: 1e10, shape: [1, 1, 3, 3])
    let sums = try WinogradSums(ZeroPaddedConvolution(kernel, height: 4, width: 4))
    #expect(throws: VerificationError.self) {
      try sums.errorBound(norm: 1e28, in: BinaryFormat(Float.self))
    }
    #expect(try sums.errorBound(norm: 1e20, in: BinaryFormat(Float.self)) < 1e26)
  }
}

extension ZeroPaddedConvolution {
  fileprivate init(_ kernel: Tensor<Float>, height: Int, width: Int) {
    self.init(
      kernel: kernel.elements.map { Double($0) }, outputs: kernel.shape[0],
      inputs: kernel.shape[1], kernelSide: kernel.shape[2], height: height, width: width)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Convolution")
struct ConvolutionTests {
  /// Sizes of all kinds: images smaller than the kernel, odd ones, ones that are no squares, ones that
  /// fill whole vectors and ones that do not; kernels of 1, 3, 5 and 7.
  struct Size: Sendable, CustomTestStringConvertible {
    let channels: Int
    let inner: Int
    let height: Int
    let width: Int
    let kernel: Int

    static let all: [Size] =
      [1, 3, 5].flatMap { kernel in
        [1, 2, 3, 7, 8, 17].map {
          Size(channels: 3, inner: 2, height: $0, width: $0, kernel: kernel)
        }
      } + [
        Size(channels: 1, inner: 1, height: 1, width: 1, kernel: 3),
        Size(channels: 1, inner: 1, height: 5, width: 5, kernel: 7),
        Size(channels: 7, inner: 9, height: 4, width: 4, kernel: 3),
        Size(channels: 6, inner: 5, height: 32, width: 32, kernel: 3),
        Size(channels: 2, inner: 17, height: 33, width: 33, kernel: 3),
        Size(channels: 3, inner: 6, height: 20, width: 36, kernel: 3),
        Size(channels: 2, inner: 3, height: 1, width: 19, kernel: 5),
        Size(channels: 2, inner: 3, height: 19, width: 1, kernel: 3),
        Size(channels: 5, inner: 1, height: 3, width: 17, kernel: 3),
        Size(channels: 1, inner: 2, height: 9, width: 16, kernel: 7),
      ]

    var testDescription: String { "\(inner)×\(channels)×\(kernel)×\(kernel) on \(height)×\(width)" }

    func values<Scalar: TensorScalar>() -> (
      kernel: Tensor<Scalar>, x: Tensor<Scalar>, v: Tensor<Scalar>
    ) {
      (
        .normal([inner, channels, kernel, kernel], stream: 30),
        .normal([channels, height, width], stream: 31), .normal([inner, height, width], stream: 32)
      )
    }
  }

  /// Expects each element to be within the rounding of its sum, and of the oracle's.
  private func expect<Scalar: TensorScalar>(
    _ value: Tensor<Scalar>, _ oracle: Tensor<Double>, sumOfAbsolutes: Tensor<Double>, terms: Int,
    _ what: String
  ) {
    #expect(value.shape == oracle.shape, "\(what)")
    let factor = 2 * gamma(terms, Scalar.self)
    let misses = (0..<value.count).filter {
      abs(Double(value.elements[$0]) - oracle.elements[$0]) > factor * sumOfAbsolutes.elements[$0]
    }
    #expect(misses.isEmpty, "\(Scalar.self) \(what), elements \(misses.prefix(5))")
  }

  @Test(
    "the convolution, its transpose and its gradient are the defining sums", arguments: Size.all)
  func definition(size: Size) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let (kernel, x, v): (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) = size.values()
      let convolution = Convolution(kernel: kernel, height: size.height, width: size.width)
      let (wideKernel, wideX, wideV) = (
        kernel.converted(to: Double.self), x.converted(to: Double.self),
        v.converted(to: Double.self)
      )
      func absolute(_ tensor: Tensor<Double>) -> Tensor<Double> {
        Tensor(shape: tensor.shape, elements: tensor.elements.map(abs))
      }
      let taps = size.kernel * size.kernel
      expect(
        convolution.apply(x), Oracle.convolve(wideKernel, wideX),
        sumOfAbsolutes: Oracle.convolve(absolute(wideKernel), absolute(wideX)),
        terms: taps * size.channels, "T x")
      expect(
        convolution.applyTransposed(v), Oracle.convolveTransposed(wideKernel, wideV),
        sumOfAbsolutes: Oracle.convolveTransposed(absolute(wideKernel), absolute(wideV)),
        terms: taps * size.inner, "Tᵀ v")
      // One rounding a pixel, and the tree over at most 16 partial sums.
      expect(
        convolution.weightGradient(input: x, output: v),
        Oracle.kernelGradient(shape: kernel.shape, wideX, wideV),
        sumOfAbsolutes: Oracle.kernelGradient(
          shape: kernel.shape, absolute(wideX), absolute(wideV)),
        terms: size.height * size.width + 8, "∂⟨v, T x⟩/∂K")
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("⟨T x, v⟩ = ⟨x, Tᵀ v⟩", arguments: Size.all)
  func adjoint(size: Size) {
    let (kernel, x, v): (Tensor<Double>, Tensor<Double>, Tensor<Double>) = size.values()
    let convolution = Convolution(kernel: kernel, height: size.height, width: size.width)
    let (image, preimage) = (convolution.apply(x), convolution.applyTransposed(v))
    // Cauchy and Schwarz: Σ|K||x||v| ≤ (Σ|K|) ‖x‖ ‖v‖, since every tap is a shift.
    let magnitude = kernel.elements.reduce(0) { $0 + abs($1) } * x.norm * v.norm
    let roundings = size.kernel * size.kernel * (size.channels + size.inner) + x.count + v.count
    #expect(abs(image.dot(v) - x.dot(preimage)) <= gamma(roundings, Double.self) * magnitude)
  }

  @Test("the weight gradient is the derivative of ⟨v, T x⟩")
  func weightGradient() {
    let size = Size(channels: 2, inner: 3, height: 5, width: 5, kernel: 3)
    let (kernel, x, v): (Tensor<Double>, Tensor<Double>, Tensor<Double>) = size.values()
    let differences = FiniteDifferences.gradient(at: kernel) {
      Convolution(kernel: $0, height: size.height, width: size.width).apply(x).dot(v)
    }
    let tolerance = FiniteDifferences.tolerance(
      magnitude: kernel.elements.reduce(0) { $0 + abs($1) } * x.norm * v.norm,
      roundings: 9 * 2 + v.count, gradient: differences)
    let convolution = Convolution(kernel: kernel, height: size.height, width: size.width)
    #expect(
      relativeError(convolution.weightGradient(input: x, output: v), differences) <= tolerance)
  }

  @Test("a number that is not finite is not lost", arguments: precisions)
  func notFinite(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      var (kernel, x, _): (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) =
        Size(channels: 3, inner: 2, height: 7, width: 7, kernel: 3).values()
      x.elements[60] = .nan
      #expect(!Convolution(kernel: kernel, height: 7, width: 7).apply(x).isFinite)
      x.elements[60] = 0
      kernel.elements[20] = .infinity
      #expect(!Convolution(kernel: kernel, height: 7, width: 7).apply(x).isFinite)
    }
    check(type)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLKernels
import CPLReference
import TestSupport
import Testing

/// Convolutions of batches against convolutions of single images, and on tori against their definition.
@Suite("Convolutions of batches")
struct BatchConvolutionTests {
  /// Channels that fill lines and ones that do not; images of few pixels, odd ones, and ones of whole lines.
  struct Size: Sendable, CustomTestStringConvertible {
    let channels: Int
    let inner: Int
    let height: Int
    let width: Int
    let kernel: Int
    let images: Int

    static let all = [
      Size(channels: 16, inner: 16, height: 8, width: 32, kernel: 3, images: 3),
      Size(channels: 3, inner: 18, height: 7, width: 6, kernel: 3, images: 5),
      Size(channels: 20, inner: 33, height: 8, width: 8, kernel: 3, images: 9),
      Size(channels: 32, inner: 48, height: 4, width: 4, kernel: 3, images: 17),
      Size(channels: 5, inner: 2, height: 3, width: 2, kernel: 3, images: 2),
      Size(channels: 2, inner: 3, height: 4, width: 1, kernel: 3, images: 2),
      Size(channels: 4, inner: 7, height: 5, width: 6, kernel: 5, images: 3),
      Size(channels: 40, inner: 16, height: 2, width: 2, kernel: 1, images: 9),
      Size(channels: 16, inner: 32, height: 1, width: 1, kernel: 1, images: 4),
    ]

    var testDescription: String {
      "\(inner)×\(channels)×\(kernel)×\(kernel) on \(images) of \(height)×\(width)"
    }

    func values<Scalar: TensorScalar>() -> (
      kernel: Tensor<Scalar>, x: Tensor<Scalar>, v: Tensor<Scalar>
    ) {
      (
        .normal([inner, channels, kernel, kernel], stream: 40),
        .normal([images, channels, height, width], stream: 41),
        .normal([images, inner, height, width], stream: 42)
      )
    }

    func convolution<Scalar: TensorScalar>(
      _ kernel: Tensor<Scalar>, wraps: Bool
    ) -> BatchConvolution<Scalar> {
      BatchConvolution(kernel: kernel, height: height, width: width, wraps: wraps)
    }
  }

  @Test("with zeros beyond the edges, values have the bits of single images", arguments: Size.all)
  func bits(size: Size) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let (kernel, x, v): (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) = size.values()
      let batch = size.convolution(kernel, wraps: false)
      let single = Convolution(kernel: kernel, height: size.height, width: size.width)
      let workers = Workers(threads: 2)
      let (image, preimage) = (
        batch.apply(to: x, workers: workers),
        batch.apply(transposed: true, to: v, workers: workers)
      )
      for index in 0..<size.images {
        let range = index..<index + 1
        #expect(
          image.slice(range).elements
            == single.apply(x.slice(range).reshaped(single.inputShape)).elements)
        #expect(
          preimage.slice(range).elements
            == single.applyTransposed(v.slice(range).reshaped(single.outputShape)).elements)
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("on a torus they are the defining sums", arguments: Size.all)
  func torus(size: Size) {
    let (kernel, x, v): (Tensor<Double>, Tensor<Double>, Tensor<Double>) = size.values()
    let radius = size.kernel / 2
    var image = Tensor<Double>(shape: v.shape)
    var preimage = Tensor<Double>(shape: x.shape)
    var gradient = Tensor<Double>(shape: kernel.shape)
    let plane = size.height * size.width
    for index in 0..<size.images * size.inner * size.channels * kernel.shape[2] * kernel.shape[2] {
      let taps = size.kernel * size.kernel
      let (tap, channel) = (index % taps, index / taps % size.channels)
      let (unit, n) = (
        index / taps / size.channels % size.inner, index / taps / size.channels / size.inner
      )
      let at = (unit * size.channels + channel) * taps + tap
      for pixel in 0..<plane {
        let row = (pixel / size.width + tap / size.kernel - radius + size.height) % size.height
        let column = (pixel % size.width + tap % size.kernel - radius + size.width) % size.width
        let source = (n * size.channels + channel) * plane + row * size.width + column
        let target = (n * size.inner + unit) * plane + pixel
        image.elements[target] += kernel.elements[at] * x.elements[source]
        preimage.elements[source] += kernel.elements[at] * v.elements[target]
        gradient.elements[at] += v.elements[target] * x.elements[source]
      }
    }
    func check<Scalar: TensorScalar>(_ type: Scalar.Type, tolerance: Double) {
      let torus = size.convolution(kernel.converted(to: Scalar.self), wraps: true)
      let (x, v): (Tensor<Scalar>, Tensor<Scalar>) = (x.converted(), v.converted())
      #expect(
        relativeError(torus.apply(to: x, workers: .serial).converted(to: Double.self), image)
          < tolerance)
      #expect(
        relativeError(
          torus.apply(transposed: true, to: v, workers: .serial).converted(to: Double.self),
          preimage) < tolerance)
      let found = torus.gradients([(x, v)], workers: .serial)
      #expect(relativeError(found.kernel.converted(to: Double.self), gradient) < tolerance)
    }
    check(Float.self, tolerance: 1e-5)
    check(Double.self, tolerance: 1e-13)
  }

  @Test("bias, ReLU and addend come in this order; without an addend the sum is scaled")
  func ending() {
    let size = Size.all[2]
    let (kernel, x, v): (Tensor<Float>, Tensor<Float>, Tensor<Float>) = size.values()
    let batch = size.convolution(kernel, wraps: false)
    let bias = Tensor<Float>.normal([size.inner], stream: 43)
    let plain = batch.apply(to: x, workers: .serial)
    let plane = size.height * size.width
    let ended = batch.apply(
      to: x, bias: bias, rectifies: true, scale: -0.5, addend: v, workers: .serial)
    #expect(
      ended.elements.indices.allSatisfy {
        let sum = max(plain.elements[$0] + bias.elements[$0 / plane % size.inner], 0)
        return ended.elements[$0] == v.elements[$0].addingProduct(-0.5, sum)
      })
    let scaled = Tensor<Float>(shape: v.shape) { result in
      x.withUnsafeElements {
        batch.apply(
          last: .neither, images: size.images, $0, ConvolutionEnding(scale: 3), to: result)
      }
    }
    #expect(scaled.elements.indices.allSatisfy { scaled.elements[$0] == 3 * plain.elements[$0] })
  }

  @Test(
    "channels last, the same bits, and zeros for the channels that fill up", arguments: Size.all)
  func channelsLast(size: Size) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let (kernel, x, v): (Tensor<Scalar>, Tensor<Scalar>, Tensor<Scalar>) = size.values()
      let batch = size.convolution(kernel, wraps: true)
      // The other way, for the inner channels' images.
      let inner = BatchConvolution(
        kernel: Tensor<Scalar>(shape: [size.channels, size.inner, 1, 1]), height: size.height,
        width: size.width, wraps: false)
      func turned(_ images: Tensor<Scalar>, _ map: BatchConvolution<Scalar>) -> Tensor<Scalar> {
        Tensor(shape: [size.images, map.lastCount]) { result in
          images.withUnsafeElements { map.turn(images: size.images, $0, to: result) }
        }
      }
      func turnedBack(
        _ images: Tensor<Scalar>, _ map: BatchConvolution<Scalar>, like other: Tensor<Scalar>
      ) -> Tensor<Scalar> {
        Tensor(shape: other.shape) { result in
          images.withUnsafeElements { map.turnBack(images: size.images, $0, to: result) }
        }
      }
      #expect(batch.lastCount % 8 == 0 && batch.innerLastCount == inner.lastCount)
      let (last, innerLast) = (turned(x, batch), turned(v, inner))
      #expect(turnedBack(last, batch, like: x) == x)
      #expect(last.elements.count { $0 != 0 } == x.elements.count { $0 != 0 })

      let bias = Tensor<Scalar>.normal([size.inner], stream: 44)
      let expected = batch.apply(
        to: x, bias: bias, rectifies: true, scale: -0.5, addend: v, workers: .serial)
      let image = Tensor<Scalar>(shape: innerLast.shape) { result in
        Tensor.withUnsafeElements([last, innerLast, bias]) {
          batch.apply(
            last: .both, images: size.images, $0[0],
            ConvolutionEnding(bias: $0[2], rectifies: true, scale: -0.5, addend: $0[1]),
            to: result)
        }
      }
      #expect(turnedBack(image, inner, like: v) == expected)
      #expect(image.elements.count { $0 != 0 } == expected.elements.count { $0 != 0 })
      let preimage = Tensor<Scalar>(shape: x.shape) { result in
        innerLast.withUnsafeElements {
          batch.apply(
            transposed: true, last: .input, images: size.images, $0, ConvolutionEnding(), to: result
          )
        }
      }
      #expect(preimage == batch.apply(transposed: true, to: v, workers: .serial))

      func gradient(_ lies: cpl_channels_last, _ x: Tensor<Scalar>, _ v: Tensor<Scalar>) -> [Scalar]
      {
        var sums = Tensor<Scalar>(shape: [kernel.count + size.inner])
        sums.withUnsafeMutableElements { sums in
          Tensor.withUnsafeElements([x, v]) {
            batch.addGradients(
              last: lies, images: size.images, inputs: [$0[0]], outputs: [$0[1]], to: sums,
              withBias: true)
          }
        }
        return sums.elements
      }
      #expect(gradient(.both, last, innerLast) == gradient(.neither, x, v))
    }
    check(Float.self)
    check(Double.self)
  }

  @Test(
    "gradients of pairs are sums, and those of the bias are the first pair's", arguments: Size.all)
  func gradients(size: Size) {
    let (kernel, x, v): (Tensor<Double>, Tensor<Double>, Tensor<Double>) = size.values()
    let batch = size.convolution(kernel, wraps: false)
    let single = Convolution(kernel: kernel, height: size.height, width: size.width)
    var (sum, bias) = (
      Tensor<Double>(shape: kernel.shape), [Double](repeating: 0, count: size.inner)
    )
    for index in 0..<size.images {
      let range = index..<index + 1
      sum.add(
        single.weightGradient(
          input: x.slice(range).reshaped(single.inputShape),
          output: v.slice(range).reshaped(single.outputShape)), scale: 1)
    }
    let plane = size.height * size.width
    for (index, value) in v.elements.enumerated() { bias[index / plane % size.inner] += value }
    let one = batch.gradients([(x, v)], workers: Workers(threads: 3))
    #expect(relativeError(one.kernel, sum) < 1e-13)
    #expect(relativeError(one.bias, Tensor(shape: [size.inner], elements: bias)) < 1e-13)
    var negative = v
    negative.scale(by: -0.5)
    let pair = batch.gradients([(x, v), (x, negative)], workers: .serial)
    sum.scale(by: 0.5)
    #expect(relativeError(pair.kernel, sum) < 1e-12)
    #expect(pair.bias == one.bias)
  }

  @Test("the same bits for any number of threads and at every instruction set", arguments: Size.all)
  func reproducible(size: Size) {
    let (kernel, x, v): (Tensor<Float>, Tensor<Float>, Tensor<Float>) = size.values()
    func everything(_ threads: Int) -> [[Float]] {
      let batch = size.convolution(kernel, wraps: true)
      let workers = Workers(threads: threads)
      let found = batch.gradients([(x, v)], workers: workers)
      return [
        batch.apply(to: x, workers: workers).elements,
        batch.apply(transposed: true, to: v, workers: workers).elements, found.kernel.elements,
        found.bias.elements,
      ]
    }
    let expected = everything(1)
    #expect(everything(3) == expected)
    defer { cpl_set_kernel_level(CPL_LEVEL_AVX512) }
    for level in [CPL_LEVEL_PORTABLE, CPL_LEVEL_AVX2] {
      cpl_set_kernel_level(level)
      #expect(everything(1) == expected)
    }
  }

  @Test("a number that is not finite is not lost")
  func notFinite() {
    var (kernel, x, _): (Tensor<Float>, Tensor<Float>, Tensor<Float>) = Size.all[2].values()
    x.elements[60] = .nan
    #expect(
      !Size.all[2].convolution(kernel, wraps: false).apply(to: x, workers: .serial).isFinite)
    x.elements[60] = 0
    kernel.elements[20] = .infinity
    #expect(!Size.all[2].convolution(kernel, wraps: true).apply(to: x, workers: .serial).isFinite)
  }
}

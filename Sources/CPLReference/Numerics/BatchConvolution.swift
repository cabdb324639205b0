// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// `Convolution`'s T and its transpose on batches, with zeros or the opposite edges beyond the edges; made for images of
/// many channels, however small.
package struct BatchConvolution<Scalar: TensorScalar>: Sendable {
  /// Channels of the image, inner channels, the image's height and width, and k.
  package let shape: cpl_conv_shape
  /// Whether the opposite edges lie beyond the edges.
  package let wraps: Bool
  private let packedKernel: [Scalar]

  /// - Precondition: the kernel is inner×C×k×k with odd k; ⌊k/2⌋ is at most a torus's height and width.
  package init(kernel: Tensor<Scalar>, height: Int, width: Int, wraps: Bool) {
    precondition(
      kernel.shape.count == 4 && kernel.shape[2] == kernel.shape[3] && kernel.shape[2] % 2 == 1,
      "a kernel is inner×C×k×k with odd k")
    let shape = cpl_conv_shape(
      channels: kernel.shape[1], inner: kernel.shape[0], height: height, width: width,
      kernel: kernel.shape[2])
    (self.shape, self.wraps) = (shape, wraps)
    packedKernel = kernel.withUnsafeElements { Scalar.packBatchKernel(shape, $0) }
  }

  private var kernelShape: [Int] { [shape.inner, shape.channels, shape.kernel, shape.kernel] }

  private var pixels: Int { shape.height * shape.width }

  /// The elements of an image channels last, and of one of inner channels.
  package var lastCount: Int { Scalar.lineChannels(shape.channels) * pixels }
  package var innerLastCount: Int { Scalar.lineChannels(shape.inner) * pixels }

  /// turned ← images channels last.
  package func turn(
    images: Int, _ x: UnsafePointer<Scalar>, to turned: UnsafeMutablePointer<Scalar>
  ) {
    Scalar.turnBatch(
      images: images, channels: shape.channels, pixels: pixels, x, to: turned)
  }

  /// result ← such images channels first, and a bias added, one number a channel.
  package func turnBack(
    images: Int, _ turned: UnsafePointer<Scalar>, adding bias: Tensor<Scalar>? = nil,
    to result: UnsafeMutablePointer<Scalar>
  ) {
    func turn(_ bias: UnsafePointer<Scalar>?) {
      Scalar.turnBatchBack(
        images: images, channels: shape.channels, pixels: pixels, turned,
        ConvolutionEnding(bias: bias), to: result)
    }
    if let bias { bias.withUnsafeElements(turn) } else { turn(nil) }
  }

  /// result ← what `ending` makes of T x, or Tᵀ x, for so many images, on this thread.
  ///
  /// - Parameter last: whether x, and the result with an addend, lie channels last.
  package func apply(
    transposed: Bool = false, last: cpl_channels_last, images: Int, _ x: UnsafePointer<Scalar>,
    _ ending: ConvolutionEnding<Scalar>, to result: UnsafeMutablePointer<Scalar>
  ) {
    Scalar.convolveBatch(
      shape, wraps: wraps, transposed: transposed, channelsLast: last, packedKernel,
      images: images, x, ending, to: result)
  }

  /// T x, or Tᵀ x, for each x of a batch; then `bias` is added, one number a channel, then what is negative becomes 0
  /// where the result `rectifies`, then it is addend + scale · t.
  package func apply(
    transposed: Bool = false, to batch: Tensor<Scalar>, bias: Tensor<Scalar>? = nil,
    rectifies: Bool = false, scale: Scalar = 1, addend: Tensor<Scalar>? = nil, workers: Workers
  ) -> Tensor<Scalar> {
    let channels = transposed ? shape.channels : shape.inner
    let images = batch.shape[0]
    let inputs = (transposed ? shape.inner : shape.channels) * pixels
    let outputs = channels * pixels
    return Tensor(shape: [images, channels, shape.height, shape.width]) { results in
      batch.withUnsafeElements { x in
        (bias ?? batch).withUnsafeElements { biases in
          (addend ?? batch).withUnsafeElements { addends in
            nonisolated(unsafe) let (x, results) = (x, results)
            nonisolated(unsafe) let (biases, addends) = (
              bias == nil ? nil : biases, addend == nil ? nil : addends
            )
            workers.forEachRange(of: images, by: BatchTree.imagesPerPiece) { _, range in
              apply(
                transposed: transposed, last: .neither, images: range.count,
                x + range.lowerBound * inputs,
                ConvolutionEnding(
                  bias: biases, rectifies: rectifies, scale: scale,
                  addend: addends.map { $0 + range.lowerBound * outputs }),
                to: results + range.lowerBound * outputs)
            }
          }
        }
      }
    }
  }

  /// sums ← sums + the gradients of Σ ⟨output, T input⟩ over pairs of batches of so many images with respect to the kernel,
  /// and, with those of a bias, behind them the sum of the first pair's outputs for each channel; on this thread.
  ///
  /// - Parameter last: whether inputs, and outputs, lie channels last.
  package func addGradients(
    last: cpl_channels_last, images: Int, inputs: [UnsafePointer<Scalar>],
    outputs: [UnsafePointer<Scalar>], to sums: UnsafeMutablePointer<Scalar>, withBias: Bool
  ) {
    Scalar.addBatchKernelGradients(
      shape, wraps: wraps, channelsLast: last, images: images, inputs: inputs, outputs: outputs,
      to: sums, biasGradient: withBias ? sums + kernelCount : nil)
  }

  /// The numbers of the kernel.
  package var kernelCount: Int { kernelShape.reduce(1, *) }

  /// The gradients of Σ ⟨output, T input + b⟩ over pairs of batches with respect to the kernel and, for the first pair, to b,
  /// summed in the order of `BatchTree`; a piece has its images of all pairs.
  package func gradients(
    _ pairs: [(input: Tensor<Scalar>, output: Tensor<Scalar>)], workers: Workers
  ) -> (kernel: Tensor<Scalar>, bias: Tensor<Scalar>) {
    let images = pairs[0].input.shape[0]
    let (inputCount, outputCount) = (shape.channels * pixels, shape.inner * pixels)
    let sums = BatchTree.sums(of: images, count: kernelCount + shape.inner, workers: workers) {
      range, sums in
      Tensor.withUnsafeElements(pairs.map(\.input)) { inputs in
        Tensor.withUnsafeElements(pairs.map(\.output)) { outputs in
          addGradients(
            last: .neither, images: range.count,
            inputs: inputs.map { $0 + range.lowerBound * inputCount },
            outputs: outputs.map { $0 + range.lowerBound * outputCount }, to: sums, withBias: true)
        }
      }
    }
    return (
      Tensor(shape: kernelShape, elements: Array(sums[..<kernelCount])),
      Tensor(shape: [shape.inner], elements: Array(sums[kernelCount...]))
    )
  }
}

extension cpl_channels_last {
  package static var neither: cpl_channels_last { cpl_channels_last(input: false, output: false) }
  package static var both: cpl_channels_last { cpl_channels_last(input: true, output: true) }
  package static var input: cpl_channels_last { cpl_channels_last(input: true, output: false) }
}

/// Of a single image.
extension BatchConvolution: LinearMap {
  package var inputShape: [Int] { [shape.channels, shape.height, shape.width] }
  package var outputShape: [Int] { [shape.inner, shape.height, shape.width] }

  package func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    apply(to: x.reshaped([1] + inputShape), workers: .serial).reshaped(outputShape)
  }

  package func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    apply(transposed: true, to: v.reshaped([1] + outputShape), workers: .serial)
      .reshaped(inputShape)
  }

  package func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    gradients(
      [(x.reshaped([1] + inputShape), v.reshaped([1] + outputShape))], workers: .serial
    ).kernel
  }
}

extension BatchTree {
  /// So many numbers summed over a batch: `add` adds the images of a piece to zeros.
  package static func sums<Scalar: TensorScalar>(
    of images: Int, count: Int, workers: Workers,
    _ add: @Sendable (_ images: Range<Int>, _ sums: UnsafeMutablePointer<Scalar>) -> Void
  ) -> [Scalar] {
    let pieces = max(1, pieces(of: images))
    var all = Tensor<Scalar>(shape: [pieces, count])
    all.withUnsafeMutableElements { sums in
      nonisolated(unsafe) let sums = sums
      workers.forEachRange(of: images, by: imagesPerPiece) { piece, range in
        add(range, sums + piece * count)
      }
      forEachAddition(of: pieces) { sum, addend in
        Scalar.add(count, alpha: 1, sums + addend * count, to: sums + sum * count)
      }
    }
    return pieces == 1 ? all.elements : Array(all.elements[..<count])
  }
}

extension Tensor {
  /// The elements of several tensors.
  package static func withUnsafeElements<Result>(
    _ tensors: [Tensor], _ body: ([UnsafePointer<Scalar>]) -> Result
  ) -> Result {
    func take(_ taken: [UnsafePointer<Scalar>]) -> Result {
      guard taken.count < tensors.count else { return body(taken) }
      return tensors[taken.count].withUnsafeElements { take(taken + [$0]) }
    }
    return take([])
  }
}

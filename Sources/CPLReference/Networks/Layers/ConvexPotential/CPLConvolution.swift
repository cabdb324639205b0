// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLKernels
import CPLNumerics

/// A convex potential layer whose W is a zero-padded convolution:
///
///     r = Tᵀ relu(T x + b),   z = x − h r,   T = convolution with K
///
/// on images C×H×W, with K of inner×C×k×k and b of `inner`. Lipschitz constant at most
/// max(1, h‖T‖² − 1).
package struct CPLConvolution<Scalar: TensorScalar>: SteppedLayer {
  package struct Cache: Sendable {
    /// The input and the activations a = relu(T x + b), for the gradients of the parameters.
    var input: Tensor<Scalar>?
    var hidden: Tensor<Scalar>?
    /// Where the activations are positive, one bit each.
    var mask: [UInt8] = []
    /// What is kept by convolutions of batches, in the place of all this.
    var batch: BatchPotential<Scalar>.Cache?
  }

  package let name: String
  package var stepRule: StepRule
  package var stepSize: Scalar
  package var stepNumerator: Scalar = 2
  package var stepRegularization = StepSize.regularization
  package var powerVector: Tensor<Scalar>
  /// K, inner×C×k×k.
  package private(set) var kernel: Tensor<Scalar> {
    didSet { (direct, potential) = Self.maps(kernel, height: shape.height, width: shape.width) }
  }
  /// b, one number an inner channel.
  package private(set) var bias: Tensor<Scalar>
  /// T, image by image; nil where there is a potential.
  private var direct: Convolution<Scalar>?
  /// The layer by convolutions of batches, where channels fill whole lines of them: values have the same bits, and take less
  /// time, the less the smaller the images are. Gradients of parameters are summed in another order.
  private var potential: BatchPotential<Scalar>?

  /// The layer with kernel K and bias b on images of a height and a width.
  package init(
    name: String, kernel: Tensor<Scalar>, bias: Tensor<Scalar>, height: Int, width: Int,
    stepRule: StepRule, stepSize: Scalar, powerVector: Tensor<Scalar>
  ) {
    self.name = name
    self.kernel = kernel
    self.bias = bias
    self.stepRule = stepRule
    self.stepSize = stepSize
    self.powerVector = powerVector
    (direct, potential) = Self.maps(kernel, height: height, width: width)
  }

  private static func maps(
    _ kernel: Tensor<Scalar>, height: Int, width: Int
  ) -> (Convolution<Scalar>?, BatchPotential<Scalar>?) {
    guard kernel.shape[0...1].min()! >= channelsOfBatches else {
      return (Convolution(kernel: kernel, height: height, width: width), nil)
    }
    return (
      nil,
      BatchPotential(
        convolution: BatchConvolution(kernel: kernel, height: height, width: width, wraps: false))
    )
  }

  /// T.
  package var convolution: Convolution<Scalar> {
    direct ?? Convolution(kernel: kernel, height: shape.height, width: shape.width)
  }

  /// Of the images and of T.
  private var shape: cpl_conv_shape { potential?.convolution.shape ?? direct!.shape }

  /// The channels, hidden or not, from which on there are convolutions of batches: a line of binary32.
  private static var channelsOfBatches: Int { 16 }

  /// Whether gradients are summed as devices sum them.
  var sumsAsDevices: Bool { potential == nil }

  package var inputShape: [Int] { image.extents }
  package var outputShape: [Int] { image.extents }
  package var linearMap: any LinearMap<Scalar> {
    if let potential { return potential.convolution }
    return convolution
  }

  package var image: ImageShape {
    let shape = shape
    return ImageShape(channels: shape.channels, height: shape.height, width: shape.width)
  }

  package var specification: LayerSpecification {
    .convolution(
      image: image, inner: shape.inner, kernel: shape.kernel,
      step: StepSize(
        rule: stepRule, value: Float(stepSize), numerator: Float(stepNumerator),
        regularization: stepRegularization))
  }

  package var parameters: [(name: String, value: Tensor<Scalar>)] {
    [("kernel", kernel), ("bias", bias)]
  }

  package mutating func updateParameters(_ body: (Int, inout Tensor<Scalar>) -> Void) {
    body(0, &kernel)
    body(1, &bias)
  }

  private var imageCount: Int { inputShape.reduce(1, *) }
  private var hiddenCount: Int { shape.inner * image.planeCount }

  private var maskBytes: Int { cpl_conv_mask_bytes(shape) }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func forward(
    _ input: consuming Tensor<Scalar>, keeping recording: Recording, workers: Workers
  ) -> (output: Tensor<Scalar>, cache: Cache) {
    if let potential {
      let (output, cache) = potential.forward(
        input, bias: bias, step: stepSize, keeping: recording, workers: workers)
      return (output, Cache(batch: cache))
    }
    var cache = Cache()
    let batch = input.shape[0]
    let keepsAll = recording == .everything
    var output: Tensor<Scalar>
    if keepsAll {
      output = Tensor(shape: input.shape, initializingWith: { _ in })
      cache.input = consume input
    } else {
      output = consume input
    }
    var hidden = Tensor<Scalar>(
      shape: [keepsAll ? batch : 0] + convolution.outputShape, initializingWith: { _ in })
    var mask = [UInt8](repeating: 0, count: recording == .nothing ? 0 : batch * maskBytes)
    output.withUnsafeMutableElements { outputs in
      hidden.withUnsafeMutableElements { hidden in
        mask.withUnsafeMutableBufferPointer { mask in
          nonisolated(unsafe) let (outputs, hidden, mask) = (outputs, hidden, mask.baseAddress)
          func run(_ inputs: UnsafePointer<Scalar>) {
            nonisolated(unsafe) let inputs = inputs
            workers.forEachRange(of: batch, by: BatchTree.imagesPerPiece) { _, range in
              let first = range.lowerBound
              convolution.withWorkspace { workspace in
                Scalar.layerForward(
                  convolution.shape, convolution.packedKernel, bias: bias.elements, step: stepSize,
                  images: range.count, inputs + first * imageCount,
                  to: outputs + first * imageCount,
                  hidden: keepsAll ? hidden + first * hiddenCount : nil,
                  mask: recording == .nothing ? nil : mask! + first * maskBytes, workspace)
              }
            }
          }
          if let input = cache.input {
            input.withUnsafeElements(run)
          } else {
            run(outputs)
          }
        }
      }
    }
    if keepsAll { cache.hidden = hidden }
    cache.mask = mask
    return (output, cache)
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func inputGradient(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    if let potential {
      return potential.inputGradient(
        outputGradient, step: stepSize, from: cache.batch!, workers: workers)
    }
    var gradient = consume outputGradient
    let batch = gradient.shape[0]
    gradient.withUnsafeMutableElements { gradients in
      cache.mask.withUnsafeBufferPointer { mask in
        nonisolated(unsafe) let (gradients, mask) = (gradients, mask.baseAddress!)
        workers.forEachRange(of: batch, by: BatchTree.imagesPerPiece) { _, range in
          let first = range.lowerBound
          convolution.withWorkspace { workspace in
            Scalar.layerInputGradient(
              convolution.shape, convolution.packedKernel, step: stepSize, images: range.count,
              mask: mask + first * maskBytes, gradient: gradients + first * imageCount, workspace)
          }
        }
      }
    }
    return gradient
  }

  /// With g the gradient with respect to z, a the activations and p = −h · 1[a > 0] ⊙ T g:
  ///
  ///     ∂/∂x = g + Tᵀp,   ∂/∂K = ∂(⟨p, T x⟩ − h⟨a, T g⟩)/∂K,   ∂/∂b = Σ p,   ∂/∂h = −⟨a, T g⟩
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func backward(
    _ outputGradient: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> (input: Tensor<Scalar>, sums: LayerGradient<Scalar>) {
    if let potential {
      return potential.backward(
        outputGradient, step: stepSize, from: cache.batch!, workers: workers)
    }
    var gradient = consume outputGradient
    let batch = gradient.shape[0]
    let (kernelCount, inner) = (kernel.count, shape.inner)
    // A piece's sums: the kernel's gradient, then the bias's, then ⟨a, T g⟩.
    let sumCount = kernelCount + inner + 1
    let pieces = BatchTree.pieces(of: batch)
    var sums = [Scalar](repeating: 0, count: max(1, pieces) * sumCount)
    sums.withUnsafeMutableBufferPointer { sums in
      gradient.withUnsafeMutableElements { gradients in
        cache.input!.withUnsafeElements { inputs in
          cache.hidden!.withUnsafeElements { hidden in
            nonisolated(unsafe) let sums = sums.baseAddress!
            nonisolated(unsafe) let (gradients, inputs, hidden) = (gradients, inputs, hidden)
            workers.forEachRange(of: batch, by: BatchTree.imagesPerPiece) { piece, range in
              let (kernelSum, first) = (sums + piece * sumCount, range.lowerBound)
              convolution.withWorkspace { workspace in
                Scalar.layerBackward(
                  convolution.shape, convolution.packedKernel, step: stepSize,
                  images: range.count, input: inputs + first * imageCount,
                  hidden: hidden + first * hiddenCount, gradient: gradients + first * imageCount,
                  kernelGradient: kernelSum, biasGradient: kernelSum + kernelCount,
                  dot: kernelSum + kernelCount + inner, workspace)
              }
            }
            BatchTree.forEachAddition(of: pieces) { sum, addend in
              Scalar.add(sumCount, alpha: 1, sums + addend * sumCount, to: sums + sum * sumCount)
            }
          }
        }
      }
    }
    return (
      gradient,
      LayerGradient(
        parameters: [
          Tensor(shape: kernel.shape, elements: Array(sums[0..<kernelCount])),
          Tensor(shape: [inner], elements: Array(sums[kernelCount..<kernelCount + inner])),
        ],
        derived: [-sums[kernelCount + inner]])
    )
  }
}

extension CPLConvolution {
  /// The Jacobian I − h WᵀDW is symmetric: forwards and backwards are the same.
  package func tangent(
    _ inputTangent: consuming Tensor<Scalar>, from cache: Cache, workers: Workers
  ) -> Tensor<Scalar> {
    inputGradient(inputTangent, from: cache, workers: workers)
  }
}

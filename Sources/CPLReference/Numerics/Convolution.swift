// SPDX-License-Identifier: Apache-2.0

import CPLKernels

/// The zero-padded convolution T with an inner×C×k×k kernel K (k odd, stride 1, padding ⌊k/2⌋)
/// of C×H×W images, and its transpose:
///
///     (T x)[o, i, j]  = Σ_{c,a,b} K[o, c, a, b] · x[c, i + a − p, j + b − p],   p = ⌊k/2⌋
///     (Tᵀv)[c, i, j]  = Σ_{o,a,b} K[o, c, a, b] · v[o, i − a + p, j − b + p]
///
/// with x and v zero outside the image.
public struct Convolution<Scalar: TensorScalar>: LinearMap {
  /// Channels of the image, inner channels, the image's height and width, and k.
  package let shape: cpl_conv_shape
  /// K in the kernels' own layout.
  package let packedKernel: [Scalar]
  private let workspaceBytes: Int

  /// The convolution of an inner×C×k×k kernel with images of a height and a width.
  ///
  /// - Precondition: the kernel is square, k odd.
  public init(kernel: Tensor<Scalar>, height: Int, width: Int) {
    precondition(
      kernel.shape.count == 4 && kernel.shape[2] == kernel.shape[3] && kernel.shape[2] % 2 == 1,
      "a kernel is inner×C×k×k with odd k")
    let shape = cpl_conv_shape(
      channels: kernel.shape[1], inner: kernel.shape[0], height: height, width: width,
      kernel: kernel.shape[2])
    self.shape = shape
    packedKernel = kernel.withUnsafeElements { Scalar.packKernel(shape, $0) }
    workspaceBytes = Scalar.workspaceBytes(shape)
  }

  public var inputShape: [Int] { [shape.channels, shape.height, shape.width] }
  public var outputShape: [Int] { [shape.inner, shape.height, shape.width] }

  public func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    Tensor(shape: outputShape) { hidden in
      withWorkspace { workspace in
        x.withUnsafeElements {
          Scalar.convolve(shape, packedKernel, $0, to: hidden, workspace)
        }
      }
    }
  }

  public func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    Tensor(shape: inputShape) { image in
      withWorkspace { workspace in
        v.withUnsafeElements {
          Scalar.convolveTransposed(shape, packedKernel, $0, to: image, workspace)
        }
      }
    }
  }

  /// The second half of what `layerBackward` adds to the kernel's gradient, with the step −1, the
  /// activations v, the incoming gradient x and an input of zeros, which silences the first half.
  public func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    var gradient = Tensor<Scalar>(shape: [shape.inner, shape.channels, shape.kernel, shape.kernel])
    var discarded = (image: x, bias: Tensor<Scalar>(shape: [shape.inner]), dot: Scalar(0))
    let zeros = Tensor<Scalar>(shape: inputShape)
    withWorkspace { workspace in
      gradient.withUnsafeMutableElements { kernelGradient in
        discarded.image.withUnsafeMutableElements { image in
          discarded.bias.withUnsafeMutableElements { biasGradient in
            zeros.withUnsafeElements { zeros in
              v.withUnsafeElements { hidden in
                Scalar.layerBackward(
                  shape, packedKernel, step: -1, images: 1, input: zeros, hidden: hidden,
                  gradient: image, kernelGradient: kernelGradient, biasGradient: biasGradient,
                  dot: &discarded.dot, workspace)
              }
            }
          }
        }
      }
    }
    return gradient
  }

  /// Scratch memory for the kernels, on this thread.
  package func withWorkspace<Result>(_ body: (UnsafeMutableRawPointer) -> Result) -> Result {
    withUnsafeTemporaryAllocation(byteCount: workspaceBytes, alignment: 64) {
      body($0.baseAddress!)
    }
  }
}

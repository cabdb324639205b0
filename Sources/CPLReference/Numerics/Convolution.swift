/// The zero-padded convolution T with an inner×C×k×k kernel K (k odd, stride 1, padding ⌊k/2⌋)
/// of one C×n×n image, and its transpose:
///
///     (T x)[o, i, j]  = Σ_{c,a,b} K[o, c, a, b] · x[c, i + a − p, j + b − p],   p = ⌊k/2⌋
///     (Tᵀv)[c, i, j]  = Σ_{o,a,b} K[o, c, a, b] · v[o, i − a + p, j − b + p]
///
/// with x and v zero outside the image.
///
/// Both run as one matrix product with the kernel laid out as a (k²·inner)×C matrix K̃ and a
/// shift of k²·inner planes: T = S·K̃ and Tᵀ = K̃ᵀ·Sᵀ, where S shifts plane (a, b, o) by
/// (p − a, p − b), cuts it at the border and adds it to plane o. With few inner channels this
/// moves far less memory than unrolling the image would.
public struct Convolution<Scalar: TensorScalar>: Sendable {
  /// The number of output channels of T.
  public let inner: Int
  /// The number of input channels of T.
  public let channels: Int
  /// k, the kernel's side.
  public let kernelSide: Int
  /// n, the image's side.
  public let imageSide: Int
  /// K̃: row (a·k + b)·inner + o, column c.
  private let packedKernel: [Scalar]

  /// The convolution of an inner×C×k×k kernel with images of side `imageSide`.
  ///
  /// - Precondition: the kernel is square with an odd side.
  public init(kernel: Tensor<Scalar>, imageSide: Int) {
    precondition(
      kernel.shape.count == 4 && kernel.shape[2] == kernel.shape[3] && kernel.shape[2] % 2 == 1,
      "a kernel is inner×C×k×k with odd k")
    (inner, channels, kernelSide) = (kernel.shape[0], kernel.shape[1], kernel.shape[2])
    self.imageSide = imageSide
    packedKernel = Self.pack(kernel)
  }

  /// n², the number of pixels of a plane.
  var pixels: Int { imageSide * imageSide }
  /// k²·inner, the number of shifted planes.
  var planes: Int { kernelSide * kernelSide * inner }
  /// The number of scalars of workspace that each function below needs.
  var workspaceCount: Int { planes * pixels }

  /// hidden ← T image.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func apply(
    _ image: UnsafePointer<Scalar>, to hidden: UnsafeMutablePointer<Scalar>,
    workspace: UnsafeMutablePointer<Scalar>
  ) {
    packedKernel.withUnsafeBufferPointer { kernel in
      Scalar.multiply(
        transposeA: false, transposeB: false, rows: planes, columns: pixels, depth: channels,
        alpha: 1, kernel.baseAddress!, lda: channels, image, ldb: pixels, beta: 0, workspace,
        ldc: pixels)
    }
    hidden.update(repeating: 0, count: inner * pixels)
    forEachTap { tap, rows, columns, shift in
      for channel in 0..<inner {
        let plane = workspace + (tap * inner + channel) * pixels
        let target = hidden + channel * pixels
        for row in rows {
          let start = row * imageSide
          for at in start + columns.lowerBound..<start + columns.upperBound {
            target[at] += plane[at + shift]
          }
        }
      }
    }
  }

  /// image ← image + scale · Tᵀ hidden.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func addTransposed(
    _ hidden: UnsafePointer<Scalar>, scale: Scalar, to image: UnsafeMutablePointer<Scalar>,
    workspace: UnsafeMutablePointer<Scalar>
  ) {
    unroll(hidden, into: workspace)
    packedKernel.withUnsafeBufferPointer { kernel in
      Scalar.multiply(
        transposeA: true, transposeB: false, rows: channels, columns: pixels, depth: planes,
        alpha: scale, kernel.baseAddress!, lda: channels, workspace, ldb: pixels, beta: 1, image,
        ldc: pixels)
    }
  }

  /// gradient ← gradient + scale · ∂⟨hidden, T image⟩/∂K̃, in K̃'s layout (`unpack` restores the
  /// kernel's).
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func addKernelGradient(
    image: UnsafePointer<Scalar>, hidden: UnsafePointer<Scalar>, scale: Scalar,
    to gradient: UnsafeMutablePointer<Scalar>, workspace: UnsafeMutablePointer<Scalar>
  ) {
    unroll(hidden, into: workspace)
    Scalar.multiply(
      transposeA: false, transposeB: true, rows: planes, columns: channels, depth: pixels,
      alpha: scale, workspace, lda: pixels, image, ldb: pixels, beta: 1, gradient, ldc: channels)
  }

  /// A (k²·inner)×C matrix back in the kernel's layout inner×C×k×k.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func unpack(_ packed: [Scalar]) -> Tensor<Scalar> {
    let taps = kernelSide * kernelSide
    var kernel = Tensor<Scalar>(shape: [inner, channels, kernelSide, kernelSide])
    for output in 0..<inner {
      for channel in 0..<channels {
        for tap in 0..<taps {
          kernel.elements[(output * channels + channel) * taps + tap] =
            packed[(tap * inner + output) * channels + channel]
        }
      }
    }
    return kernel
  }

  /// planes ← Sᵀ hidden: plane (tap, o) is hidden channel o, shifted against the tap, zeros moved
  /// in at the border.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private func unroll(
    _ hidden: UnsafePointer<Scalar>, into workspace: UnsafeMutablePointer<Scalar>
  ) {
    workspace.update(repeating: 0, count: workspaceCount)
    forEachTap { tap, rows, columns, shift in
      for channel in 0..<inner {
        let plane = workspace + (tap * inner + channel) * pixels
        let source = hidden + channel * pixels
        for row in rows {
          let start = row * imageSide + columns.lowerBound
          (plane + start + shift).update(from: source + start, count: columns.count)
        }
      }
    }
  }

  /// For each tap (a, b): the rows and columns of the output whose input pixel
  /// (i + a − p, j + b − p) lies in the image, and how far that pixel is from (i, j) in memory.
  @inline(__always)
  private func forEachTap(
    _ body: (_ tap: Int, _ rows: Range<Int>, _ columns: Range<Int>, _ shift: Int) -> Void
  ) {
    func inside(_ offset: Int) -> Range<Int> {
      let lower = max(0, -offset)
      return lower..<max(lower, min(imageSide, imageSide - offset))
    }
    for row in 0..<kernelSide {
      for column in 0..<kernelSide {
        let (down, right) = (row - kernelSide / 2, column - kernelSide / 2)
        body(
          row * kernelSide + column, inside(down), inside(right), down * imageSide + right)
      }
    }
  }

  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func pack(_ kernel: Tensor<Scalar>) -> [Scalar] {
    let (inner, channels) = (kernel.shape[0], kernel.shape[1])
    let taps = kernel.shape[2] * kernel.shape[3]
    var packed = [Scalar](repeating: 0, count: kernel.count)
    for output in 0..<inner {
      for channel in 0..<channels {
        for tap in 0..<taps {
          packed[(tap * inner + output) * channels + channel] =
            kernel.elements[(output * channels + channel) * taps + tap]
        }
      }
    }
    return packed
  }
}

extension Convolution: LinearMap {
  public var inputShape: [Int] { [channels, imageSide, imageSide] }
  public var outputShape: [Int] { [inner, imageSide, imageSide] }

  public func apply(_ x: Tensor<Scalar>) -> Tensor<Scalar> {
    Tensor(shape: outputShape) { hidden in
      withWorkspace { workspace in
        x.withUnsafeElements { apply($0, to: hidden, workspace: workspace) }
      }
    }
  }

  public func applyTransposed(_ v: Tensor<Scalar>) -> Tensor<Scalar> {
    var image = Tensor<Scalar>(shape: inputShape)
    withWorkspace { workspace in
      image.withUnsafeMutableElements { image in
        v.withUnsafeElements { addTransposed($0, scale: 1, to: image, workspace: workspace) }
      }
    }
    return image
  }

  public func weightGradient(input x: Tensor<Scalar>, output v: Tensor<Scalar>) -> Tensor<Scalar> {
    var gradient = [Scalar](repeating: 0, count: packedKernel.count)
    gradient.withUnsafeMutableBufferPointer { gradient in
      withWorkspace { workspace in
        x.withUnsafeElements { image in
          v.withUnsafeElements { hidden in
            addKernelGradient(
              image: image, hidden: hidden, scale: 1, to: gradient.baseAddress!,
              workspace: workspace)
          }
        }
      }
    }
    return unpack(gradient)
  }

  /// Scratch memory for one call on this thread.
  func withWorkspace(_ body: (UnsafeMutablePointer<Scalar>) -> Void) {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: max(1, workspaceCount)) {
      body($0.baseAddress!)
    }
  }
}

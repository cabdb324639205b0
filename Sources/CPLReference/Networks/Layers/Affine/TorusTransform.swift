// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Fourier's transform of planes on an H×W torus, by products with `FourierBasis` along both axes, and back.
///
/// Of m planes the coefficient at place k (`TorusFrequencies`) of plane j is at k·m + j.
struct TorusTransform<Scalar: TensorScalar>: Sendable {
  let frequencies: TorusFrequencies
  let alongHeight: FourierBasis<Scalar>
  let alongWidth: FourierBasis<Scalar>

  init(height: Int, width: Int) {
    frequencies = TorusFrequencies(height: height, width: width)
    alongHeight = FourierBasis(count: height)
    alongWidth = height == width ? alongHeight : FourierBasis(count: width)
  }

  /// - Parameter scratch: room for all planes.
  func forward(
    planes: Int, _ images: UnsafePointer<Scalar>, to spectrum: UnsafeMutablePointer<Scalar>,
    scratch: UnsafeMutablePointer<Scalar>
  ) {
    let (height, width) = (frequencies.height, frequencies.width)
    // Of each pixel the numbers of all planes.
    Scalar.transpose(
      rows: planes, columns: height * width, images, stride: height * width, to: spectrum,
      stride: planes)
    for row in 0..<height {
      alongWidth.multiply(
        planes, UnsafePointer(spectrum) + row * width * planes, to: scratch + row * planes,
        stride: height * planes)
    }
    for column in 0..<width {
      let start = column * height * planes
      alongHeight.multiply(
        planes, UnsafePointer(scratch) + start, to: spectrum + start, stride: planes)
    }
    frequencies.forEachSum { places in
      Self.sum(
        planes, spectrum + places.0 * planes, spectrum + places.1 * planes,
        spectrum + places.2 * planes, spectrum + places.3 * planes)
    }
  }

  /// The inverse, which is the transpose. It uses up the spectrum.
  ///
  /// - Parameter scratch: room for all planes.
  func backward(
    planes: Int, _ spectrum: UnsafeMutablePointer<Scalar>, to images: UnsafeMutablePointer<Scalar>,
    scratch: UnsafeMutablePointer<Scalar>
  ) {
    let (height, width) = (frequencies.height, frequencies.width)
    frequencies.forEachSum { places in
      Self.separate(
        planes, spectrum + places.0 * planes, spectrum + places.1 * planes,
        spectrum + places.2 * planes, spectrum + places.3 * planes)
    }
    for column in 0..<width {
      alongHeight.multiply(
        transposed: true, planes, UnsafePointer(spectrum) + column * height * planes,
        to: scratch + column * planes, stride: width * planes)
    }
    for row in 0..<height {
      let start = row * width * planes
      alongWidth.multiply(
        transposed: true, planes, UnsafePointer(scratch) + start, to: spectrum + start,
        stride: planes)
    }
    Scalar.transpose(
      rows: height * width, columns: planes, UnsafePointer(spectrum), stride: planes, to: images,
      stride: height * width)
  }

  /// Products of cosines and sines become cosines and sines of sums and differences.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func sum(
    _ count: Int, _ a: UnsafeMutablePointer<Scalar>, _ b: UnsafeMutablePointer<Scalar>,
    _ c: UnsafeMutablePointer<Scalar>, _ d: UnsafeMutablePointer<Scalar>
  ) {
    for index in 0..<count {
      let (cosines, upper, lower, sines) = (a[index], b[index], c[index], d[index])
      a[index] = cosines - sines
      b[index] = upper + lower
      c[index] = cosines + sines
      d[index] = upper - lower
    }
  }

  /// The inverse of `sum`.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  private static func separate(
    _ count: Int, _ a: UnsafeMutablePointer<Scalar>, _ b: UnsafeMutablePointer<Scalar>,
    _ c: UnsafeMutablePointer<Scalar>, _ d: UnsafeMutablePointer<Scalar>
  ) {
    for index in 0..<count {
      let (cosine, sine, otherCosine, otherSine) = (a[index], b[index], c[index], d[index])
      a[index] = (otherCosine + cosine) / 2
      b[index] = (sine + otherSine) / 2
      c[index] = (sine - otherSine) / 2
      d[index] = (otherCosine - cosine) / 2
    }
  }
}

extension FourierBasis {
  /// The product of the basis, or of its transpose, and of rows of so many numbers that lie one after the other.
  ///
  /// - Parameter stride: the distance between rows of the result.
  fileprivate func multiply(
    transposed: Bool = false, _ columns: Int, _ rows: UnsafePointer<Scalar>,
    to result: UnsafeMutablePointer<Scalar>, stride: Int
  ) {
    elements.withUnsafeElements { basis in
      Scalar.multiply(
        rows: 0..<count, columns: 0..<columns, depth: count,
        MatrixView(elements: basis, stride: count, transposed: transposed),
        MatrixView(elements: rows, stride: columns), Epilogue(), to: result, stride: stride)
    }
  }
}

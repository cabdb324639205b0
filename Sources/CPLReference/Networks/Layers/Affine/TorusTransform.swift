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
    let lines = planes * height
    alongWidth.elements.withUnsafeElements { basis in
      Scalar.multiply(
        rows: 0..<width, columns: 0..<lines, depth: width,
        MatrixView(elements: basis, stride: width),
        MatrixView(elements: images, stride: width, transposed: true), Epilogue(), to: scratch,
        stride: lines)
    }
    alongHeight.elements.withUnsafeElements { basis in
      for column in 0..<width {
        Scalar.multiply(
          rows: 0..<height, columns: 0..<planes, depth: height,
          MatrixView(elements: basis, stride: height),
          MatrixView(elements: scratch + column * lines, stride: height, transposed: true),
          Epilogue(), to: spectrum + column * lines, stride: planes)
      }
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
    let lines = planes * height
    frequencies.forEachSum { places in
      Self.separate(
        planes, spectrum + places.0 * planes, spectrum + places.1 * planes,
        spectrum + places.2 * planes, spectrum + places.3 * planes)
    }
    alongHeight.elements.withUnsafeElements { basis in
      for column in 0..<width {
        Scalar.multiply(
          rows: 0..<planes, columns: 0..<height, depth: height,
          MatrixView(elements: spectrum + column * lines, stride: planes, transposed: true),
          MatrixView(elements: basis, stride: height), Epilogue(), to: scratch + column * lines,
          stride: height)
      }
    }
    alongWidth.elements.withUnsafeElements { basis in
      Scalar.multiply(
        rows: 0..<lines, columns: 0..<width, depth: width,
        MatrixView(elements: scratch, stride: lines, transposed: true),
        MatrixView(elements: basis, stride: width), Epilogue(), to: images, stride: width)
    }
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

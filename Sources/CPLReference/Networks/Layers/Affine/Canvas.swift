// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// Images in the middle of larger ones: with `border` more rows above and below, and columns on either side. A
/// zero-padded convolution of the larger image, extended as a torus, is the circular one in its middle.
struct Canvas: Sendable {
  let height: Int
  let width: Int
  /// At most the height and the width.
  let border: Int

  /// The numbers of a plane, and of a larger one.
  var plane: Int { height * width }
  var extendedPlane: Int { (height + 2 * border) * (width + 2 * border) }

  /// Puts planes into larger ones.
  ///
  /// - Parameter wraps: whether the border repeats the opposite edge; else it is 0.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func extend<Scalar: TensorScalar>(
    planes: Int, _ source: UnsafePointer<Scalar>, to target: UnsafeMutablePointer<Scalar>,
    wraps: Bool
  ) {
    let pitch = width + 2 * border
    for plane in 0..<planes {
      let (source, target) = (source + plane * self.plane, target + plane * extendedPlane)
      for row in -border..<height + border {
        let line = target + (row + border) * pitch
        guard wraps || (0..<height).contains(row) else {
          for column in 0..<pitch { line[column] = 0 }
          continue
        }
        let pixels = source + (row + height) % height * width
        for column in 0..<width { line[border + column] = pixels[column] }
        for column in 0..<border {
          line[column] = wraps ? pixels[width - border + column] : 0
          line[border + width + column] = wraps ? pixels[column] : 0
        }
      }
    }
  }

  /// Takes planes from the middle of larger ones.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  func cut<Scalar: TensorScalar>(
    planes: Int, _ source: UnsafePointer<Scalar>, to target: UnsafeMutablePointer<Scalar>
  ) {
    let pitch = width + 2 * border
    for plane in 0..<planes {
      for row in 0..<height {
        let pixels = source + plane * extendedPlane + (row + border) * pitch + border
        let line = target + plane * self.plane + row * width
        for column in 0..<width { line[column] = pixels[column] }
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLAudit
import CPLReference
import Foundation

/// An image, an image of another class, and their difference made larger.
package struct CounterexamplePictures {
  /// How many times larger the difference is shown; grey is no difference.
  package let magnification: Double
  /// Three `img` elements.
  package let drawing: String

  /// nil for images that are no grey or coloured pictures.
  package init?(_ violation: Violation, imageShape: ImageShape?) {
    self.init(
      original: violation.original, adversarial: violation.adversarial, imageShape: imageShape)
  }

  /// The same of images that are no violation.
  ///
  /// - Parameter name: what each `img` element's text begins with.
  init?(
    original: [Float], adversarial: [Float], imageShape: ImageShape?, name: String = ""
  ) {
    guard let shape = imageShape, shape.channels == 1 || shape.channels == 3,
      original.count == shape.count, adversarial.count == original.count
    else { return nil }
    let difference = zip(adversarial, original).map { Double($0) - Double($1) }
    let largest = difference.reduce(0) { max($0, abs($1)) }
    magnification = largest > 0 ? 0.5 / largest : 1
    let factor = magnification
    let pictures: [(String, [Double])] = [
      ("original", original.map { Double($0) }),
      ("adversarial", adversarial.map { Double($0) }),
      ("difference", difference.map { 0.5 + $0 * factor }),
    ]
    drawing = pictures.map { kind, values in
      let bitmap = Self.bitmap(values, of: shape)
      let text = "\(name)\(kind)".markup
      return "<img alt=\"\(text)\" title=\"\(text)\" width=\"128\" class=\"pixels\" "
        + "src=\"data:image/bmp;base64,\(bitmap.base64EncodedString())\" />"
    }.joined(separator: "\n")
  }

  /// A picture in the BMP format, 24 bits a pixel: rows from the bottom up, blue before green and
  /// red, each row filled up to a multiple of four bytes.
  private static func bitmap(_ values: [Double], of shape: ImageShape) -> Data {
    let (height, width) = (shape.height, shape.width)
    let rowBytes = (width * 3 + 3) / 4 * 4
    let headerBytes = 54
    var data = Data("BM".utf8)
    func append(_ number: Int, bytes: Int) {
      for byte in 0..<bytes { data.append(UInt8(truncatingIfNeeded: number >> (8 * byte))) }
    }
    for (number, bytes) in [
      (headerBytes + rowBytes * height, 4), (0, 4), (headerBytes, 4),
      (40, 4), (width, 4), (height, 4), (1, 2), (24, 2), (0, 4), (rowBytes * height, 4),
      (2835, 4), (2835, 4), (0, 4), (0, 4),
    ] {
      append(number, bytes: bytes)
    }
    for row in (0..<height).reversed() {
      for column in 0..<width {
        for channel in [2, 1, 0] {
          let plane = shape.channels == 3 ? channel : 0
          let value = values[(plane * height + row) * width + column]
          append(Int((min(max(value, 0), 1) * 255).rounded()), bytes: 1)
        }
      }
      append(0, bytes: rowBytes - width * 3)
    }
    return data
  }
}

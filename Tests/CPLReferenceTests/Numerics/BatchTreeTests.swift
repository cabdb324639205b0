// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("The order of sums over a batch")
struct BatchTreeTests {
  /// The tree by its definition.
  private func tree<Value: FloatingPoint>(_ values: ArraySlice<Value>) -> Value {
    guard values.count > 1 else { return values.first ?? 0 }
    var left = 1
    while 2 * left < values.count { left *= 2 }
    return tree(values.prefix(left)) + tree(values.dropFirst(left))
  }

  @Test("is the tree that is defined, for every number of pieces")
  func definition() {
    for pieces in 0...70 {
      let values = Tensor<Float>.normal([pieces], stream: 60).elements
      var sums = values
      BatchTree.forEachAddition(of: pieces) { sums[$0] += sums[$1] }
      #expect((sums.first ?? 0) == tree(values[...]), "\(pieces) pieces")
    }
  }

  @Test("is the same whatever the order in which pieces are ready")
  func readiness() {
    for pieces in 0...40 {
      let values = Tensor<Float>.normal([pieces], stream: 67).elements
      let orders = [
        Array(0..<pieces), (0..<pieces).reversed(), (0..<pieces).sorted { $0 % 3 < $1 % 3 },
      ]
      for order in orders {
        let sum = BatchTreeSum<Float>(pieces: pieces) { $0 += $1 }
        for piece in order { sum.insert(values[piece], of: piece) }
        #expect((sum.whole ?? 0) == tree(values[...]), "\(pieces) pieces")
      }
    }
  }

  @Test("subtrees that others have summed add up to the same bits")
  func subtrees() {
    for images in [1, 8, 9, 64, 100, 250, 256, 257] {
      let values = Tensor<Float>.normal([images], stream: 61).elements
      func sum(_ range: Range<Int>) -> Float {
        BatchTree.sum(range.count) { piece in
          piece.reduce(0) { $0 + values[range.lowerBound + $1] }
        }
      }
      let whole = sum(0..<images)
      for size in [8, 16, 64, 128] {
        var parts = stride(from: 0, to: images, by: size).map { sum($0..<min(images, $0 + size)) }
        BatchTree.forEachAddition(of: parts.count) { parts[$0] += parts[$1] }
        #expect(parts[0] == whole, "\(images) images by \(size)")
      }
    }
  }

  @Test("rows are summed piece by piece", arguments: [0, 1, 7, 8, 9, 24, 61])
  func rows(count: Int) {
    let rows = Tensor<Double>.normal([count, 5], stream: 62)
    let expected = (0..<5).map { column in
      tree(
        BatchTree.ranges(of: count).map {
          $0.reduce(0) { $0 + rows.elements[5 * $1 + column] }
        }[...])
    }
    #expect(rows.batchSum().elements == expected)
  }

  /// Rows, columns and images around the kernels' tiles, blocks and pieces.
  static let shapes = [
    (1, 1, 1), (7, 37, 19), (8, 48, 8), (6, 16, 16), (9, 49, 17), (13, 33, 64), (130, 65, 40),
    (400, 200, 24), (3, 5, 0), (25, 19, 600), (21, 80, 8), (8, 32, 5), (16, 16, 0),
  ]

  @Test(
    "sums of outer products have the defined order, whole and in parts",
    arguments: shapes, [1, 2])
  func outerProducts(shape: (rows: Int, columns: Int, images: Int), count: Int) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let (rows, columns, images) = shape
      let alphas: [Scalar] = [1, -0.75]
      let a = (0..<2).map { Tensor<Scalar>.normal([images, rows + $0], stream: 63 + UInt32($0)) }
      let b = (0..<2).map { Tensor<Scalar>.normal([images, columns + 2], stream: 65 + UInt32($0)) }
      var expected = Tensor<Scalar>(repeating: 7, shape: [rows, columns + 1])
      for i in 0..<rows {
        for j in 0..<columns {
          let pieces = BatchTree.ranges(of: images).map { piece in
            (0..<count).reduce(Scalar(0)) { sum, o in
              piece.reduce(sum) { sum, n in
                sum.addingProduct(
                  alphas[o] * a[o].elements[n * (rows + o) + i],
                  b[o].elements[n * (columns + 2) + j])
              }
            }
          }
          expected.elements[i * (columns + 1) + j] = tree(pieces[...])
        }
      }
      func sum(_ ranges: [(Range<Int>, Range<Int>)]) -> Tensor<Scalar> {
        var result = Tensor<Scalar>(repeating: 7, shape: [rows, columns + 1])
        result.withUnsafeMutableElements { result in
          a[0].withUnsafeElements { a0 in
            a[1].withUnsafeElements { a1 in
              b[0].withUnsafeElements { b0 in
                b[1].withUnsafeElements { b1 in
                  let products = [
                    OuterProducts(alpha: alphas[0], a0, stride: rows, b0, stride: columns + 2),
                    OuterProducts(alpha: alphas[1], a1, stride: rows + 1, b1, stride: columns + 2),
                  ]
                  for (rows, columns) in ranges {
                    Scalar.sumOuterProducts(
                      rows: rows, columns: columns, images: images, Array(products.prefix(count)),
                      to: result, stride: shape.columns + 1)
                  }
                }
              }
            }
          }
        }
        return result
      }
      #expect(sum([(0..<rows, 0..<columns)]).elements == expected.elements, "\(Scalar.self)")
      let (row, column) = (rows / 3, columns / 2)
      #expect(
        sum([
          (0..<row, 0..<columns), (row..<rows, 0..<column), (row..<rows, column..<columns),
        ]).elements == expected.elements, "\(Scalar.self), in parts")
    }
    check(Float.self)
    check(Double.self)
  }
}

// SPDX-License-Identifier: Apache-2.0

extension Tensor {
  /// Some rows of the outermost extent, in the given order.
  package func rows(_ positions: [Int]) -> Tensor {
    let stride = shape.dropFirst().reduce(1, *)
    var selected: [Scalar] = []
    selected.reserveCapacity(positions.count * stride)
    for position in positions { selected += row(position) }
    return Tensor(shape: [positions.count] + shape.dropFirst(), elements: selected)
  }

  /// One row of the outermost extent.
  package func row(_ position: Int) -> ArraySlice<Scalar> {
    let stride = shape.dropFirst().reduce(1, *)
    return elements[position * stride..<(position + 1) * stride]
  }

  /// For each row of an N×classes tensor, the position of its largest element, the first of equals; −1,
  /// which is no class, for a row with an element that is not finite.
  package var rowMaxima: [Int] {
    let classes = shape[1]
    return (0..<shape[0]).map { row in
      let start = row * classes
      guard elements[start..<start + classes].allSatisfy(\.isFinite) else { return -1 }
      return (0..<classes).reduce(0) {
        elements[start + $1] > elements[start + $0] ? $1 : $0
      }
    }
  }

  /// The sum of all rows, those of a batch, in the order of `BatchTree`, each piece's from 0 on.
  package func batchSum() -> Tensor {
    let (rows, stride) = (shape[0], shape.dropFirst().reduce(1, *))
    var sums = Tensor(shape: [max(1, BatchTree.pieces(of: rows)), stride])
    sums.withUnsafeMutableElements { sums in
      withUnsafeElements { elements in
        for (piece, range) in BatchTree.ranges(of: rows).enumerated() {
          for row in range {
            Scalar.add(stride, alpha: 1, elements + row * stride, to: sums + piece * stride)
          }
        }
      }
      BatchTree.forEachAddition(of: BatchTree.pieces(of: rows)) { sum, addend in
        Scalar.add(stride, alpha: 1, sums + addend * stride, to: sums + sum * stride)
      }
    }
    return Tensor(shape: Array(shape.dropFirst()), elements: Array(sums.row(0)))
  }

  /// Divides each row by its Euclidean length; a row of zeros stays.
  ///
  /// - Returns: the lengths.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package mutating func normalizeRows() -> [Double] {
    let (rows, stride) = (shape[0], count / max(1, shape[0]))
    return withUnsafeMutableElements { elements in
      (0..<rows).map { row in
        let start = elements + row * stride
        let norm = Scalar.dot(stride, start, start).squareRoot()
        guard norm > 0 else { return 0.0 }
        for index in 0..<stride { start[index] /= Scalar(norm) }
        return norm
      }
    }
  }

  /// The rows of the outermost extent, each times a number; each element is rounded once.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  package func rowsScaled(by factors: [Double]) -> Tensor {
    var scaled = self
    let stride = count / max(1, factors.count)
    scaled.withUnsafeMutableElements { elements in
      for (row, factor) in factors.enumerated() {
        for index in row * stride..<(row + 1) * stride {
          elements[index] = Scalar(Double(elements[index]) * factor)
        }
      }
    }
    return scaled
  }
}

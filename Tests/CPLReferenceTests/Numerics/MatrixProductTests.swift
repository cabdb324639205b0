// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Matrix products")
struct MatrixProductTests {
  /// A product's sizes, how its factors are stored, and what becomes of its elements.
  struct Case: Sendable, CustomTestStringConvertible {
    let rows: Int
    let columns: Int
    let depth: Int
    var transposedA = false
    var transposedB = false
    var alpha = 1.0
    var addend = Addend.none
    var rectifies = false
    var isGated = false

    enum Addend: Sendable, CaseIterable { case none, row, matrix, output }

    var testDescription: String {
      "\(rows)×\(depth)·\(depth)×\(columns) \(transposedA ? "Aᵀ" : "A")"
        + "\(transposedB ? "Bᵀ" : "B") alpha \(alpha) addend \(addend)"
        + "\(rectifies ? " relu" : "")\(isGated ? " gated" : "")"
    }

    /// All ways of storage and all epilogues at one size, and one of each at sizes around the
    /// kernels' tiles.
    static let all: [Case] = {
      var cases: [Case] = []
      for variant in 0..<64 {
        cases.append(
          Case(
            rows: 7, columns: 37, depth: 19, transposedA: variant & 1 > 0,
            transposedB: variant & 2 > 0, alpha: variant & 1 > 0 ? -0.75 : 1,
            addend: Addend.allCases[variant >> 4], rectifies: variant & 4 > 0,
            isGated: variant & 8 > 0))
      }
      for (index, (rows, columns, depth)) in [
        (1, 1, 1), (1, 16, 3), (2, 15, 8), (3, 17, 16), (8, 48, 1), (13, 33, 300), (130, 65, 40),
        (5, 7, 0),
      ].enumerated() {
        cases.append(
          Case(
            rows: rows, columns: columns, depth: depth, transposedB: index % 2 == 0, alpha: -1.5,
            addend: .matrix, rectifies: index % 3 == 0))
      }
      // Whole lines, which are taken without packing.
      for (index, (rows, columns, depth)) in [
        (1, 16, 1), (8, 64, 16), (21, 48, 128), (128, 80, 40), (15, 32, 0), (129, 32, 8),
      ].enumerated() {
        for variant in 0..<4 {
          cases.append(
            Case(
              rows: rows, columns: columns, depth: depth, transposedA: index % 2 > 0,
              alpha: variant > 0 ? -1.5 : 1, addend: Addend.allCases[variant],
              rectifies: variant == 1, isGated: variant == 2))
        }
      }
      return cases
    }()
  }

  /// The operands of a case, as stored, with rows longer than they need to be.
  private struct Operands<Scalar: TensorScalar> {
    let a: Tensor<Scalar>
    let b: Tensor<Scalar>
    let addend: Tensor<Scalar>
    let gate: Tensor<Scalar>

    init(_ test: Case) {
      a = .normal(
        test.transposedA ? [test.depth, test.rows + 2] : [test.rows, test.depth + 2], stream: 50)
      b = .normal(
        test.transposedB ? [test.columns, test.depth + 3] : [test.depth, test.columns + 3],
        stream: 51)
      addend = .normal([test.rows, test.columns + 1], stream: 52)
      gate = .normal([test.rows, test.columns + 4], stream: 53)
    }

    /// The given rows and columns of the result, in a matrix with one column to spare that
    /// begins as the addend.
    func multiply(_ test: Case, rows: Range<Int>, columns: Range<Int>) -> Tensor<Scalar> {
      var result = addend
      let stride = test.columns + 1
      result.withUnsafeMutableElements { result in
        a.withUnsafeElements { a in
          b.withUnsafeElements { b in
            addend.withUnsafeElements { addend in
              gate.withUnsafeElements { gate in
                let added: UnsafePointer<Scalar>? =
                  switch test.addend {
                  case .none: nil
                  case .row, .matrix: addend
                  case .output: UnsafePointer(result)
                  }
                Scalar.multiply(
                  rows: rows, columns: columns, depth: test.depth,
                  MatrixView(
                    elements: a, stride: self.a.shape[1], transposed: test.transposedA),
                  MatrixView(
                    elements: b, stride: self.b.shape[1], transposed: test.transposedB),
                  Epilogue(
                    alpha: Scalar(test.alpha), addend: added,
                    addendStride: test.addend == .row ? 0 : stride, rectifies: test.rectifies,
                    gate: test.isGated ? gate : nil, gateStride: test.columns + 4),
                  to: result, stride: stride)
              }
            }
          }
        }
      }
      return result
    }
  }

  @Test("a product is the defining sum, and its epilogue follows in order", arguments: Case.all)
  func definition(test: Case) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let operands = Operands<Scalar>(test)
      let result = operands.multiply(test, rows: 0..<test.rows, columns: 0..<test.columns)
      let factor = 2 * gamma(test.depth + 2, Scalar.self)
      var misses: [(Int, Int)] = []
      for i in 0..<test.rows {
        for j in 0..<test.columns {
          var (sum, absolutes) = (0.0, 0.0)
          for k in 0..<test.depth {
            let (a, b) = (operands.a, operands.b)
            let x = a.elements[test.transposedA ? k * a.shape[1] + i : i * a.shape[1] + k]
            let y = b.elements[test.transposedB ? j * b.shape[1] + k : k * b.shape[1] + j]
            sum += Double(x) * Double(y)
            absolutes += abs(Double(x) * Double(y))
          }
          sum *= test.alpha
          absolutes *= abs(test.alpha)
          if test.addend != .none {
            let row = test.addend == .row ? 0 : i
            let addend = Double(operands.addend.elements[row * (test.columns + 1) + j])
            sum += addend
            absolutes += abs(addend)
          }
          if test.rectifies { sum = max(0, sum) }
          if test.isGated, operands.gate.elements[i * (test.columns + 4) + j] <= 0 { sum = 0 }
          let value = Double(result.elements[i * (test.columns + 1) + j])
          if !(abs(value - sum) <= factor * absolutes) { misses.append((i, j)) }
        }
        // The column to spare is not the product's.
        let spare = i * (test.columns + 1) + test.columns
        if result.elements[spare] != operands.addend.elements[spare] {
          misses.append((i, test.columns))
        }
      }
      #expect(misses.isEmpty, "\(Scalar.self) \(misses.prefix(5))")
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("a part of a product is the same bits as that part of the whole", arguments: Case.all)
  func parts(test: Case) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let operands = Operands<Scalar>(test)
      let whole = operands.multiply(test, rows: 0..<test.rows, columns: 0..<test.columns)
      let stride = test.columns + 1
      for rows in [0..<1, test.rows / 2..<test.rows] {
        for columns in [0..<test.columns, test.columns / 3..<test.columns / 2 + 1] {
          let part = operands.multiply(test, rows: rows, columns: columns)
          let expected = operands.addend.elements.indices.map { index in
            rows.contains(index / stride) && columns.contains(index % stride)
              ? whole.elements[index] : operands.addend.elements[index]
          }
          #expect(part.elements == expected, "rows \(rows), columns \(columns)")
        }
      }
    }
    check(Float.self)
    check(Double.self)
  }

  @Test(
    "a transpose has every element in its place, and touches no other",
    arguments: [(1, 1), (7, 5), (16, 16), (33, 50), (64, 9), (9, 64), (0, 3)])
  func transposes(rows: Int, columns: Int) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let source = Tensor<Scalar>.normal([rows, columns + 2], stream: 54)
      var target = Tensor<Scalar>(repeating: 7, shape: [columns, rows + 3])
      source.withUnsafeElements { source in
        target.withUnsafeMutableElements { target in
          Scalar.transpose(
            rows: rows, columns: columns, source, stride: columns + 2, to: target,
            stride: rows + 3)
        }
      }
      var expected = Tensor<Scalar>(repeating: 7, shape: [columns, rows + 3])
      for i in 0..<rows {
        for j in 0..<columns {
          expected.elements[j * (rows + 3) + i] = source.elements[i * (columns + 2) + j]
        }
      }
      #expect(target == expected)
    }
    check(Float.self)
    check(Double.self)
  }

  @Test("the positive part lets a number through that is not one", arguments: precisions)
  func rectifiedNaN(_ type: any TensorScalar.Type) {
    func check<Scalar: TensorScalar>(_ type: Scalar.Type) {
      let result = Tensor<Scalar>(shape: [1, 1]) { result in
        Tensor<Scalar>(repeating: .nan, shape: [1]).withUnsafeElements { nan in
          Scalar.multiply(
            rows: 0..<1, columns: 0..<1, depth: 1, MatrixView(elements: nan, stride: 1),
            MatrixView(elements: nan, stride: 1), Epilogue(rectifies: true), to: result, stride: 1)
        }
      }
      #expect(result.elements[0].isNaN)
    }
    check(type)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

/// A tensor of a foreign file, checked to lie in it and not converted yet.
package struct StoredTensor: Sendable {
  package let name: String
  package let format: NumberFormat
  /// The extents, outermost first.
  package let shape: [Int]
  /// How far apart in `storage` neighbours along each axis are, in elements.
  private let strides: [Int]
  /// The bytes from the tensor's first element to its last.
  private let storage: ArraySlice<UInt8>
  private let isBigEndian: Bool

  /// A tensor whose elements lie in row-major order, without gaps, in `storage`.
  ///
  /// - Precondition: `storage` has the size of the elements.
  package init(
    name: String, format: NumberFormat, shape: [Int], storage: ArraySlice<UInt8>,
    isBigEndian: Bool = false
  ) {
    let strides = Self.rowMajorStrides(shape)
    self.init(
      name: name, format: format, shape: shape, strides: strides, storage: storage,
      isBigEndian: isBigEndian)
  }

  /// - Precondition: `problem(shape:strides:)` is nil and `storage` has the size of the elements,
  ///   whose number is the product of the extents.
  package init(
    name: String, format: NumberFormat, shape: [Int], strides: [Int],
    storage: ArraySlice<UInt8>, isBigEndian: Bool
  ) {
    precondition(shape.reduce(format.byteCount, *) == storage.count, "\(shape) in \(storage.count)")
    self.name = name
    self.format = format
    self.shape = shape
    self.strides = strides
    self.storage = storage
    self.isBigEndian = isBigEndian
  }

  /// The size of all elements.
  package var byteCount: Int { storage.count }

  /// The number of elements.
  package var count: Int { shape.reduce(1, *) }

  /// The distance between neighbours along each axis when elements lie in row-major order.
  static func rowMajorStrides(_ shape: [Int]) -> [Int] {
    var strides: [Int] = []
    var stride = 1
    for extent in shape.reversed() {
      strides.append(stride)
      stride *= max(1, extent)
    }
    return strides.reversed()
  }

  /// Whether elements with these distances fill their storage exactly, each once: in row-major
  /// order or with the axes exchanged, as a transposed matrix or channels-last kernels have them.
  package static func isDense(shape: [Int], strides: [Int]) -> Bool {
    guard shape.count == strides.count, !shape.contains(0) else {
      return shape.count == strides.count
    }
    var expected = 1
    for (stride, extent) in zip(strides, shape).filter({ $0.1 > 1 }).sorted(by: { $0.0 < $1.0 }) {
      guard stride == expected else { return false }
      let (next, overflow) = expected.multipliedReportingOverflow(by: extent)
      if overflow { return false }
      expected = next
    }
    return true
  }

  /// The numbers in row-major order, little-endian.
  package func contents() -> ArraySlice<UInt8> {
    let size = format.byteCount
    let isRowMajor = zip(shape, zip(strides, Self.rowMajorStrides(shape)))
      .allSatisfy { $0 <= 1 || $1.0 == $1.1 }
    if count == 0 || isRowMajor, !isBigEndian { return storage }
    let bytes = storage.withUnsafeBytes { source in
      [UInt8](unsafeUninitializedCapacity: storage.count) { bytes, filled in
        var index = [Int](repeating: 0, count: shape.count)
        var place = 0
        for _ in 0..<count {
          for byte in 0..<size {
            bytes[filled + byte] = source[place * size + (isBigEndian ? size - 1 - byte : byte)]
          }
          filled += size
          for axis in index.indices.reversed() {
            index[axis] += 1
            place += strides[axis]
            if index[axis] < shape[axis] { break }
            place -= index[axis] * strides[axis]
            index[axis] = 0
          }
        }
      }
    }
    return bytes[...]
  }

  /// Some rows, the elements along the first axis.
  ///
  /// - Precondition: there are these rows.
  package func rows(_ range: Range<Int>) -> StoredTensor {
    let (contents, extents) = (contents(), shape.dropFirst())
    let size = extents.reduce(format.byteCount, *)
    return StoredTensor(
      name: name, format: format, shape: [range.count] + extents,
      storage: contents.dropFirst(range.lowerBound * size).prefix(range.count * size))
  }

  /// The rows so many times, one after another.
  package func repeated(_ times: Int) -> StoredTensor {
    let contents = Array(contents())
    return StoredTensor(
      name: name, format: format, shape: [shape[0] * times] + shape.dropFirst(),
      storage: (0..<times).flatMap { _ in contents }[...])
  }

  /// The numbers in row-major order.
  package var numbers: NumberBytes {
    NumberBytes(bytes: contents(), format: format, isBigEndian: false)
  }

  /// Whether both hold the same numbers, bit by bit, in the same shape and format.
  package func isCopy(of other: StoredTensor) -> Bool {
    guard format == other.format, shape == other.shape else { return false }
    let isShared = storage.withUnsafeBytes { mine in
      other.storage.withUnsafeBytes { mine.baseAddress == $0.baseAddress }
    }
    if isShared, strides == other.strides, isBigEndian == other.isBigEndian { return true }
    return contents() == other.contents()
  }

  /// The numbers in binary32 in row-major order, and the largest relative error of rounding them.
  ///
  /// - Throws: `ReferenceError.invalid` for numbers that are no weights: integers, NaN, infinity,
  ///   and what becomes infinite.
  package func floats(path: String) throws -> (elements: [Float], largestError: Double) {
    guard format.isFloatingPoint else {
      throw ReferenceError.invalid(
        path: path, location: name.forMessage,
        expected: "float64, float32, float16 or bfloat16", found: format.rawValue)
    }
    let (values, largestError) = numbers.floats()
    if let position = values.firstIndex(where: { !$0.isFinite }) {
      let expected = largestError.isFinite ? "finite numbers" : "numbers in the range of binary32"
      throw ReferenceError.invalid(
        path: path, location: name.forMessage, expected: expected,
        found: "\(values[position]) at element \(Self.index(of: position, in: shape))")
    }
    return (values, largestError)
  }

  /// The index along each axis of the element at `position` in row-major order.
  package static func index(of position: Int, in shape: [Int]) -> [Int] {
    var rest = position
    let index = shape.reversed().map { extent in
      defer { rest /= extent }
      return rest % extent
    }
    return index.reversed()
  }
}

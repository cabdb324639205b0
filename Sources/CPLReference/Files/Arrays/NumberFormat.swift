// SPDX-License-Identifier: Apache-2.0

/// How the numbers of a foreign array are stored.
package enum NumberFormat: String, CaseIterable, Sendable {
  case float64, float32, float16, bfloat16
  case int64, int32, int16, int8, uint64, uint32, uint16, uint8, bool

  /// The size of one number.
  package var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .int8, .uint8, .bool: 1
    }
  }

  /// Whether the numbers are in a floating-point format, as weights have to be.
  package var isFloatingPoint: Bool {
    switch self {
    case .float64, .float32, .float16, .bfloat16: true
    default: false
    }
  }
}

/// Bytes that hold numbers of one format, in either byte order.
package struct NumberBytes {
  let bytes: ArraySlice<UInt8>
  let format: NumberFormat
  let isBigEndian: Bool

  /// How many numbers there are.
  var count: Int { bytes.count / format.byteCount }

  /// The numbers in binary32, which holds every float16 and bfloat16, and the largest relative
  /// error that this made (0 where every number is kept; infinite where one became infinite).
  package func floats() -> (values: [Float], largestError: Double) {
    switch format {
    case .float32: (map(UInt32.self, Float.init(bitPattern:)), 0)
    case .float16: (map(UInt16.self) { Float(Float16(bitPattern: $0)) }, 0)
    case .bfloat16: (map(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }, 0)
    default: rounded(doubles())
    }
  }

  /// The numbers in binary64; integers beyond 2⁵³ are rounded.
  package func doubles() -> [Double] {
    switch format {
    case .float64: map(UInt64.self, Double.init(bitPattern:))
    case .float32, .float16, .bfloat16: floats().values.map(Double.init)
    default: integers().map { Double($0) }
    }
  }

  /// The integers; those beyond Int64 come out as the largest one.
  ///
  /// - Precondition: the format is one of integers.
  package func integers() -> [Int64] {
    switch format {
    case .int64: map(UInt64.self) { Int64(bitPattern: $0) }
    case .uint64: map(UInt64.self) { Int64(clamping: $0) }
    case .int32: map(UInt32.self) { Int64(Int32(bitPattern: $0)) }
    case .uint32: map(UInt32.self) { Int64($0) }
    case .int16: map(UInt16.self) { Int64(Int16(bitPattern: $0)) }
    case .uint16: map(UInt16.self) { Int64($0) }
    case .int8: map(UInt8.self) { Int64(Int8(bitPattern: $0)) }
    case .uint8, .bool: map(UInt8.self) { Int64($0) }
    case .float64, .float32, .float16, .bfloat16: preconditionFailure("\(format) is no integer")
    }
  }

  private func rounded(_ doubles: [Double]) -> (values: [Float], largestError: Double) {
    var largest = 0.0
    let values = doubles.map { double in
      let value = Float(double)
      if double.isFinite, Double(value) != double {
        largest = max(largest, value.isFinite ? abs((Double(value) - double) / double) : .infinity)
      }
      return value
    }
    return (values, largest)
  }

  private func map<Bits: FixedWidthInteger, Value>(
    _ bits: Bits.Type, _ body: (Bits) -> Value
  ) -> [Value] {
    let isBigEndian = isBigEndian
    return bytes.withUnsafeBytes { source in
      [Value](unsafeUninitializedCapacity: count) { buffer, initialized in
        for index in 0..<count {
          let stored = source.loadUnaligned(
            fromByteOffset: index * MemoryLayout<Bits>.size, as: Bits.self)
          let value = body(isBigEndian ? Bits(bigEndian: stored) : Bits(littleEndian: stored))
          buffer.initializeElement(at: index, to: value)
        }
        initialized = count
      }
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A dense array in row-major order over contiguous memory.
///
/// Images are NCHW. A tensor is a value: copies share memory until one of them is written.
public struct Tensor<Scalar: TensorScalar>: Equatable, Sendable {
  /// The extents, outermost first; empty for a single number.
  public private(set) var shape: [Int]
  /// The elements in row-major order.
  ///
  /// The observer does without `oldValue`, whose use would copy all elements to change one.
  public var elements: [Scalar] {
    didSet { precondition(elements.count == shape.reduce(1, *), "a tensor keeps its size") }
  }

  /// A tensor of `shape` that holds `elements` in row-major order.
  ///
  /// - Precondition: the product of `shape` is the number of elements.
  public init(shape: [Int], elements: [Scalar]) {
    precondition(shape.reduce(1, *) == elements.count, "\(shape) does not hold \(elements.count)")
    self.shape = shape
    self.elements = elements
  }

  /// A tensor of `shape` filled with `value`.
  public init(repeating value: Scalar = 0, shape: [Int]) {
    let count = shape.reduce(1, *)
    self.init(shape: shape) { elements in
      // `Array(repeating:count:)` copies one element at a time through the metadata of its type.
      if value == 0 && value.sign == .plus {
        Self.clear(elements, count)
      } else {
        for index in 0..<count { elements[index] = value }
      }
    }
  }

  /// A tensor of `shape` whose elements `initialize` writes, each of them.
  package init(
    shape: [Int], initializingWith initialize: (UnsafeMutablePointer<Scalar>) throws -> Void
  ) rethrows {
    let count = shape.reduce(1, *)
    self.shape = shape
    self.elements = try Array(unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { try initialize(base) }
      initialized = count
    }
  }

  /// Sets so many elements to 0, initialised or not.
  static func clear(_ elements: UnsafeMutablePointer<Scalar>, _ count: Int) {
    memset(elements, 0, count * MemoryLayout<Scalar>.stride)
  }

  /// The number of elements.
  public var count: Int { elements.count }

  /// The same elements under another shape.
  ///
  /// - Precondition: both shapes hold equally many elements.
  public consuming func reshaped(_ newShape: [Int]) -> Tensor {
    precondition(newShape.reduce(1, *) == elements.count, "\(newShape) for \(elements.count)")
    shape = newShape
    return self
  }

  /// Slices `range` of the outermost extent.
  @specialized(where Scalar == Float)
  @specialized(where Scalar == Double)
  public func slice(_ range: Range<Int>) -> Tensor {
    let stride = shape.dropFirst().reduce(1, *)
    return Tensor(
      shape: [range.count] + shape.dropFirst(),
      elements: Array(elements[range.lowerBound * stride..<range.upperBound * stride]))
  }

  /// Tensors one after the other along the outermost extent.
  ///
  /// - Precondition: there is at least one, and all agree in their other extents.
  package init(joining pieces: [Tensor]) {
    guard pieces.count > 1 else {
      self = pieces[0]
      return
    }
    var elements: [Scalar] = []
    elements.reserveCapacity(pieces.reduce(0) { $0 + $1.count })
    for piece in pieces { elements += piece.elements }
    self.init(
      shape: [pieces.reduce(0) { $0 + $1.shape[0] }] + pieces[0].shape.dropFirst(),
      elements: elements)
  }

  /// Every element converted, rounded to nearest where `Other` is narrower.
  @specialized(where Scalar == Float, Other == Double)
  @specialized(where Scalar == Double, Other == Float)
  public func converted<Other>(to type: Other.Type = Other.self) -> Tensor<Other> {
    if let same = self as? Tensor<Other> { return same }
    let count = count
    return Tensor<Other>(shape: shape) { converted in
      withUnsafeElements { elements in
        for index in 0..<count { converted[index] = Other(elements[index]) }
      }
    }
  }

  /// Whether every element is finite.
  public var isFinite: Bool {
    @specialized(where Scalar == Float)
    @specialized(where Scalar == Double)
    get { elements.allSatisfy { $0.isFinite } }
  }

  package func withUnsafeElements<Result>(
    _ body: (UnsafePointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    try elements.withUnsafeBufferPointer { try body($0.baseAddress ?? Self.nothing) }
  }

  package mutating func withUnsafeMutableElements<Result>(
    _ body: (UnsafeMutablePointer<Scalar>) throws -> Result
  ) rethrows -> Result {
    try elements.withUnsafeMutableBufferPointer {
      try body($0.baseAddress ?? UnsafeMutablePointer(mutating: Self.nothing))
    }
  }

  /// An address for tensors without elements; never read.
  private static var nothing: UnsafePointer<Scalar> { UnsafePointer(bitPattern: 64)! }
}

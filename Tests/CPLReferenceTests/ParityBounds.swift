// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

/// How near to PyTorch's values this package has to come, as ‖a − b‖∞/‖b‖∞: the bounds that the
/// project has set itself for one layer, or one step, in each precision.
struct ParityBounds {
  let outputs: Double
  let gradients: Double

  static func of<Scalar: TensorScalar>(_ type: Scalar.Type) -> ParityBounds {
    Scalar.self == Float.self
      ? ParityBounds(outputs: 1e-5, gradients: 1e-4)
      : ParityBounds(outputs: 1e-12, gradients: 1e-10)
  }
}

/// Expects a value to be what PyTorch has recorded under `name`: binary64 next to its binary64,
/// binary32 next to both of its runs.
func expect<Scalar: TensorScalar>(
  _ value: Tensor<Scalar>, isRecordedAs name: String, within bound: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let error = relativeError(value, try Fixture.binary64(name))
  #expect(error <= bound, "\(Scalar.self) \(name) in /f64", sourceLocation: sourceLocation)
  if Scalar.self == Float.self {
    let error = relativeError(value, try Fixture.binary32(name))
    #expect(error <= bound, "\(name) in /f32", sourceLocation: sourceLocation)
  }
}

/// Expects a number to be what PyTorch has recorded as an attribute in binary64.
func expect<Scalar: TensorScalar>(
  _ value: Scalar, isRecordedAs name: String, of group: String, within bound: Double,
  sourceLocation: SourceLocation = #_sourceLocation
) throws {
  let error = relativeError([Double(value)], [try Fixture.number(name, of: group)])
  #expect(error <= bound, "\(Scalar.self) \(group) @\(name)", sourceLocation: sourceLocation)
}

/// The two precisions, for tests that hold in both.
let precisions: [any TensorScalar.Type] = [Float.self, Double.self]

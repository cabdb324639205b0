// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// The recorded PyTorch values of `fixtures/parity.h5`; `fixtures/README.md` says what is there.
package enum Fixture {
  /// The root of the repository.
  package static let repository = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  private static let path = repository.appending(path: "fixtures/parity.h5").path

  /// What `fixtures/make_attack_fixtures.py` recorded of torchattacks.
  package static func attacks() throws -> HDF5File {
    try HDF5File.open(repository.appending(path: "fixtures/attacks.h5").path)
  }

  /// What both of PyTorch's runs started from, `/inputs/…`: binary32 numbers, widened or not.
  package static func input<Scalar: TensorScalar>(
    _ name: String, as type: Scalar.Type = Scalar.self
  ) throws -> Tensor<Scalar> {
    try HDF5File.open(path).readTensor(of: Float.self, from: "/inputs/\(name)").converted()
  }

  /// Labels, `/inputs/…`.
  package static func labels(_ name: String) throws -> [Int] {
    try HDF5File.open(path).read(Int32.self, from: "/inputs/\(name)").elements.map { Int($0) }
  }

  /// Learning rates, `/inputs/…`.
  package static func rates(_ name: String) throws -> [Double] {
    try HDF5File.open(path).read(Double.self, from: "/inputs/\(name)").elements
  }

  /// What PyTorch computed in binary32, `/f32/…`.
  package static func binary32(_ name: String) throws -> Tensor<Float> {
    try HDF5File.open(path).readTensor(from: "/f32/\(name)")
  }

  /// What PyTorch computed in binary64, `/f64/…`.
  package static func binary64(_ name: String) throws -> Tensor<Double> {
    try HDF5File.open(path).readTensor(from: "/f64/\(name)")
  }

  /// A single number that PyTorch computed in binary64: an attribute of a group of `/f64`.
  package static func number(_ name: String, of group: String) throws -> Double {
    let attribute = try HDF5File.open(path).attribute(name, of: "/f64/\(group)")
    guard case .real(let number) = attribute else {
      throw ReferenceError.mismatch(expected: "a number", found: "\(attribute)")
    }
    return number
  }
}

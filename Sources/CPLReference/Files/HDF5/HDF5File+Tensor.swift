// SPDX-License-Identifier: Apache-2.0

import CPLNumerics

extension HDF5File {
  /// Writes a tensor as a new dataset.
  package func write<Scalar: HDF5Element>(_ tensor: Tensor<Scalar>, to path: String) throws {
    try write(tensor.elements, shape: tensor.shape, to: path)
  }

  /// The tensor that is the dataset at `path`.
  package func readTensor<Scalar: HDF5Element>(
    of scalar: Scalar.Type = Scalar.self, from path: String
  ) throws -> Tensor<Scalar> {
    let (shape, elements) = try read(scalar, from: path)
    return Tensor(shape: shape, elements: elements)
  }
}

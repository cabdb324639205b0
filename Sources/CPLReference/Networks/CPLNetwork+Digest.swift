// SPDX-License-Identifier: Apache-2.0

import CPLDatasets
import CPLFiles
import CPLNumerics

extension CPLNetwork<Float> {
  /// SHA-256 over all that the network's output depends on: what each layer is, with its step and
  /// the rule of it, means, deviations, padding, head and image shape, and the names, shapes and
  /// bytes of all parameters. The same for the same network, however it is stored; another for any
  /// other network.
  ///
  /// - Throws: where a step or a deviation is not finite, which no file may hold.
  public func digest() throws -> String {
    var digest = Digest()
    for layer in layers {
      digest.update(field: layer.name)
      digest.update(field: try json(layer.specification))
    }
    digest.update(field: parametersDigest)
    return digest.hex()
  }

  /// SHA-256 over the names, shapes and bytes of all parameters, in the order of the layers: what
  /// training moves. It leaves out steps, normalisation, padding and head, and so does not tell one
  /// network from another.
  public var parametersDigest: String {
    var digest = Digest()
    for layer in layers {
      for (name, value) in layer.parameters {
        digest.update(field: "\(layer.name)/\(name)")
        digest.update(field: value.shape.map(String.init).joined(separator: "×"))
        value.elements.map(\.bitPattern.littleEndian).withUnsafeBytes { digest.update(field: $0) }
      }
    }
    return digest.hex()
  }
}

extension ImageDataset {
  /// SHA-256 over the images and labels of this selection.
  public var digest: String {
    var digest = Digest()
    digest.update(field: imageShape.description)
    for position in 0..<count {
      digest.update(Array(bytes(at: position)))
      digest.update("\(labels[position])\n")
    }
    return digest.hex()
  }
}

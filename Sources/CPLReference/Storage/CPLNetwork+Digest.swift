extension CPLNetwork<Float> {
  /// SHA-256 over the names, shapes and bytes of all parameters, in the order of the layers: the
  /// same for the same weights, however they are stored.
  public var digest: String {
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
    digest.update(field: imageShape.map(String.init).joined(separator: "×"))
    for position in 0..<count {
      digest.update(Array(bytes(at: position)))
      digest.update("\(labels[position])\n")
    }
    return digest.hex()
  }
}

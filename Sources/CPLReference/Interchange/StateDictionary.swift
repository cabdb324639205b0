/// Named tensors of a file that somebody else made, as they are stored: nothing is converted, and
/// nothing in the file is executed.
public struct StateDictionary: Sendable {
  /// The formats that are told from a file's first bytes.
  public enum Format: String, Sendable {
    /// A zip archive of `torch.save`.
    case pytorch
    /// `torch.save` before PyTorch 1.6.
    case legacyPyTorch = "pytorch-legacy"
    case safetensors
  }

  public let path: String
  public let format: Format
  /// In the order of the file.
  public let tensors: [StoredTensor]
  /// What a safetensors file says of itself; empty for the others.
  public let metadata: [String: String]
  /// The size of the file.
  let byteCount: Int

  /// Reads a file whose format is told from its first bytes.
  ///
  /// Memory: the file, and where its entries are deflated what they unpack to, at most twice the
  /// file and 32 MiB.
  ///
  /// - Throws: `ReferenceError.missing`, `.inputOutput`, or `.invalid` saying what is wrong where.
  public init(path: String) throws { try self.init(try FileBytes(path)) }

  /// What the file at `path` holds; nil where it is in HDF5.
  public static func inForeignFile(_ path: String) throws -> StateDictionary? {
    try HDF5File.isOne(path) ? nil : try StateDictionary(path: path)
  }

  /// What bytes in one of the formats hold.
  package init(_ file: FileBytes) throws {
    path = file.path
    byteCount = file.bytes.count
    guard let format = Self.format(of: file.bytes) else {
      let start = file.bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: " ")
      throw file.invalid(
        "", expected: "an HDF5, safetensors or PyTorch file",
        found: start.isEmpty ? "an empty file" : "a file that begins with bytes \(start)")
    }
    self.format = format
    switch format {
    case .pytorch: (tensors, metadata) = (try PyTorchFile.tensors(of: file), [:])
    case .legacyPyTorch: (tensors, metadata) = (try PyTorchFile.legacyTensors(of: file), [:])
    case .safetensors: (tensors, metadata) = try Safetensors.read(file)
    }
  }

  private static func format(of bytes: [UInt8]) -> Format? {
    if bytes.starts(with: [0x50, 0x4b, 3, 4]) { return .pytorch }
    if bytes.starts(with: PyTorchFile.legacySignature) { return .legacyPyTorch }
    // No other format of weights has a brace there.
    return bytes.count > 8 && bytes[8] == UInt8(ascii: "{") ? .safetensors : nil
  }

  func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location.forMessage, expected: expected, found: found)
  }
}

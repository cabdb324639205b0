// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics

/// Named tensors of a file that somebody else made, as they are stored: nothing is converted, and
/// nothing in the file is executed.
package struct StateDictionary: Sendable {
  /// The formats that are told from a file's first bytes.
  package enum Format: String, Sendable {
    /// A zip archive of `torch.save`.
    case pytorch
    /// `torch.save` before PyTorch 1.6.
    case legacyPyTorch = "pytorch-legacy"
    case safetensors
  }

  /// Something that stands beside the tensors and is passed over.
  package struct Company: Encodable, Equatable, Sendable {
    package let name: String
    /// Its value where that is a number, its kind for others.
    package let what: String
  }

  package let path: String
  package let format: Format
  /// In the order of the file.
  package let tensors: [StoredTensor]
  /// What the file's dictionary holds without any tensor.
  package let company: [Company]
  /// What a safetensors file says of itself; empty for the others.
  package let metadata: [String: String]
  /// The size of the file.
  let byteCount: Int

  /// Reads a file whose format is told from its first bytes.
  ///
  /// Memory: the file, and where its entries are deflated what they unpack to, at most twice the
  /// file and 32 MiB.
  ///
  /// - Throws: `ReferenceError.missing`, `.inputOutput`, or `.invalid` saying what is wrong where.
  package init(path: String) throws { try self.init(try FileBytes(path)) }

  /// What the file at `path` holds; nil where it is in HDF5.
  package static func inForeignFile(_ path: String) throws -> StateDictionary? {
    try HDF5File.isOne(path) ? nil : try StateDictionary(path: path)
  }

  /// What bytes in one of the formats hold.
  package init(_ file: FileBytes) throws {
    path = file.path
    byteCount = file.bytes.count
    let legacyStart = PyTorchFile.legacyStart(of: file.bytes)
    if file.bytes.starts(with: NumPyFile.archiveSignature) {
      format = .pytorch
      (tensors, company) = try PyTorchFile.contents(of: file)
      metadata = [:]
    } else if let legacyStart {
      format = .legacyPyTorch
      (tensors, company) = try PyTorchFile.legacyContents(of: file, from: legacyStart)
      metadata = [:]
    } else if file.bytes.count > 8, file.bytes[8] == UInt8(ascii: "{"),
      !file.bytes.prefix(8).allSatisfy({ (9...126).contains($0) })
    {
      // No other format of weights has a brace there, and no header is so long that its length reads
      // as text.
      format = .safetensors
      (tensors, metadata) = try Safetensors.read(file)
      company = []
    } else {
      throw file.invalid(
        "", expected: "weights in an HDF5, safetensors or PyTorch file",
        found: FileKind.describe(file.bytes))
    }
  }

  func invalid(_ location: String, expected: String, found: String) -> ReferenceError {
    .invalid(path: path, location: location.forMessage, expected: expected, found: found)
  }
}

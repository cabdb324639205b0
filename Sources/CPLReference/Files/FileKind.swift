// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a file is that a reader does not take, told from its first bytes, for messages.
package enum FileKind {
  /// How many bytes tell a file's kind.
  package static let startLength = 1024

  /// What a file that begins with these bytes is, in words, and what helps where something does.
  package static func describe(_ bytes: some Collection<UInt8>) -> String {
    let start = Array(bytes.prefix(startLength))
    if start.isEmpty { return "an empty file" }
    if let (_, name) = signatures.first(where: { start.starts(with: $0.bytes) }) { return name }
    if start.count > 262, start[257..<262].elementsEqual("ustar".utf8) {
      return "a tar archive; unpack it first"
    }
    if start[0] == 0x80, start.count > 1, (2...5).contains(start[1]) { return plainPickle }
    if isONNX(start) { return "an ONNX file" }
    return text(start) ?? "binary data in no format that this program knows"
  }

  static let plainPickle =
    "a plain pickle, which PyTorch did not write; nothing was executed; save the weights with "
    + "torch.save(model.state_dict(), …)"

  private static let signatures: [(bytes: [UInt8], name: String)] = [
    ([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a], "an HDF5 file"),
    ([0x93] + Array("NUMPY".utf8), "a NumPy array (.npy)"),
    ([0x50, 0x4b, 3, 4], "a zip archive"),
    ([0x50, 0x4b, 5, 6], "an empty zip archive"),
    ([0x1f, 0x8b], "a gzip archive; unpack it first"),
    (Array("BZh".utf8), "a bzip2 archive; unpack it first"),
    ([0xfd] + Array("7zXZ".utf8) + [0], "an xz archive; unpack it first"),
    ([0x28, 0xb5, 0x2f, 0xfd], "a Zstandard archive; unpack it first"),
    ([0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c], "a 7-Zip archive; unpack it first"),
    (Array("Rar!".utf8), "a RAR archive; unpack it first"),
    (Array("GGUF".utf8), "a GGUF file"),
    (Array("MATLAB 5.0".utf8), "a MATLAB file"),
    (Array("%PDF".utf8), "a PDF document"),
    ([0x89] + Array("PNG".utf8), "a PNG image"), ([0xff, 0xd8, 0xff], "a JPEG image"),
    ([0x7f] + Array("ELF".utf8), "a program"),
    (
      Array("version https://git-lfs.github.com/spec".utf8),
      "a git-lfs pointer, which stands for a file that was not downloaded; fetch it with "
        + "'git lfs pull'"
    ),
  ]

  /// A message of Protocol Buffers whose first field is ONNX's version, followed by who made it,
  /// operators or a graph.
  private static func isONNX(_ start: [UInt8]) -> Bool {
    start.count > 3 && start[0] == 0x08 && (1...32).contains(start[1])
      && [0x12, 0x1a, 0x22, 0x3a, 0x42].contains(start[2])
  }

  /// What a text is; nil for bytes that are not text.
  private static func text(_ start: [UInt8]) -> String? {
    // The last character may be cut.
    let whole = (0..<4).lazy.compactMap {
      String(validating: start.dropLast(start.count == startLength ? $0 : 0), as: UTF8.self)
    }.first
    guard let whole,
      !whole.unicodeScalars.contains(where: {
        $0.properties.generalCategory == .control && !"\n\r\t\u{c}".unicodeScalars.contains($0)
      })
    else { return nil }
    // Protocol 0 is text.
    if ["(dp", "(lp", "(tp", "ccopy_reg\n", "c__builtin__\n"].contains(where: whole.hasPrefix) {
      return plainPickle
    }
    let text = whole.trimmingCharacters(in: .whitespacesAndNewlines)
      .trimmingPrefix("\u{feff}").lowercased()
    if text.isEmpty { return "a file of spaces alone" }
    if text.hasPrefix("<!doctype html") || text.contains("<html") || text.hasPrefix("<head") {
      return "an HTML page, as a download leaves that failed"
    }
    if text.hasPrefix("<?xml") { return "an XML file" }
    if text.hasPrefix("{") || text.hasPrefix("[") { return "a text in JSON" }
    let lines = text.split(whereSeparator: \.isNewline)
    let isYAML = lines.contains {
      $0.contains(/^[\w.\- ]+:( |$)/) && !$0.hasPrefix("http")
    }
    return isYAML ? "a text, such as YAML" : "a text"
  }
}

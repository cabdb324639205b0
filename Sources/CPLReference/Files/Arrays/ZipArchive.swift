// SPDX-License-Identifier: Apache-2.0

/// The entries of a zip archive (PKWARE's APPNOTE 6.3), stored or deflated, with the 64-bit
/// extensions. Nothing is ever unpacked to disk: names are names, whatever paths they look like.
package struct ZipArchive {
  package let file: FileBytes
  /// The entries by name.
  package private(set) var entries: [String: Entry] = [:]

  package struct Entry {
    /// The stored bytes, which are in the file.
    let range: Range<Int>
    let isDeflated: Bool
    let checksum: UInt32
    /// The size of the contents.
    let byteCount: Int
  }

  /// What deflated entries may unpack to all together, beside twice the size of the file.
  private static let inflatedLimit = 1 << 25

  /// Reads the directory at the end of the file.
  ///
  /// - Throws: `ReferenceError.invalid` also for encrypted or otherwise packed entries, two of the
  ///   same name, entries that overlap, and more than 2 × the file + 32 MiB to unpack.
  package init(_ file: FileBytes) throws {
    self.file = file
    let directory = try Self.directory(of: file)
    var position = directory.range.lowerBound
    var inflated = 0
    for _ in 0..<directory.count {
      let (name, entry, next) = try Self.entry(at: position, in: directory.range, of: file)
      position = next
      guard entries.updateValue(entry, forKey: name) == nil else {
        throw file.invalid(
          name.forMessage, expected: "one entry of that name", found: "a second one")
      }
      if entry.isDeflated {
        let (sum, overflow) = inflated.addingReportingOverflow(entry.byteCount)
        inflated = overflow ? .max : sum
      }
    }
    guard position == directory.range.upperBound else {
      throw file.invalid(
        "byte \(position)", expected: "the end of the archive's directory", found: "more of it")
    }
    let limit = 2 * file.bytes.count + Self.inflatedLimit
    guard inflated <= limit else {
      throw file.invalid(
        "", expected: "entries that unpack to at most \(limit) bytes", found: "\(inflated) bytes")
    }
    let ordered = entries.sorted { $0.value.range.lowerBound < $1.value.range.lowerBound }
    for (first, second) in zip(ordered, ordered.dropFirst())
    where first.value.range.upperBound > second.value.range.lowerBound {
      throw file.invalid(
        second.key.forMessage, expected: "bytes that no other entry uses",
        found: "bytes that \(first.key.forMessage) has too")
    }
  }

  /// The contents of an entry, checked against their CRC-32.
  package func contents(of name: String) throws -> ArraySlice<UInt8> {
    guard let entry = entries[name] else {
      throw file.invalid(name.forMessage, expected: "an entry", found: "none of that name")
    }
    var contents = file.bytes[entry.range]
    if entry.isDeflated {
      guard let inflated = Zlib.inflate(contents, count: entry.byteCount) else {
        throw file.invalid(
          name.forMessage, expected: "\(entry.byteCount) deflated bytes", found: "other data")
      }
      contents = inflated[...]
    }
    guard Zlib.checksum(contents) == entry.checksum else {
      throw file.invalid(
        name.forMessage, expected: "bytes that match their CRC-32",
        found: "others: the file is damaged")
    }
    return contents
  }

  /// The directory: where it lies, and how many entries it lists.
  private static func directory(of file: FileBytes) throws -> (range: Range<Int>, count: Int) {
    let size = file.bytes.count
    // The record of the end stands at the end, but for a comment of at most 65,535 bytes.
    let end = stride(from: size - 22, through: max(0, size - 22 - 65535), by: -1).first {
      hasSignature(0x0605_4b50, at: $0, of: file)
        && Int(file.bytes[$0 + 20]) + Int(file.bytes[$0 + 21]) << 8 == size - 22 - $0
    }
    guard let end else {
      throw file.invalid(
        "", expected: "a whole zip archive",
        found: "no end of its directory: the file is cut short, or damaged")
    }
    var disks = [try file.integer(end + 4, as: UInt16.self), try file.integer(end + 6)].map(
      Int.init)
    var counts: [UInt64] = [
      UInt64(try file.integer(end + 8, as: UInt16.self)),
      UInt64(try file.integer(end + 10, as: UInt16.self)),
    ]
    var byteCount = UInt64(try file.integer(end + 12, as: UInt32.self))
    var start = UInt64(try file.integer(end + 16, as: UInt32.self))
    if end >= 20, hasSignature(0x0706_4b50, at: end - 20, of: file) {
      let end64 = try file.range(
        try file.integer(end - 12, as: UInt64.self), 56, "a 64-bit end of directory"
      ).lowerBound
      guard hasSignature(0x0606_4b50, at: end64, of: file) else {
        throw file.invalid(
          "byte \(end64)", expected: "a 64-bit end of directory", found: "something else")
      }
      disks = [try file.integer(end64 + 16, as: UInt32.self), try file.integer(end64 + 20)]
        .map(Int.init)
      counts = [try file.integer(end64 + 24), try file.integer(end64 + 32)]
      byteCount = try file.integer(end64 + 40)
      start = try file.integer(end64 + 48)
    }
    guard disks == [0, 0], counts[0] == counts[1], counts[0] <= byteCount / 46 else {
      throw file.invalid(
        "byte \(end)", expected: "an archive of one part",
        found: "\(counts[0]) and \(counts[1]) entries in \(byteCount) bytes on disks \(disks)")
    }
    let range = try file.range(start, byteCount, "a directory")
    guard range.upperBound <= end else {
      throw file.invalid(
        "byte \(range.lowerBound)", expected: "a directory before its end", found: "one beyond it")
    }
    return (range, Int(counts[0]))
  }

  /// One entry of the directory, and where the next one begins.
  private static func entry(
    at position: Int, in directory: Range<Int>, of file: FileBytes
  ) throws -> (name: String, entry: Entry, next: Int) {
    let header = try file.range(position, 46, "an entry of the directory")
    guard hasSignature(0x0201_4b50, at: position, of: file) else {
      throw file.invalid(
        "byte \(position)", expected: "an entry of the directory", found: "something else")
    }
    let nameRange = try file.range(
      header.upperBound, try file.integer(position + 28, as: UInt16.self), "a name")
    let extra = try file.range(
      nameRange.upperBound, try file.integer(position + 30, as: UInt16.self), "extra fields")
    let comment = try file.range(
      extra.upperBound, try file.integer(position + 32, as: UInt16.self), "a comment")
    let name = try file.text(nameRange, "a name")
    guard comment.upperBound <= directory.upperBound, !name.utf8.contains(0) else {
      throw file.invalid(
        "byte \(position)", expected: "an entry inside the directory", found: "a longer one")
    }
    let flags = try file.integer(position + 8, as: UInt16.self)
    let method = try file.integer(position + 10, as: UInt16.self)
    guard flags & 1 == 0 else {
      throw file.invalid(name.forMessage, expected: "plain bytes", found: "encrypted ones")
    }
    guard method == 0 || method == 8 else {
      throw file.invalid(
        name.forMessage, expected: "stored or deflated bytes (methods 0 and 8)",
        found: "method \(method)")
    }
    var contentSize = UInt64(try file.integer(position + 24, as: UInt32.self))
    var storedSize = UInt64(try file.integer(position + 20, as: UInt32.self))
    var start = UInt64(try file.integer(position + 42, as: UInt32.self))
    var wide = try wideFields(extra, of: file)[...]
    func widen(_ value: inout UInt64) throws {
      guard value == 0xffff_ffff else { return }
      guard let next = wide.popFirst() else {
        throw file.invalid(name.forMessage, expected: "a 64-bit size", found: "none")
      }
      value = next
    }
    try widen(&contentSize)
    try widen(&storedSize)
    try widen(&start)
    // The local header has a name and extra fields of its own, which the bytes follow.
    let local = try file.range(start, 30, "the header of \(name.forMessage)").lowerBound
    guard hasSignature(0x0403_4b50, at: local, of: file) else {
      throw file.invalid(
        "byte \(local)", expected: "the header of \(name.forMessage)", found: "something else")
    }
    let localName = try file.range(
      local + 30, try file.integer(local + 26, as: UInt16.self), "a name")
    let localMethod = try file.integer(local + 8, as: UInt16.self)
    guard file.bytes[localName] == file.bytes[nameRange], localMethod == method else {
      throw file.invalid(
        "byte \(local)", expected: "the header of \(name.forMessage)",
        found: "that of another entry")
    }
    let begin = localName.upperBound + Int(try file.integer(local + 28, as: UInt16.self))
    let range = try file.range(begin, storedSize, name.forMessage)
    guard range.upperBound <= directory.lowerBound else {
      throw file.invalid(
        name.forMessage, expected: "bytes before the directory", found: "some beyond its start")
    }
    guard let byteCount = Int(exactly: contentSize), method == 8 || byteCount == range.count else {
      throw file.invalid(
        name.forMessage, expected: "\(contentSize) bytes", found: "\(range.count)")
    }
    let entry = Entry(
      range: range, isDeflated: method == 8,
      checksum: try file.integer(position + 16, as: UInt32.self), byteCount: byteCount)
    return (name, entry, comment.upperBound)
  }

  /// The numbers of the extra field that holds sizes of 64 bits (header 1); none without it.
  private static func wideFields(_ extra: Range<Int>, of file: FileBytes) throws -> [UInt64] {
    var position = extra.lowerBound
    while position + 4 <= extra.upperBound {
      let field = try file.range(
        position + 4, try file.integer(position + 2, as: UInt16.self), "an extra field")
      if try file.integer(position, as: UInt16.self) == 1, field.upperBound <= extra.upperBound {
        return try stride(from: field.lowerBound, through: field.upperBound - 8, by: 8).map {
          try file.integer($0, as: UInt64.self)
        }
      }
      position = field.upperBound
    }
    return []
  }

  private static func hasSignature(_ signature: UInt32, at position: Int, of file: FileBytes)
    -> Bool
  {
    position >= 0 && (try? file.integer(position, as: UInt32.self)) == signature
  }
}

// SPDX-License-Identifier: Apache-2.0

import CCrypto
import Foundation

/// A SHA-256 digest in the making (FIPS 180-4); owner of libcrypto's context.
package struct Digest: ~Copyable {
  private let context: OpaquePointer

  /// The digest of nothing yet.
  package init() {
    guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, EVP_sha256(), nil) == 1
    else { preconditionFailure("libcrypto offers no SHA-256") }
    self.context = context
  }

  deinit { EVP_MD_CTX_free(context) }

  /// Appends bytes: `Data`, `[UInt8]` or a raw buffer.
  package mutating func update(_ bytes: some ContiguousBytes) {
    bytes.withUnsafeBytes { buffer in
      let status = EVP_DigestUpdate(context, buffer.baseAddress, buffer.count)
      precondition(status == 1, "libcrypto's SHA-256 takes any bytes")
    }
  }

  /// Appends the UTF-8 bytes of `text`.
  package mutating func update(_ text: String) { update(Array(text.utf8)) }

  /// Appends a field: its length as eight little-endian bytes, then its bytes. Unlike plain
  /// updates, ("ab", "c") and ("a", "bc") have different digests.
  package mutating func update(field bytes: some ContiguousBytes) {
    let count = bytes.withUnsafeBytes { UInt64($0.count) }
    withUnsafeBytes(of: count.littleEndian) { update($0) }
    update(bytes)
  }

  /// Appends the UTF-8 bytes of `text` as a field.
  package mutating func update(field text: String) { update(field: Array(text.utf8)) }

  /// The digest in 64 lower-case hexadecimal digits.
  package consuming func hex() -> String {
    let digest = [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
      var length: UInt32 = 0
      let status = EVP_DigestFinal_ex(context, buffer.baseAddress, &length)
      precondition(status == 1 && length == 32, "SHA-256 has 32 bytes")
      count = Int(length)
    }
    let digits = Array("0123456789abcdef".utf8)
    return String(
      decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
  }

  /// The digest of `bytes`.
  package static func of(_ bytes: some ContiguousBytes) -> String {
    var digest = Digest()
    digest.update(bytes)
    return digest.hex()
  }

  /// The digest of the UTF-8 bytes of `text`.
  package static func of(_ text: String) -> String { of(Array(text.utf8)) }

  /// The digest of a file's bytes.
  package static func ofFile(_ path: String) throws -> String {
    let file = try InputFile(path)
    var digest = Digest()
    let block = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
    defer { block.deallocate() }
    while true {
      let count = try file.fill(block)
      digest.update(UnsafeRawBufferPointer(rebasing: block[..<count]))
      if count < block.count { return digest.hex() }
    }
  }
}

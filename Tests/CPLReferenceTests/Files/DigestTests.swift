// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("Digest")
struct DigestTests {
  @Test(
    "the digests of FIPS 180-4's examples and of nothing are the published ones",
    arguments: [
      ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        String(repeating: "a", count: 1_000_000),
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ])
  func knownAnswers(text: String, expected: String) {
    #expect(Digest.of(text) == expected)
    #expect(Digest.of(Array(text.utf8)) == expected)
    #expect(Digest.of(Data(text.utf8)) == expected)
  }

  @Test("pieces have the digest of the whole")
  func pieces() {
    var digest = Digest()
    digest.update("a")
    digest.update([UInt8]())
    [UInt8(ascii: "b"), UInt8(ascii: "c")].withUnsafeBytes { digest.update($0) }
    let hex = digest.hex()
    #expect(hex == Digest.of("abc"))
  }

  @Test("fields that join to the same bytes have different digests")
  func fields() {
    var first = Digest()
    first.update(field: "ab")
    first.update(field: "c")
    var second = Digest()
    second.update(field: "a")
    second.update(field: "bc")
    let digests = (first.hex(), second.hex())
    #expect(digests.0 != digests.1)
  }

  @Test(
    "a file has the digest of its bytes, at any size about the block",
    arguments: [0, 1, 1 << 20, 1 << 20 + 1])
  func file(size: Int) throws {
    try withTemporaryFolder { folder in
      let content = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
      try write(content, to: folder + "/x")
      #expect(try Digest.ofFile(folder + "/x") == Digest.of(content))
    }
  }

  @Test("a file that is not there is missing, a folder is not a file")
  func noFile() throws {
    try withTemporaryFolder { folder in
      #expect(throws: ReferenceError.missing(path: folder + "/x")) {
        try Digest.ofFile(folder + "/x")
      }
      #expect(
        throws: ReferenceError.invalid(
          path: folder, location: "", expected: "a file", found: "a folder")
      ) {
        try Digest.ofFile(folder)
      }
    }
  }
}

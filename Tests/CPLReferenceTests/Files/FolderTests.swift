// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import Testing

@Suite("Folder")
struct FolderTests {
  @Test("a folder that cannot take the place of an older one leaves it there")
  func failedReplacement() throws {
    try withTemporaryFolder { folder in
      let path = folder + "/bundle"
      try Folder.write(path, replacing: false) { try write("old".utf8, to: $0 + "/x") }
      #expect(throws: ReferenceError.self) {
        try Folder.write(path, replacing: true) { partial in
          try FileManager.default.removeItem(atPath: partial)
        }
      }
      #expect(try bytes(of: path + "/x") == Array("old".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["bundle"])
      try Folder.write(path, replacing: true) { try write("new".utf8, to: $0 + "/x") }
      #expect(try bytes(of: path + "/x") == Array("new".utf8))
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["bundle"])
    }
  }
}

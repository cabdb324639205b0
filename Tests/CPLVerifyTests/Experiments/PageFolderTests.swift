// SPDX-License-Identifier: Apache-2.0

import CPLVerify
import Foundation
import Testing

@Suite("Folders of pages")
struct PageFolderTests {
  @Test("pages hold as they were written; an edited one is noticed and not replaced unasked")
  func editing() throws {
    try ExperimentSample.withFolder { path in
      let pages = PageFolder.report(path)
      let files = [(name: "report.md", content: Data("of abcd".utf8))]
      try pages.write(files, of: "abcd", force: false)
      #expect(try pages.check(naming: ["report.md"]) == "abcd")
      try Data("edited".utf8).write(to: URL(fileURLWithPath: path + "/report.md"))
      #expect(throws: (any Error).self) { try pages.check(naming: ["report.md"]) }
      #expect(throws: HintedError.self) { try pages.write(files, of: "abcd", force: false) }
      try pages.write(files, of: "abcd", force: true)
      #expect(try pages.check(naming: ["report.md"]) == "abcd")
    }
  }
}

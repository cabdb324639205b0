// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// Pages that are made of the same results, in a folder with a list of their digests: an edited page
/// is noticed, and what others have put there is not replaced.
///
/// `sha256sum -c` reads the list too.
package struct PageFolder {
  package typealias File = (name: String, content: Data)

  package let path: String
  /// The name of the list.
  private let list: String

  /// The pages of a report.
  package static func report(_ path: String) -> PageFolder {
    PageFolder(path: path, list: "pages.sha256")
  }

  /// The pages of a comparison, which may lie beside those of a report.
  package static func comparison(_ path: String) -> PageFolder {
    PageFolder(path: path, list: "comparison.sha256")
  }

  /// The pages of a leaderboard.
  package static func leaderboard(_ path: String) -> PageFolder {
    PageFolder(path: path, list: "leaderboard.sha256")
  }

  /// Writes pages. Those of the same results are replaced; others that the list names go, where they
  /// may be replaced.
  ///
  /// - Parameters:
  ///   - results: the digest of what the pages are made of.
  ///   - force: whether anything that is there may be replaced.
  /// - Throws: `HintedError` of `.cannotCreate` for a file that may not be replaced, before anything
  ///   is written.
  package func write(_ files: [File], of results: String, force: Bool) throws {
    let old = force ? try? read() : exists(list) ? try read() : nil
    var kept = old?.digests.filter { (try? digest($0.key)) == $0.value } ?? [:]
    if !force {
      for file in files where exists(file.name) {
        guard old?.results == results, kept[file.name] != nil else {
          throw HintedError(
            error: .cannotCreate(
              path: "\(path)/\(file.name)",
              reason: "it exists, and is not an unedited page of these results"),
            hint: "name another folder with --out, or replace it with --force")
        }
      }
    }
    try Folder.create(path)
    for folder in Set(files.compactMap { $0.name.folder }) {
      try Folder.create("\(path)/\(folder)")
    }
    if let old, old.results != results {
      for name in kept.keys { unlink("\(path)/\(name)") }
      kept = [:]
    }
    for file in files {
      try AtomicFile.write(file.content, to: "\(path)/\(file.name)")
      kept[file.name] = Digest.of(file.content)
    }
    try AtomicFile.write(
      Data(List(results: results, digests: kept).text.utf8), to: "\(path)/\(list)")
  }

  /// Checks that every page is as it was written, and names the results.
  ///
  /// - Parameter names: pages that have to be there.
  /// - Returns: the digest of the results.
  /// - Throws: `ReferenceError.missing`, or `.invalid` with the page that is another.
  package func check(naming names: [String]) throws -> String {
    let read = try read()
    for name in names where read.digests[name] == nil {
      throw ReferenceError.invalid(
        path: "\(path)/\(list)", location: "", expected: "the digest of \(name)", found: "none")
    }
    for (name, noted) in read.digests.sorted(by: { $0.key < $1.key }) {
      guard exists(name) else {
        throw ReferenceError.invalid(
          path: "\(path)/\(name)", location: "", expected: "a page that \(list) lists",
          found: "no such file")
      }
      let found = try digest(name)
      guard found == noted else {
        throw ReferenceError.invalid(
          path: "\(path)/\(name)", location: "",
          expected: "the page as it was written, SHA-256 \(noted)", found: found)
      }
    }
    for name in names {
      let text = String(decoding: try InputFile.bytes("\(path)/\(name)"), as: UTF8.self)
      guard text.contains(read.results) else {
        throw ReferenceError.invalid(
          path: "\(path)/\(name)", location: "",
          expected: "the digest of the results \(read.results)", found: "another page")
      }
    }
    return read.results
  }

  private func exists(_ name: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(path)/\(name)")
  }

  private func digest(_ name: String) throws -> String { try Digest.ofFile("\(path)/\(name)") }

  private func read() throws -> List {
    let text = try InputFile.text("\(path)/\(list)")
    guard let read = List(text) else {
      throw ReferenceError.invalid(
        path: "\(path)/\(list)", location: "", expected: "a list of pages and their digests",
        found: "something else")
    }
    return read
  }
}

extension String {
  /// The folder of a file that lies in one, beside the pages.
  fileprivate var folder: String? {
    firstIndex(of: "/").map { String(self[..<$0]) }
  }

  /// Whether it is the name of a file beside a list, or in a folder there: a list may come from anywhere, and
  /// files that it names are removed.
  fileprivate var isPlainOrInFolder: Bool {
    let parts = split(separator: "/", omittingEmptySubsequences: false)
    return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && !$0.hasPrefix(".") }
  }
}

/// The text of a list: the results in a comment, then lines as `sha256sum` writes them.
private struct List {
  private static let opening = "# pages of the results "

  let results: String
  /// By the names of the pages.
  let digests: [String: String]

  init(results: String, digests: [String: String]) {
    self.results = results
    self.digests = digests
  }

  /// Nil for any other text.
  init?(_ text: String) {
    let lines = text.split(separator: "\n")
    guard let first = lines.first, first.hasPrefix(Self.opening) else { return nil }
    var digests: [String: String] = [:]
    for line in lines.dropFirst() {
      let (digest, name) = (line.prefix(64), line.dropFirst(66))
      guard line.dropFirst(64).hasPrefix("  "), digest.allSatisfy(\.isHexDigit), !name.isEmpty,
        String(name).isPlainOrInFolder,
        digests.updateValue(String(digest), forKey: String(name)) == nil
      else { return nil }
    }
    self.init(results: String(first.dropFirst(Self.opening.count)), digests: digests)
  }

  var text: String {
    "\(Self.opening)\(results)\n"
      + digests.sorted { $0.key < $1.key }.map { "\($0.value)  \($0.key)\n" }.joined()
  }
}

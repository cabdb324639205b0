// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLReports
import Foundation

/// The files of results that paths stand for: files as they are, and those in folders.
package struct ResultFiles {
  package private(set) var paths: [String] = []
  /// HDF5 files in folders that hold something else.
  package private(set) var leftOut: [String] = []

  /// - Throws: `ReferenceError.missing` for a path that is not there, and `.invalid` for a folder without
  ///   results.
  package init(_ places: [String]) throws {
    for place in places {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: place, isDirectory: &isFolder),
        isFolder.boolValue
      else {
        paths.append(place)
        continue
      }
      let before = paths.count
      let names = (try? FileManager.default.subpathsOfDirectory(atPath: place)) ?? []
      for name in names.sorted() where name.hasSuffix(".h5") && !RunFolder.isPart(name) {
        let path = place.hasSuffix("/") ? place + name : "\(place)/\(name)"
        if try VerificationReport.isResults(path) {
          paths.append(path)
        } else {
          leftOut.append(path)
        }
      }
      guard paths.count > before else {
        throw ReferenceError.invalid(
          path: place, location: "", expected: "files of results, such as audit.h5",
          found: "a folder without")
      }
    }
  }
}

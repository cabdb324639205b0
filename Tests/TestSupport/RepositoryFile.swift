// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A file under `fixtures/`.
package func fixturePath(_ name: String) -> String {
  Fixture.repository.appending(path: "fixtures/\(name)").path
}

/// The names of the files in a folder under `fixtures/`, in order.
package func fixtureNames(_ folder: String) throws -> [String] {
  try FileManager.default.contentsOfDirectory(atPath: fixturePath(folder)).sorted()
}

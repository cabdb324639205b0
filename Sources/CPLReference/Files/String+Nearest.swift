// SPDX-License-Identifier: Apache-2.0

extension String {
  /// The candidate with the least edit distance (Levenshtein 1966).
  ///
  /// - Precondition: there is at least one candidate.
  package func nearest(among candidates: [String]) -> String {
    candidates.min { editDistance(to: $0) < editDistance(to: $1) }!
  }

  private func editDistance(to other: String) -> Int {
    let target = Array(other)
    var row = Array(0...target.count)
    for (index, character) in enumerated() {
      var diagonal = row[0]
      row[0] = index + 1
      for column in target.indices {
        let substitution = diagonal + (character == target[column] ? 0 : 1)
        diagonal = row[column + 1]
        row[column + 1] = Swift.min(substitution, row[column] + 1, diagonal + 1)
      }
    }
    return row[target.count]
  }
}

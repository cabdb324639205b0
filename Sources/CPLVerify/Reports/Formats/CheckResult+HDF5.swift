// SPDX-License-Identifier: Apache-2.0

import CPLFindings
import CPLReference
import Foundation

extension [CheckResult] {
  /// Writes a row a check: what people look for in columns, and the whole result as JSON. How long a
  /// check took is no result, and not kept.
  func write(to file: borrowing HDF5File) throws {
    guard !isEmpty else { return }
    let group = ReportSchema.checks
    try file.write(rows: self, CheckFields.all, to: group)
    try file.write(
      column: "result", of: group,
      try map { result in
        var result = result
        result.seconds = 0
        return String(decoding: try Self.encoder.encode(result), as: UTF8.self)
      }, .text)
  }

  /// Reads what `write` wrote.
  init(from file: borrowing HDF5File) throws {
    let group = ReportSchema.checks
    let texts: [String] = try file.column("result", of: group)
    let verdicts = try file.column(CheckFields().verdict, of: group, rows: texts.count)
    self = try zip(texts, verdicts).map { text, verdict in
      guard let result = try? Self.decoder.decode(CheckResult.self, from: Data(text.utf8)),
        result.verdict == verdict
      else {
        throw file.invalid(
          "\(group)/result", expected: "a check's result in JSON", found: "something else")
      }
      return result
    }
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }

  private static var decoder: JSONDecoder {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// An output that the program was started with.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Takes the numbers of streams that were closed, which the next files to be opened would get:
  /// results would go into them. Writing results then fails, as it should; messages are lost.
  static func reserve() {
    for descriptor in 0...2 as ClosedRange<Int32> where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == error.rawValue ? O_WRONLY : O_RDONLY)
    }
  }

  /// Writes a text.
  ///
  /// - Returns: the system's error number, 0 for success.
  @discardableResult
  func write(_ text: String) -> Int32 {
    var text = text
    return text.withUTF8 { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let block = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: rest))
        let count = Foundation.write(rawValue, block.baseAddress, block.count)
        if count >= 0 {
          rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
          // A pipe that whoever shares it has set to not wait.
          var state = pollfd(fd: rawValue, events: Int16(POLLOUT), revents: 0)
          poll(&state, 1, -1)
        } else if errno != EINTR {
          return errno
        }
      }
      return 0
    }
  }

  var isTerminal: Bool { isatty(rawValue) == 1 }

  /// How many rows its terminal has; 24 where it does not tell.
  var rows: Int {
    var size = winsize()
    return ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0 && size.ws_row > 0 ? Int(size.ws_row) : 24
  }

  /// How many columns its terminal has; what the environment says, or 80, where the terminal does not
  /// tell.
  var columns: Int {
    var size = winsize()
    if ioctl(rawValue, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    let said = ProcessInfo.processInfo.environment["COLUMNS"].flatMap { Int($0) } ?? 0
    return said > 0 ? said : 80
  }
}

/// Results on standard output.
enum Output {
  /// Writes a line; a full disk is an input/output failure, and so, without a word, is a pipe whose
  /// reader has had enough.
  static func line(_ text: String = "") throws {
    let code = StandardStream.output.write(text + "\n")
    guard code == 0 else {
      if code == EPIPE { throw Exit.inputOutput }
      throw ReferenceError.inputOutput(
        path: "standard output", reason: String(cString: strerror(code)))
    }
  }

  /// Writes one JSON object. Numbers that JSON cannot express become text.
  static func json(_ value: some Encodable) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
    try line(String(decoding: try encoder.encode(value), as: UTF8.self))
  }
}

extension Output {
  /// A share as people read it.
  static func percent(_ share: Double) -> String { String(format: "%.2f %%", share * 100) }
}

extension Output {
  /// A number with so many significant digits, however small or large it is.
  static func number(_ value: Double, digits: Int = 6) -> String {
    String(format: "%.\(digits)g", value)
  }
}

extension String {
  /// The text with spaces appended up to `width` characters.
  func padding(_ width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - count))
  }
}

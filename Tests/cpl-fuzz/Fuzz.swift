// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport

/// Feeds damaged files to one reader, with a limit on memory and one on time for each of them: what
/// a reader may not do ends the process, which then says at which input.
///
///     cpl-fuzz READER FIRST COUNT CORPUS-FILE...
///
/// Writes how many inputs were read and how many refused. Each input is a function of its number and
/// the corpus, so that one that ends the process can be made again: with FIRST its number and COUNT 1.
@main
enum Fuzz {
  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count > 4, let reader = readers[arguments[1]], let first = Int(arguments[2]),
      let count = Int(arguments[3])
    else {
      print("usage: cpl-fuzz READER FIRST COUNT CORPUS-FILE...; readers: \(readers.keys.sorted())")
      exit(64)
    }
    let seeds = try arguments[4...].map { Array(try Data(contentsOf: URL(fileURLWithPath: $0))) }
    let mutator = Mutator(seeds, seed: 1)
    // A round through the whole files makes what is made once, before memory is limited.
    if !arguments[1].hasPrefix("planted") { for seed in seeds { _ = try? reader(seed) } }
    let limits = InputLimits()
    var (accepted, refused) = (0, 0)
    for number in first..<first + count {
      let input = mutator.input(number)
      limits.begin(number, byteCount: input.count)
      do {
        try reader(input)
        accepted += 1
      } catch is ReferenceError {
        refused += 1
      }
      limits.end()
    }
    print("\(accepted) read, \(refused) refused")
  }

  private static let readers: [String: @Sendable ([UInt8]) throws -> Void] = [
    "pt": checkpoint, "safetensors": checkpoint, "npy": arrays, "cifar": binary, "idx": idx,
    "yaml": yaml,
    "json": model,
    // Readers with faults, and ones that are just within the limits: they show what limits do.
    "planted-loop": { _ in while true {} },
    "planted-wait": { _ in sleep(3600) },
    "planted-slow": { _ in try work(seconds: 0.4) },
    "planted-crash": { _ = [0][$0.count] },
    "planted-greed": { hold(4 * $0.count + 66 << 20) },
    "planted-appetite": { hold(4 * $0.count + 60 << 20) },
  ]

  private static func checkpoint(_ bytes: [UInt8]) throws {
    let dictionary = try StateDictionary(FileBytes(bytes, path: "input"))
    _ = try Checkpoint(dictionary, settings: UnstoredSettings(mean: [0.5, 0.5, 0.5]))
  }

  private static func arrays(_ bytes: [UInt8]) throws {
    let file = FileBytes(bytes, path: "input")
    if bytes.starts(with: [0x50]) {
      let images = try ImageSource.numpy(archive: file, split: .test, classes: 10)
      _ = images.images(at: 0..<images.count)
    } else {
      try ImageSource.checkArray(file)
    }
  }

  private static func binary(_ bytes: [UInt8]) throws {
    // The two kinds differ in the size of a record.
    let kind: CIFARBinary.Kind = bytes.count.isMultiple(of: 3074) ? .cifar100 : .cifar10
    var (pixels, labels): ([UInt8], [Int]) = ([], [])
    var rest = bytes[...]
    try CIFARBinary.append(
      bytes.count, of: "input", kind: kind, pixels: &pixels, labels: &labels
    ) { buffer in
      buffer.copyBytes(from: rest.prefix(buffer.count))
      rest = rest.dropFirst(buffer.count)
      return buffer.count
    }
  }

  private static func idx(_ bytes: [UInt8]) throws {
    let file = FileBytes(bytes, path: "input")
    // What the file is not is refused the first time.
    do {
      _ = try IDXFile(file, of: "labels", shape: [])
    } catch {
      _ = try IDXFile(file, of: "images", shape: [4, 6])
    }
  }

  private static func yaml(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ReferenceError.mismatch(expected: "text", found: "bytes")
    }
    _ = try ExperimentConfiguration(yaml: text, path: "input")
  }

  private static func model(_ bytes: [UInt8]) throws {
    _ = try LayerSpecification.layers(json: Data(bytes), path: "input", location: "model")
  }

  private static func work(seconds: Double) throws {
    let end = clock() + clock_t(seconds * Double(CLOCKS_PER_SEC))
    while clock() < end {}
  }

  /// Takes so much memory and gives it back.
  private static func hold(_ byteCount: Int) {
    [UInt8](repeating: 1, count: byteCount).withUnsafeBytes { blackHole($0.last) }
  }

  @inline(never)
  private static func blackHole<Value>(_ value: Value) {}
}

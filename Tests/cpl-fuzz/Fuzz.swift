import CPLReference
import Foundation
import TestSupport

/// Feeds damaged files to one reader, in a process with little memory and little time: what a
/// reader may not do ends the process.
///
///     cpl-fuzz READER FIRST COUNT CORPUS-FILE...
///
/// Writes how many inputs were read and how many refused. Each input is a function of the reader,
/// its number and the corpus, so that one that ends the process can be made again: with FIRST its
/// number and COUNT 1.
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
    for seed in seeds { _ = try? reader(seed) }
    let longest = seeds.map(\.count).max() ?? 0
    limitMemory(64 << 20 + 4 * (longest + 4096))
    var (accepted, refused) = (0, 0)
    for number in first..<first + count {
      let input = mutator.input(number)
      limitTime(number)
      do {
        try reader(input)
        accepted += 1
      } catch is ReferenceError {
        refused += 1
      }
    }
    print("\(accepted) read, \(refused) refused")
  }

  private static let readers: [String: @Sendable ([UInt8]) throws -> Void] = [
    "pt": checkpoint, "safetensors": checkpoint, "npy": arrays, "cifar": binary, "yaml": yaml,
    "json": model,
  ]

  private static func checkpoint(_ bytes: [UInt8]) throws {
    let dictionary = try StateDictionary(FileBytes(bytes, path: "input"))
    _ = try Checkpoint(dictionary, settings: UnstoredSettings())
  }

  private static func arrays(_ bytes: [UInt8]) throws {
    let file = FileBytes(bytes, path: "input")
    if bytes.starts(with: [0x50]) {
      let images = try ImageSource.numpy(archive: file, classes: 10)
      _ = images.images(at: 0..<images.count)
    } else {
      try ImageSource.checkArray(file)
    }
  }

  private static func binary(_ bytes: [UInt8]) throws {
    // The two kinds differ in the size of a record.
    let kind: CIFARBinary.Kind = bytes.count.isMultiple(of: 3074) ? .cifar100 : .cifar10
    var (pixels, labels): ([UInt8], [Int]) = ([], [])
    try CIFARBinary.append(Data(bytes), of: "input", kind: kind, pixels: &pixels, labels: &labels)
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

  /// Lets the process have so many bytes more than it has.
  private static func limitMemory(_ byteCount: Int) {
    // The sanitizers reserve memory without bound.
    if ProcessInfo.processInfo.environment["CPL_FUZZ_UNLIMITED"] != nil { return }
    let pages =
      (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))
      .flatMap { $0.split(separator: " ").first.flatMap { Int($0) } } ?? 0
    let limit = rlim_t(pages * sysconf(Int32(_SC_PAGESIZE)) + byteCount)
    var limits = rlimit(rlim_cur: limit, rlim_max: limit)
    setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limits)
  }

  /// Ends the process when one input takes more than a second of the processor's time.
  private static func limitTime(_ number: Int) {
    guard number.isMultiple(of: 64) else { return }
    // Set anew every 64 inputs, which makes it a second for all of them.
    var timer = itimerval(
      it_interval: timeval(), it_value: timeval(tv_sec: 1, tv_usec: 0))
    setitimer(__itimer_which_t(ITIMER_VIRTUAL.rawValue), &timer, nil)
  }
}

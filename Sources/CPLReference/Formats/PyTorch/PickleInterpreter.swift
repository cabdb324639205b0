// SPDX-License-Identifier: Apache-2.0

import CPLFiles
import CPLNumerics

/// Reads Python's pickle format, protocols 2 to 5, as far as checkpoints need it: an interpreter of
/// an allow-list of instructions and names. Nothing is executed. Data beside the tensors is passed
/// over; what Python would execute is refused by name.
struct PickleInterpreter {
  private let file: FileBytes
  private let bytes: ArraySlice<UInt8>
  /// What is read, for messages: "data.pkl".
  private let what: String
  private var position: Int
  private var contents = PickleContents()
  private var stack: [PickleValue] = []
  /// The heights of the stack at which marks stand.
  private var marks: [Int] = []
  private var memo: [Int: PickleValue] = [:]

  /// How many instructions a pickle may have; a tensor takes about 40. Every instruction makes one
  /// value at most, so this bounds the memory too.
  private static let instructionLimit = 1 << 19

  /// Reads the pickle that `bytes` begin with.
  ///
  /// - Returns: what it holds, and the position behind it.
  static func read(
    _ bytes: ArraySlice<UInt8>, _ what: String, of file: FileBytes
  ) throws -> (contents: PickleContents, end: Int) {
    var interpreter = PickleInterpreter(file: file, bytes: bytes, what: what)
    return try interpreter.run()
  }

  private init(file: FileBytes, bytes: ArraySlice<UInt8>, what: String) {
    self.file = file
    self.bytes = bytes
    self.what = what
    position = bytes.startIndex
  }

  private mutating func run() throws -> (contents: PickleContents, end: Int) {
    for _ in 0..<Self.instructionLimit {
      let start = position
      guard let code = try take(1).first else { break }
      if code == UInt8(ascii: ".") {
        guard marks.isEmpty, stack.count == 1 else {
          throw invalid(start, "one value", "\(stack.count)")
        }
        contents.root = stack[0]
        return (contents, position)
      }
      try execute(code, at: start)
    }
    throw invalid(position, "a pickle of at most \(Self.instructionLimit) instructions", "more")
  }

  private mutating func execute(_ code: UInt8, at start: Int) throws {
    switch code {
    case 0x80:  // PROTO
      let version = try take(1).first ?? 0
      guard (2...5).contains(version) else {
        throw invalid(start, "protocol 2 to 5", "\(version)")
      }
    case 0x95: _ = try take(8)  // FRAME
    case UInt8(ascii: "("): marks.append(stack.count)
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.bool(true))
    case 0x89: stack.append(.bool(false))
    case UInt8(ascii: "J"): stack.append(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
    case UInt8(ascii: "K"): stack.append(.integer(try number(1)))
    case UInt8(ascii: "M"): stack.append(.integer(try number(2)))
    case 0x8a: stack.append(try long(try number(1)))
    case 0x8b: stack.append(try long(try number(4)))
    case UInt8(ascii: "G"):
      let bits = UInt64(bitPattern: Int64(try number(8)))
      stack.append(.real(Double(bitPattern: bits.byteSwapped)))
    case UInt8(ascii: "X"): stack.append(.text(try text(try number(4), at: start)))
    case 0x8c: stack.append(.text(try text(try number(1), at: start)))
    case 0x8d: stack.append(.text(try text(try number(8), at: start)))
    // Python 2's strings, which are bytes: names in them are in ASCII.
    case UInt8(ascii: "T"): stack.append(.text(try string(try number(4))))
    case UInt8(ascii: "U"): stack.append(.text(try string(try number(1))))
    case UInt8(ascii: "B"): try skip(try number(4), "bytes")
    case UInt8(ascii: "C"): try skip(try number(1), "bytes")
    case 0x8e: try skip(try number(8), "bytes")
    case 0x96: try skip(try number(8), "bytearray")
    case UInt8(ascii: "0"): _ = try pop(at: start)
    case UInt8(ascii: "1"): _ = try popToMark(at: start)
    case UInt8(ascii: "2"):
      let value = try pop(at: start)
      stack += [value, value]
    case 0x8f: stack.append(.other("set"))
    case 0x90:
      _ = try popToMark(at: start)
      guard case .other? = stack.last else { throw invalid(start, "a set", "something else") }
    case 0x91:
      _ = try popToMark(at: start)
      stack.append(.other("frozenset"))
    case UInt8(ascii: "}"): push(dictionary: [])
    case UInt8(ascii: "]"): push(list: [])
    case UInt8(ascii: ")"): push(tuple: [])
    case UInt8(ascii: "t"): push(tuple: try popToMark(at: start))
    case 0x85, 0x86, 0x87:
      var members: [PickleValue] = []
      for _ in 0..<code - 0x84 { members.append(try pop(at: start)) }
      push(tuple: members.reversed())
    case UInt8(ascii: "q"): try remember(try number(1), at: start)
    case UInt8(ascii: "r"): try remember(try number(4), at: start)
    case 0x94: try remember(memo.count, at: start)
    case UInt8(ascii: "h"): stack.append(try recall(try number(1), at: start))
    case UInt8(ascii: "j"): stack.append(try recall(try number(4), at: start))
    case UInt8(ascii: "c"):
      let module = try line(at: start)
      stack.append(.global(try global(module, try line(at: start), at: start)))
    case 0x93:  // STACK_GLOBAL
      guard case .text(let name) = try pop(at: start), case .text(let module) = try pop(at: start)
      else { throw invalid(start, "the name of a global", "something else") }
      stack.append(.global(try global(module, name, at: start)))
    case UInt8(ascii: "a"):
      let value = try pop(at: start)
      try extend(with: [value], at: start)
    case UInt8(ascii: "e"): try extend(with: try popToMark(at: start), at: start)
    case UInt8(ascii: "s"):
      let value = try pop(at: start)
      try update(with: [try pop(at: start), value], at: start)
    case UInt8(ascii: "u"): try update(with: try popToMark(at: start), at: start)
    case UInt8(ascii: "Q"): try makeStorage(at: start)
    case UInt8(ascii: "R"), 0x81:
      let arguments = try pop(at: start)
      stack.append(try call(try pop(at: start), arguments, at: start))
    case 0x92:
      guard case .dictionary = try pop(at: start) else {
        throw invalid(start, "named arguments", "something else")
      }
      let arguments = try pop(at: start)
      stack.append(try call(try pop(at: start), arguments, at: start))
    case UInt8(ascii: "b"):
      // Attributes; of an ordered dictionary PyTorch's version numbers.
      let state = try pop(at: start)
      // A method among them, such as __setstate__, would be called by what follows.
      guard !contents.holdsMethods(state) else {
        throw invalid(start, "attributes of data", "a method of Python's (__…__), which is refused")
      }
      switch stack.last {
      case .dictionary, .other: break
      default: throw invalid(start, "attributes of data", "those of something else")
      }
    default:
      let name = PickleInstruction.name(of: code)
      throw invalid(start, "an instruction of a state dictionary", "\(name), which is refused")
    }
  }
}

// MARK: Instructions

extension PickleInterpreter {
  private func global(_ module: String, _ name: String, at start: Int) throws -> PickleGlobal {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw refused("\(module.forMessage).\(name.forMessage)", at: start)
    }
    return global
  }

  /// The error about what Python would execute.
  private func refused(_ name: String, at start: Int) -> ReferenceError {
    let isModel = name.hasPrefix("torch.nn.") || name.hasPrefix("torchvision.models.")
    return invalid(
      start,
      "weights and plain data; save them with torch.save(model.state_dict(), …), which "
        + "torch.load(…, weights_only=True) reads",
      "\(isModel ? "a whole pickled model: " : "")\(name), which is refused; nothing was executed")
  }

  private mutating func makeStorage(at start: Int) throws {
    let identity = try pop(at: start)
    guard let parts = contents.sequence(identity) else {
      throw invalid(start, "a storage of numbers", "something else")
    }
    if case .text("module")? = parts.first { throw refused("torch.nn.Module", at: start) }
    guard parts.count >= 5, case .text("storage") = parts[0], case .global(let type) = parts[1],
      case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw invalid(start, "a storage of numbers", "something else") }
    // The sixth part is a view of a storage, as PyTorch wrote until 2017.
    if parts.count > 5 {
      guard parts.count == 6, case .none = parts[5] else {
        throw invalid(start, "a whole storage", "a view of one")
      }
    }
    switch type {
    case .storageType(let format):
      contents.storages.append(PickledStorage(key: key, format: format, count: count))
      stack.append(.storage(contents.storages.count - 1))
    case .data(let name): stack.append(.other(name))
    default: throw invalid(start, "a storage of numbers", "something else")
    }
  }

  /// What a call makes: a tensor, a dictionary, or data that is passed over.
  private mutating func call(
    _ function: PickleValue, _ arguments: PickleValue, at start: Int
  ) throws -> PickleValue {
    guard case .tuple(let index) = arguments, case .global(let global) = function else {
      throw invalid(start, "a call of what a checkpoint needs", "another one")
    }
    let arguments = contents.sequences[index]
    switch global {
    case .data(let name): return .other(name)
    case .reference(let name): throw refused(name, at: start)
    case .defaultDictionary: return dictionary([])
    case .orderedDictionary:
      guard let pairs = arguments.first.map({ contents.sequence($0) ?? [] }) else {
        return dictionary([])
      }
      // As Python 2 wrote it: a list of keys with their values.
      let members = pairs.compactMap { contents.sequence($0) }
      guard arguments.count == 1, members.count == pairs.count,
        members.allSatisfy({ $0.count == 2 })
      else { break }
      return dictionary(members.flatMap(\.self))
    case .reconstructor:
      guard let type = arguments.first, case .global(let global) = type, global != .reconstructor
      else { break }
      return try call(type, .tuple(emptyTuple()), at: start)
    case .rebuildFromType:
      guard arguments.count == 4, case .global(.rebuildTensor) = arguments[0] else { break }
      return try call(arguments[0], arguments[2], at: start)
    case .rebuildTensor:
      if case .other(let storage)? = arguments.first { return .other("tensor of \(storage)") }
      guard (4...7).contains(arguments.count), case .storage(let storage) = arguments[0],
        case .integer(let offset) = arguments[1], let shape = contents.integers(arguments[2]),
        let strides = contents.integers(arguments[3])
      else { break }
      guard arguments.count < 7 || contents.members(arguments[6])?.isEmpty != false else {
        throw invalid(
          start, "a tensor as it is stored",
          "a view that PyTorch negates or conjugates; save it with .resolve_neg().resolve_conj()")
      }
      contents.tensors.append(
        PickledTensor(
          storage: contents.storages[storage], offset: offset, shape: shape, strides: strides))
      return .tensor(contents.tensors.count - 1)
    case .rebuildParameter:
      guard (3...4).contains(arguments.count) else { break }
      switch arguments[0] {
      case .tensor, .other: return arguments[0]
      default: break
      }
    case .storageType: break
    }
    throw invalid(start, "a tensor, a dictionary or plain data", "a call with other arguments")
  }

  private mutating func dictionary(_ members: [PickleValue]) -> PickleValue {
    contents.sequences.append(members)
    return .dictionary(contents.sequences.count - 1)
  }

  private mutating func emptyTuple() -> Int {
    contents.sequences.append([])
    return contents.sequences.count - 1
  }

  private mutating func extend(with values: [PickleValue], at start: Int) throws {
    switch stack.last {
    case .list(let index): contents.sequences[index] += values
    case .other: break
    default: throw invalid(start, "a list", "something else")
    }
  }

  private mutating func update(with pairs: [PickleValue], at start: Int) throws {
    switch stack.last {
    case .dictionary(let index) where pairs.count.isMultiple(of: 2):
      contents.sequences[index] += pairs
    case .other: break
    default: throw invalid(start, "a dictionary, keys and values", "something else")
    }
  }

  private mutating func push(tuple members: [PickleValue]) {
    contents.sequences.append(members)
    stack.append(.tuple(contents.sequences.count - 1))
  }

  private mutating func push(list members: [PickleValue]) {
    contents.sequences.append(members)
    stack.append(.list(contents.sequences.count - 1))
  }

  private mutating func push(dictionary members: [PickleValue]) {
    contents.sequences.append(members)
    stack.append(.dictionary(contents.sequences.count - 1))
  }

  private mutating func remember(_ index: Int, at start: Int) throws {
    guard let value = stack.last else { throw invalid(start, "a value", "nothing") }
    memo[index] = value
  }

  private func recall(_ index: Int, at start: Int) throws -> PickleValue {
    guard let value = memo[index] else { throw invalid(start, "a value seen before", "nothing") }
    return value
  }

  private mutating func pop(at start: Int) throws -> PickleValue {
    guard stack.count > marks.last ?? 0 else { throw invalid(start, "a value", "nothing") }
    return stack.removeLast()
  }

  private mutating func popToMark(at start: Int) throws -> [PickleValue] {
    guard let mark = marks.popLast() else { throw invalid(start, "a mark", "none") }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }
}

// MARK: Bytes

extension PickleInterpreter {
  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - position else {
      throw invalid(position, "\(count) more bytes", "the end")
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A little-endian number of at most eight bytes.
  private mutating func number(_ byteCount: Int) throws -> Int {
    try take(byteCount).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  /// An integer of any length, in two's complement; one beyond 64 bits is no number of a tensor.
  private mutating func long(_ byteCount: Int) throws -> PickleValue {
    let digits = try take(byteCount)
    guard let last = digits.last else { return .integer(0) }
    guard byteCount <= 8 else { return .other("int") }
    return .integer(digits.reversed().reduce(last < 128 ? 0 : -1) { $0 << 8 | Int($1) })
  }

  private mutating func skip(_ byteCount: Int, _ type: String) throws {
    _ = try take(byteCount)
    stack.append(.other(type))
  }

  /// Text that may be anything, where it is not in UTF-8.
  private mutating func string(_ byteCount: Int) throws -> String {
    String(decoding: try take(byteCount), as: UTF8.self)
  }

  private mutating func text(_ byteCount: Int, at start: Int) throws -> String {
    guard let text = String(validating: try take(byteCount), as: UTF8.self) else {
      throw invalid(start, "text in UTF-8", "other bytes")
    }
    return text
  }

  private mutating func line(at start: Int) throws -> String {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw invalid(start, "the name of a global", "no end of it")
    }
    defer { position = end + 1 }
    return try text(end - position, at: start)
  }

  private func invalid(_ position: Int, _ expected: String, _ found: String) -> ReferenceError {
    file.invalid(
      "\(what), byte \(position - bytes.startIndex)", expected: expected, found: found)
  }
}

/// The names of instructions that are refused, for messages.
private enum PickleInstruction {
  private static let names: [UInt8: String] = [
    0x50: "PERSID", 0x69: "INST", 0x6f: "OBJ", 0x82: "EXT1", 0x83: "EXT2", 0x84: "EXT4",
    0x64: "DICT", 0x6c: "LIST", 0x49: "INT", 0x4c: "LONG", 0x46: "FLOAT", 0x53: "STRING",
    0x56: "UNICODE", 0x70: "PUT", 0x67: "GET", 0x97: "NEXT_BUFFER", 0x98: "READONLY_BUFFER",
  ]

  static func name(of code: UInt8) -> String {
    names[code].map { "the instruction \($0)" } ?? "an unknown instruction, \(code)"
  }
}

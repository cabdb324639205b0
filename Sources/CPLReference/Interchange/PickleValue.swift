/// A value of a pickled state dictionary. Containers, storages and tensors stand in the lists of
/// `PickleContents`, so that a pickle which puts a container into itself is no cycle in memory.
enum PickleValue {
  case none
  case bool(Bool)
  case integer(Int)
  case real(Double)
  case text(String)
  case global(PickleGlobal)
  /// A position in `PickleContents.sequences`.
  case tuple(Int)
  case list(Int)
  /// A position in `PickleContents.sequences`: keys and values in turn.
  case dictionary(Int)
  /// A position in `PickleContents.storages`.
  case storage(Int)
  /// A position in `PickleContents.tensors`.
  case tensor(Int)
}

/// What a state dictionary may name. Nothing else is known to the interpreter, and these are known
/// by what they mean: no name leads to code.
enum PickleGlobal: Equatable {
  case orderedDictionary
  case rebuildTensor
  case rebuildParameter
  case storageType(NumberFormat)

  /// The global that a pickle calls so; nil for any other.
  init?(module: String, name: String) {
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"): self = .rebuildParameter
    case ("torch", _):
      guard let format = Self.storageTypes[name] else { return nil }
      self = .storageType(format)
    default: return nil
    }
  }

  private static let storageTypes: [String: NumberFormat] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
  ]
}

/// Bytes of an archive that tensors lie in.
struct PickledStorage: Equatable {
  let key: String
  let format: NumberFormat
  /// In elements.
  let count: Int
}

/// A tensor as a pickle describes it; nothing of it is checked against its storage.
struct PickledTensor {
  let storage: PickledStorage
  /// In elements.
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// Everything that a pickle made.
struct PickleContents {
  var root: PickleValue = .none
  var sequences: [[PickleValue]] = []
  var storages: [PickledStorage] = []
  var tensors: [PickledTensor] = []

  /// The integers of a tuple or list; nil when it is none, or holds anything else.
  func integers(_ value: PickleValue) -> [Int]? {
    guard let values = sequence(value) else { return nil }
    var integers: [Int] = []
    for case .integer(let integer) in values { integers.append(integer) }
    return integers.count == values.count ? integers : nil
  }

  /// The members of a tuple or list.
  func sequence(_ value: PickleValue) -> [PickleValue]? {
    switch value {
    case .tuple(let index), .list(let index): sequences[index]
    default: nil
    }
  }
}

extension PickleValue {
  /// What the value is, in a message.
  var kind: String {
    switch self {
    case .none: "None"
    case .bool, .integer, .real: "a number"
    case .text: "text"
    case .global: "a function or type"
    case .tuple: "a tuple"
    case .list: "a list"
    case .dictionary: "a dictionary"
    case .storage: "a storage"
    case .tensor: "a tensor"
    }
  }
}

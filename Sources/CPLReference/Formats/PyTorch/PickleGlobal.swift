// SPDX-License-Identifier: Apache-2.0

import CPLFiles

/// What a pickle may name. Every name is known by what it means: none leads to code.
enum PickleGlobal: Equatable {
  case orderedDictionary
  case defaultDictionary
  case rebuildTensor
  case rebuildParameter
  /// Makes a tensor of another class, or one that has attributes.
  case rebuildFromType
  /// Makes an object of a class without calling it.
  case reconstructor
  case storageType(NumberFormat)
  /// A type or function that makes data of its arguments and does nothing else.
  case data(String)
  /// A name of PyTorch's or NumPy's, harmless unless it is called.
  case reference(String)

  /// The global that a pickle calls so; nil for any other, whose import alone might run code.
  init?(module: String, name: String) {
    let full = "\(module).\(name)"
    switch (module, name) {
    case ("collections", "OrderedDict"): self = .orderedDictionary
    case ("collections", "defaultdict"): self = .defaultDictionary
    case ("torch._utils", "_rebuild_tensor_v2"), ("torch._utils", "_rebuild_tensor"),
      ("torch._utils", "_rebuild_tensor_v3"):
      self = .rebuildTensor
    case ("torch._utils", "_rebuild_parameter"),
      ("torch._utils", "_rebuild_parameter_with_state"):
      self = .rebuildParameter
    case ("torch._tensor", "_rebuild_from_type_v2"): self = .rebuildFromType
    case ("copyreg", "_reconstructor"), ("copy_reg", "_reconstructor"): self = .reconstructor
    case ("torch", _) where Self.storageTypes[name] != nil:
      self = .storageType(Self.storageTypes[name]!)
    case ("builtins", _), ("__builtin__", _):
      guard Self.builtinTypes.contains(name) else { return nil }
      self = .data(Self.plainNames[name] ?? name)
    case _ where Self.dataTypes.contains(full): self = .data(Self.plainNames[name] ?? full)
    default:
      let root = module.prefix { $0 != "." }
      // A dotted name leads through attributes to any module: torch.serialization, os.system.
      guard ["torch", "torchvision", "numpy"].contains(root), !name.contains("."),
        !module.split(separator: ".").contains(where: { ["os", "sys", "subprocess"].contains($0) })
      else { return nil }
      self = .reference(full)
    }
  }

  private static let storageTypes: [String: NumberFormat] = [
    "DoubleStorage": .float64, "FloatStorage": .float32, "HalfStorage": .float16,
    "BFloat16Storage": .bfloat16, "LongStorage": .int64, "IntStorage": .int32,
    "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
  ]

  private static let builtinTypes: Set<String> = [
    "set", "frozenset", "bytearray", "bytes", "complex", "list", "dict", "tuple", "int", "float",
    "bool", "str", "object", "slice", "range", "long", "unicode", "xrange",
  ]

  private static let dataTypes: Set<String> = [
    "argparse.Namespace", "types.SimpleNamespace", "collections.Counter", "collections.deque",
    "_codecs.encode", "datetime.datetime", "datetime.date", "datetime.time", "datetime.timedelta",
    "datetime.timezone", "decimal.Decimal", "fractions.Fraction", "uuid.UUID",
    "pathlib.PosixPath", "pathlib.PurePosixPath", "pathlib.WindowsPath",
    "pathlib.PureWindowsPath", "pathlib.Path", "pathlib.PurePath", "pathlib._local.PosixPath",
    "pathlib._local.PurePosixPath", "pathlib._local.WindowsPath",
    "pathlib._local.PureWindowsPath", "pathlib._local.Path", "pathlib._local.PurePath",
    "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
    "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer", "numpy.ndarray",
    "numpy.dtype", "torch.device", "torch.Size", "torch.serialization._get_layout",
    "torch.UntypedStorage", "torch.storage.UntypedStorage", "torch.ComplexFloatStorage",
    "torch.ComplexDoubleStorage",
  ]

  /// What people call a few of these.
  private static let plainNames = [
    "encode": "bytes", "scalar": "NumPy scalar", "_reconstruct": "NumPy array",
    "_frombuffer": "NumPy array", "_get_layout": "torch.layout", "long": "int", "xrange": "range",
    "unicode": "str",
  ]

  /// What it is called in a message; nil for what a pickle needs to make tensors.
  var name: String? {
    switch self {
    case .data(let name), .reference(let name): name
    case .orderedDictionary: "collections.OrderedDict"
    case .defaultDictionary: "collections.defaultdict"
    default: nil
    }
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

/// The tensors of `fixtures/checkpoints/plain.pt`, in checkpoints of other forms.
enum SampleCheckpoint {
  static let tensors: [(name: String, shape: [Int], elements: [Float])] =
    (try? StateDictionary(path: fixturePath("checkpoints/plain.pt")).tensors.map {
      ($0.name, $0.shape, try $0.floats(path: "").elements)
    }) ?? []

  /// The state dictionary, every number times a factor, names behind a prefix.
  static func state(
    _ prefix: String = "", times factor: Float = 1, with others: [(String, PickledValue)] = []
  ) -> PickledValue {
    var members = others
    for (name, shape, elements) in tensors {
      members.append((prefix + name, .tensor(shape: shape, elements.map { $0 * factor })))
    }
    return .dictionary(members)
  }

  static func read(
    _ value: PickledValue, settings: UnstoredSettings = UnstoredSettings()
  ) throws -> Checkpoint {
    try Checkpoint(
      StateDictionary(FileBytes(value.checkpoint(), path: "x.pt")), settings: settings)
  }

  static func refuse(
    _ value: PickledValue, settings: UnstoredSettings = UnstoredSettings(), _ messages: String...,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect("\(messages)", sourceLocation: sourceLocation) {
      _ = try read(value, settings: settings)
    } throws: { error in
      error is ReferenceError && messages.allSatisfy("\(error)".contains)
    }
  }
}

@Suite("What stands beside weights in a checkpoint")
struct CompanyTests {
  @Test("attributes that Python would call, and names that lead to other modules, are refused")
  func methods() {
    for value in [
      PickledValue.object(
        "argparse", "Namespace", [("__setstate__", .global("numpy", "ndarray"))]),
      .global("torch.serialization", "os.system"), .global("torch.serialization.os", "system"),
    ] {
      SampleCheckpoint.refuse(
        .dictionary([("state_dict", SampleCheckpoint.state()), ("x", value)]))
    }
  }

  private static let dtype = PickledValue.call(
    "numpy", "dtype", [.text("f8"), .bool(false), .bool(true)])

  /// Values that Python makes without running anything, and what they are called.
  static let values: [(value: PickledValue, what: String)] = [
    (.integer(3), "3"), (.none, "None"), (.text("a"), "'a'"), (.real(.nan), "nan"),
    (.list([.dictionary([])]), "a list"),
    (
      .object(
        "argparse", "Namespace",
        [("lr", .real(0.1)), ("device", .call("torch", "device", [.text("cuda"), .integer(0)]))]),
      "argparse.Namespace"
    ),
    (.object("types", "SimpleNamespace", [("a", .integer(1))]), "types.SimpleNamespace"),
    (
      .call("numpy.core.multiarray", "scalar", [dtype, .raw([0x43, 2, 0x80, 0xff])]), "NumPy scalar"
    ),
    (.call("numpy._core.multiarray", "scalar", [dtype, .raw([0x43, 0])]), "NumPy scalar"),
    (
      .call(
        "numpy.core.multiarray", "_reconstruct",
        [.global("numpy", "ndarray"), .tuple([.integer(0)]), .raw([0x43, 1, 0x62])]), "NumPy array"
    ),
    (dtype, "numpy.dtype"), (.call("torch", "device", [.text("cpu")]), "torch.device"),
    (.global("torch", "float16"), "torch.float16"),
    (.call("torch", "Size", [.tuple([.integer(1)])]), "torch.Size"),
    (.global("torch.optim.adam", "Adam"), "torch.optim.adam.Adam"),
    (.call("collections", "OrderedDict", []), "a dictionary"),
    (.call("collections", "defaultdict", [.global("__builtin__", "list")]), "a dictionary"),
    (
      .call("collections", "Counter", [.dictionary([("a", .integer(2))])]), "collections.Counter"
    ),
    (.call("__builtin__", "set", [.list([.integer(1)])]), "set"),
    (.raw([0x8f, 0x28, 0x4b, 1, 0x90]), "set"), (.raw([0x28, 0x4b, 1, 0x91]), "frozenset"),
    (.raw([0x42, 3, 0, 0, 0, 1, 2, 3]), "bytes"),
    (.call("_codecs", "encode", [.text("abc"), .text("latin1")]), "bytes"),
    (.raw([0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9]), "bytearray"),
    (.call("__builtin__", "complex", [.real(1), .real(2)]), "complex"),
    (.raw([0x8a, 9, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "int"),
    (.raw([0x8b, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), "int"),
    (.call("pathlib", "PosixPath", [.text("/"), .text("a")]), "pathlib.PosixPath"),
    (.call("datetime", "datetime", [.raw([0x43, 1, 7])]), "datetime.datetime"),
  ]

  @Test(
    "data that executes nothing is passed over and listed",
    arguments: CompanyTests.values.indices)
  func harmless(index: Int) throws {
    let (value, what) = Self.values[index]
    let plain = try Checkpoint.read(fixturePath("checkpoints/plain.pt"))
    for key in ["state_dict", "net", "whatever"] {
      let found = try SampleCheckpoint.read(
        .dictionary([(key, SampleCheckpoint.state()), ("company", value)]))
      #expect(found.digest == plain.digest)
      #expect(found.published?.prefix == key + ".")
      #expect(
        found.notes.contains { $0.contains("passed over: company (\(what))") }, "\(found.notes)")
    }
  }

  @Test(
    "what Python would execute is refused by name, with what helps",
    arguments: [
      (PickledValue.call("posix", "system", [.text("true")]), "posix.system"),
      (.call("builtins", "eval", [.text("1")]), "builtins.eval"),
      (.call("__builtin__", "getattr", [.none, .text("a")]), "__builtin__.getattr"),
      (.global("os", "system"), "os.system"), (.object("models", "Net", []), "models.Net"),
      (.call("torch", "load", [.text("a")]), "torch.load"),
      (.call("numpy", "load", [.text("a")]), "numpy.load"),
      (
        .object("torch.nn.modules.linear", "Linear", []),
        "a whole pickled model: torch.nn.modules.linear.Linear"
      ),
    ])
  func executed(value: PickledValue, name: String) {
    let message = "\(name), which is refused; nothing was executed"
    let remedy = "torch.save(model.state_dict(), …), which torch.load(…, weights_only=True) reads"
    SampleCheckpoint.refuse(
      .dictionary([("state_dict", SampleCheckpoint.state()), ("x", value)]), message, remedy)
    SampleCheckpoint.refuse(value, message, remedy)
  }

  @Test("weights are found in lists, deep in dictionaries, and under a part called base")
  func places() throws {
    let plain = try Checkpoint.read(fixturePath("checkpoints/plain.pt"))
    for (value, prefix) in [
      (PickledValue.tuple([SampleCheckpoint.state(), .integer(1)]), "0."),
      (
        .dictionary([("a", .dictionary([("b", SampleCheckpoint.state("module."))]))]), "a.b.module."
      ),
      (SampleCheckpoint.state("base."), "base."),
    ] {
      let found = try SampleCheckpoint.read(value)
      #expect(found.digest == plain.digest && found.published?.prefix == prefix)
    }
  }

  @Test("equal networks are one; of others one is chosen by its prefix")
  func networks() throws {
    func file(_ factor: Float) -> PickledValue {
      .dictionary([
        ("model", SampleCheckpoint.state("module.")),
        ("ema", SampleCheckpoint.state("module.", times: factor)), ("epoch", .integer(3)),
      ])
    }
    let same = try SampleCheckpoint.read(file(1))
    #expect(
      same.notes.contains("'model.module.' and 'ema.module.' hold the same network"),
      "\(same.notes)")
    SampleCheckpoint.refuse(
      file(2), "a choice with --network, found 'model.module.' and 'ema.module.', which differ")
    for choice in ["model", "model.module", "model.module."] {
      let found = try SampleCheckpoint.read(file(2), settings: UnstoredSettings(network: choice))
      #expect(found.digest == same.digest)
      #expect(found.notes.contains { $0.contains("passed over: ema (") }, "\(found.notes)")
    }
    let other = try SampleCheckpoint.read(file(2), settings: UnstoredSettings(network: "ema"))
    #expect(other.digest != same.digest && other.published?.prefix == "ema.module.")
    SampleCheckpoint.refuse(
      file(2), settings: UnstoredSettings(network: "teacher"),
      "expected --network to name one of 'model.module.' and 'ema.module.', found 'teacher'")
  }
}

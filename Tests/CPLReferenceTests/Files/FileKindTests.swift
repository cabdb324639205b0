// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("Files that are no weights")
struct FileKindTests {
  private static let plain = PickledValue.dictionary([("a", .integer(1))])

  @Test(
    "a file is refused for what it is",
    arguments: [
      (Array("version https://git-lfs.github.com/spec/v1\noid sha256:0\n".utf8), "git lfs pull"),
      (Array("\n<!DOCTYPE html>\n<html></html>".utf8), "an HTML page"),
      (plain.pickle(), "a plain pickle"), (Array("(dp0\nVa\np1\nI1\ns.".utf8), "a plain pickle"),
      (npyFile("<f4", [1], [0, 0, 0, 0]), "a NumPy array (.npy)"),
      (zipArchive([("a.npy", npyFile("<f4", [1], [0, 0, 0, 0]))]), "a NumPy archive"),
      (zipArchive([("x/model.pt", [1])]), "x/model.pt; unpack it first"),
      (zipArchive([("config.json", [1]), ("model.weights.h5", [1])]), "a Keras model"),
      ([0x1f, 0x8b, 8, 0], "a gzip archive; unpack it first"),
      ([UInt8](repeating: 0, count: 257) + Array("ustar".utf8) + [0], "a tar archive"),
      ([8, 8, 0x12, 7] + Array("pytorch".utf8), "an ONNX file"), ([], "an empty file"),
      (Array("{\"a\": {\"b\": 1}}".utf8), "a text in JSON"), (Array("a: 1\n".utf8), "YAML"),
      (Array("hello".utf8), "a text"), ([1, 2, 3, 4], "in no format that this program knows"),
      (Array(plain.checkpoint().dropLast(60)), "the file is cut short"),
    ] as [([UInt8], String)])
  func kinds(bytes: [UInt8], kind: String) {
    #expect("\(kind)") {
      _ = try StateDictionary(FileBytes(bytes, path: "x"))
    } throws: { error in
      guard case ReferenceError.invalid(_, _, _, let found)? = error as? ReferenceError else {
        return false
      }
      return found.contains(kind)
    }
  }

  @Test(
    "another family of networks is named",
    arguments: [
      ("stable_block.0.q", "SLL"), ("module.model.model.0.q", "SLL"),
      ("layers.0.parametrizations.weight.original", "AOL"), ("a.random_conv_filter", "SOC"),
      ("conv1.alpha", "Cayley"), ("layer1.0.bn1.weight", "ResNet"), ("features.0.weight", "VGG"),
      ("conv1.weight", "ordinary layers"),
    ])
  func families(name: String, family: String) {
    SampleCheckpoint.refuse(
      .dictionary([(name, .tensor(shape: [1], [0]))]),
      "expected tensors with the published names of convex potential layers", family, name)
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation
import TestSupport
import Testing

@Suite("Files made to fool a reader")
struct HostileFileTests {
  @Test(
    "a checkpoint is refused with what is wrong in it",
    arguments: [
      ("command.pt", "posix.system, which is refused; nothing was executed"),
      (
        "command-alone.pt",
        "found a plain pickle, which PyTorch did not write; nothing was executed"
      ),
      ("module.pt", "torch.nn.modules.linear.Linear, which is refused"),
      ("torchscript.pt", "found a TorchScript program"),
      ("bomb.pt", "expected entries that unpack to at most"),
      ("short-storage.pt", "expected a storage of 27 elements in float32, found 104 bytes"),
      ("missing-storage.pt", "data/0: expected an entry"),
      ("flipped-bit.pt", "good/data/0: expected bytes that match their CRC-32"),
      ("overlapping-entries.pt", "good/data/0: expected bytes that no other entry uses"),
      (
        "copies-differ.pt", "base.1.0.kernel: expected the same numbers as in stable_block.0.kernel"
      ),
      ("expanded.pt", "expected elements side by side, each once"),
      ("nan.pt", "layers_linear.1.weights: expected finite numbers, found nan at element [1, 2]"),
      ("infinity.pt", "expected finite numbers, found inf at element [1, 2]"),
      ("header-2-63.safetensors", "expected a header of at most 16777216 bytes"),
      ("header-beyond-the-end.safetensors", "found the end of the file at byte 16"),
      ("overlapping.safetensors", "b: expected data_offsets from 8"),
      ("gap.safetensors", "b: expected data_offsets from 8"),
      ("trailing.safetensors", "byte 70: expected the end of the file"),
      ("twice.safetensors", "expected each known key once, found 'a'"),
      ("huge-shape.safetensors", "a: expected the bytes of float32 of shape"),
      ("negative.safetensors", "expected an integer"),
      ("float8.safetensors", "found 'F8_E4M3'"),
      ("nested.safetensors", "expected '{', found '['"),
    ])
  func checkpoint(name: String, message: String) throws {
    #expect("a typed error that says \(message)") {
      _ = try Checkpoint.read(fixturePath("hostile/\(name)"), settings: Self.settings)
    } throws: { error in
      guard case ReferenceError.invalid? = error as? ReferenceError else { return false }
      return "\(error)".contains(message) && !"\(error)".contains("\n")
    }
  }

  /// Images of 8×8 pixels are not CIFAR's.
  private static let settings = UnstoredSettings(mean: [0.5, 0.5, 0.5])

  @Test("an entry that is named like a path leads nowhere")
  func path() throws {
    let good = try Checkpoint.read(fixturePath("hostile/good.pt"), settings: Self.settings)
    let path = try Checkpoint.read(fixturePath("hostile/path.pt"), settings: Self.settings)
    #expect(path.digest == good.digest)
  }

  @Test("a network is refused by the tensor that is missing, too many or of another shape")
  func otherTensors() throws {
    let state = try StateDictionary(path: fixturePath("hostile/good.pt")).tensors
    func refuse(_ message: String, _ change: (inout [(name: String, value: Tensor<Float>)]) -> Void)
      throws
    {
      try withTemporaryFolder { folder in
        var tensors = try state.map {
          (
            name: $0.name,
            value: Tensor(shape: $0.shape, elements: try $0.floats(path: "").elements)
          )
        }
        change(&tensors)
        let path = folder + "/x.safetensors"
        try Safetensors.write(tensors, metadata: [:], to: path)
        #expect("\(message)") {
          _ = try Checkpoint.read(path, settings: Self.settings)
        } throws: {
          "\($0)".contains(message)
        }
      }
    }
    try refuse("stable_block.0.bias: expected a tensor, found none") {
      $0.removeAll { $0.name == "stable_block.0.bias" }
    }
    try refuse("stable_block.0.pm.u: expected a tensor, found none") {
      $0.removeAll { $0.name == "stable_block.0.pm.u" }
    }
    try refuse("expected tensors of the network's layers alone, found another one") {
      $0.append(("stable_block.0.scale", Tensor(shape: [1])))
    }
    try refuse("stable_block.2.kernel: expected tensors of the network") {
      $0.append(("stable_block.2.kernel", Tensor(shape: [1, 3, 3, 3])))
    }
    try refuse(
      "expected one network, or a choice with --network, found '' and 'ema.', which differ"
    ) {
      $0.append(("ema.stable_block.0.kernel", Tensor(shape: [1, 3, 3, 3])))
    }
    try refuse("layers_linear.1.: expected the features of 3 channels on 8×8 pixels, pooled") {
      let index = $0.firstIndex { $0.name == "layers_linear.1.weights" }!
      $0[index].value = Tensor(shape: [2, 13])
    }
    try refuse("expected a spectral norm, not negative, found -1.0") {
      let index = $0.firstIndex { $0.name == "layers_linear.1.eval_sv_max" }!
      $0[index].value = Tensor(shape: [1], elements: [-1])
    }
    try refuse("expected tensors with the published names") {
      $0 = [("weight", Tensor(shape: [2]))]
    }
    try refuse("found no tensors") { $0 = [] }
  }
}

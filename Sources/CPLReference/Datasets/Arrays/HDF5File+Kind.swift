// SPDX-License-Identifier: Apache-2.0

import CPLFiles

extension HDF5File {
  /// What a file is that another program wrote; nil for one that says which format of ours it has.
  package var foreignKind: String? {
    let attributes = (try? attributeNames(of: "/")) ?? []
    if attributes.contains("format") { return nil }
    let names = Set((try? memberNames(of: "/")) ?? [])
    let isKeras =
      ["keras_version", "layer_names", "backend"].contains(where: attributes.contains)
      || !names.isDisjoint(with: ["model_weights", "_layer_checkpoint_dependencies"])
      || names.isSuperset(of: ["layers", "vars"])
    if isKeras { return "weights of Keras, which this program does not read" }
    if names == ["history"] { return "the history of a training run" }
    if ArrayNames.isDataSet(names) { return "images and labels, a data set for --data" }
    return "an HDF5 file of another program"
      + (names.isEmpty
        ? "" : ": " + names.sorted().prefix(4).map(\.forMessage).joined(separator: ", "))
  }
}

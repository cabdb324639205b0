// SPDX-License-Identifier: Apache-2.0

import CPLReference

extension ImageShape: ExpressibleByArrayLiteral {
  /// Channels, height and width, as tests write them.
  public init(arrayLiteral extents: Int...) {
    precondition(extents.count == 3, "channels, height and width")
    self.init(channels: extents[0], height: extents[1], width: extents[2])
  }
}

// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The angle 2π·`part`/`whole`, with the numbers of which Fourier's transform is made.
struct Turn {
  let part: Int
  let whole: Int

  /// Cosine and sine, in error by at most 5u each; exact for quarters of a turn.
  ///
  /// *Proof.* The angle is mirrored, in integers, until it is πs/(4n), 0 ≤ s ≤ n, n the whole. That errs by at most 3.1u
  /// relative to a number of at most π/4: the stored π by less than u, a product and a quotient by u each. So its sine and
  /// cosine err by at most 2.5u, and by less than an ulp of at most 2u more as the library rounds them.
  var cosineAndSine: (cosine: Double, sine: Double) {
    var eighths = 8 * (((part % whole) + whole) % whole)
    let isBelow = eighths > 4 * whole
    if isBelow { eighths = 8 * whole - eighths }
    let isLeft = eighths > 2 * whole
    if isLeft { eighths = 4 * whole - eighths }
    let isSteep = eighths > whole
    if isSteep { eighths = 2 * whole - eighths }
    let angle = Double.pi * Double(eighths) / (4 * Double(whole))
    let (near, far) = (cos(angle), sin(angle))
    let (cosine, sine) = isSteep ? (far, near) : (near, far)
    return (isLeft ? -cosine : cosine, isBelow ? -sine : sine)
  }
}

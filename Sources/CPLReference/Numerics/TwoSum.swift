// SPDX-License-Identifier: Apache-2.0

/// a + b rounded to nearest and the error of that sum: `sum` + `error` = a + b exactly where neither
/// overflows (Knuth, *The Art of Computer Programming*, vol. 2, section 4.2.2, theorem B).
package func twoSum(_ a: Double, _ b: Double) -> (sum: Double, error: Double) {
  let sum = a + b
  let bRounded = sum - a
  return (sum, (a - (sum - bRounded)) + (b - bRounded))
}

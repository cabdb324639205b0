// SPDX-License-Identifier: Apache-2.0

import CPLReference
import TestSupport
import Testing

@Suite("A device's comparison with the CPU", .enabled(if: AnyDevice.exists, "\(AnyDevice.absence)"))
struct DeviceComparisonTests {
  /// A device that computes otherwise than it should.
  struct Fault: CustomStringConvertible, Sendable {
    let description: String
    /// What its refusal has to name.
    let difference: String
    var prelude = ""
    var options = ""
    /// Text of the kernels, and what stands there instead.
    var replacing: (original: String, by: String)?

    var text: KernelText {
      var text = KernelText()
      text.prelude = prelude
      text.options += options
      if let replacing {
        text.kernels = text.kernels.replacing(replacing.original, with: replacing.by)
      }
      return text
    }
  }

  static let faults = [
    Fault(
      description: "flushes subnormal results to zero", difference: "fma(a, b, c) in binary32",
      prelude: """
        #define LEAST (REAL_IS_DOUBLE ? 0x1p-1022 : 0x1p-126)
        #define FLUSHED(value) (fabs(value) < (REAL)LEAST ? copysign((REAL)0, value) : value)
        #define FMA(a, b, c) FLUSHED(fma(a, b, c))
        """),
    Fault(
      description: "takes subnormal operands for zero", difference: "a / b in binary32",
      prelude: """
        #define LEAST (REAL_IS_DOUBLE ? 0x1p-1022 : 0x1p-126)
        #define TAKEN(value) (fabs(value) < (REAL)LEAST ? copysign((REAL)0, value) : value)
        #define DIVIDE(a, b) (TAKEN(a) / TAKEN(b))
        """),
    Fault(
      description: "contracts a product and a sum", difference: "a · b + c, rounded twice",
      prelude: """
        #define KEEPS_CONTRACTION
        #pragma OPENCL FP_CONTRACT ON
        """),
    Fault(
      description: "rounds a fused product twice", difference: "fma(a, b, c) in binary32",
      prelude: "#define FMA(a, b, c) ((a) * (b) + (c))"),
    Fault(
      description: "has relaxed arithmetic", difference: "(a + b) − a",
      options: " -cl-unsafe-math-optimizations"),
    Fault(
      description: "reassociates a sum", difference: "(a + b) − a",
      replacing: ("(a[i] + b[i]) - a[i]", "(a[i] - a[i]) + b[i]")),
    Fault(
      description: "divides with an error of one unit in the last place",
      difference: "a / b in binary32",
      prelude: "#define DIVIDE(a, b) nextafter((a) / (b), (REAL)INFINITY)"),
    Fault(
      description: "divides so in binary64 alone", difference: "a / b in binary64",
      prelude: """
        #if REAL_IS_DOUBLE
        #define DIVIDE(a, b) nextafter((a) / (b), (REAL)INFINITY)
        #endif
        """),
    Fault(
      description: "has a square root with an error of one unit in the last place",
      difference: "√a in binary32", prelude: "#define SQUARE_ROOT(a) nextafter(sqrt(a), (REAL)0)"),
    Fault(
      description: "adds a matrix product's terms in another order", difference: "linear",
      replacing: ("for (int k = 0; k < part; k++)", "for (int k = part - 1; k >= 0; k--)")),
    Fault(
      description: "adds a convolution's taps in another order", difference: "convolution",
      replacing: (
        "for (int kx = 0; kx < side; kx++)", "for (int kx = side - 1; kx >= 0; kx--)"
      )),
    Fault(
      description: "rounds a step of Winograd's algorithm otherwise", difference: "convolution",
      replacing: ("m[0][o] + even_a + even_b", "m[0][o] + (even_a + even_b)")),
    Fault(
      description: "adds a whole batch in one chain", difference: "gradient of parameter",
      replacing: (
        "const int pieces = (images + piece - 1) / piece;",
        "const int pieces = 1;\n  piece = images;"
      )),
    Fault(
      description: "adds the pieces of a batch one after the other",
      difference: "gradient of parameter",
      replacing: (
        "sum = subtrees[level] + sum;\n    }\n    if (is_last) total = sum;",
        "{}\n    }\n    total += sum;\n    if (is_last) {}"
      )),
    Fault(
      description: "adds a batch's outer products in larger pieces",
      difference: "gradient of parameter", replacing: ("#define PIECE 8", "#define PIECE 16")),
    Fault(
      description: "adds pixels in other lanes", difference: "gradient of parameter",
      replacing: ("#define LANES (REAL_IS_DOUBLE ? 8 : 16)", "#define LANES 4")),
    Fault(
      description: "rounds products of vectors twice in binary64", difference: "a ball's scale",
      prelude: "#define WIDE_FMA(a, b, c) ((a) * (b) + (c))"),
    Fault(
      description: "has a square root of norms with an error of one unit in the last place",
      difference: "a step's scale", prelude: "#define WIDE_SQUARE_ROOT(a) nextafter(sqrt(a), 0.0)"),
    Fault(
      description: "packs Winograd's weights in binary32", difference: "output in training",
      replacing: (
        "scale_a * (column[0] + a2 * column[2])",
        "(float)scale_a * ((float)column[0] + (float)a2 * (float)column[2])"
      )),
    Fault(
      description: "divides in Adam before it multiplies", difference: "Adam in binary32",
      replacing: ("DIVIDE(step * first, denominator)", "step * DIVIDE(first, denominator)")),
    Fault(
      description: "rounds an attack's distances to nearest", difference: "a ball's scale",
      replacing: (
        "length = is_below ? nextafter(product, (double)INFINITY) : product;",
        "length = WIDE_SQUARE_ROOT(square);"
      )),
    Fault(
      description: "adds a gradient's squares from the end", difference: "a step's scale",
      replacing: (
        "for (int i = 0; i < columns; i++) sum += (double)g[i]",
        "for (int i = columns - 1; i >= 0; i--) sum += (double)g[i]"
      )),
    Fault(
      description: "divides by norms with an error of one unit in the last place",
      difference: "a step's scale", prelude: "#define WIDE_DIVIDE(a, b) nextafter((a) / (b), 0.0)"),
    Fault(
      description: "contracts a projection", difference: "a projection",
      replacing: (
        "clipped(center + (u[i] - center) * scales[i / columns])",
        "clipped(WIDE_FMA(u[i] - center, scales[i / columns], center))"
      )),
    Fault(
      description: "ends the search of a step to a hyperplane after one round",
      difference: "a step to a hyperplane",
      replacing: ("if (left == moving || left == 0", "if (moving >= 0 || left == 0")),
    Fault(
      description: "leaves out an attack's momentum", difference: "ascent with momentum",
      replacing: (" + (1 - share) * (current - (double)previous[i])", "")),
    Fault(
      description: "contracts weight decay", difference: "gradient descent in binary32",
      replacing: ("gradient[i] + decay * x[i]", "FMA(decay, x[i], gradient[i])")),
    Fault(
      description: "exchanges equal numbers", difference: "max and min of pairs",
      replacing: ("is_first ? x[i] < x[other]", "is_first ? x[i] <= x[other]")),
    Fault(
      description: "pools windows column by column", difference: "pool",
      replacing: ("corner[r * width * window + c]", "corner[c * width * window + r]")),
  ]

  @Test("is passed by a device that computes as IEEE 754 has it")
  func passes() throws {
    try Device(#require(AnyDevice.description)).compareWithCPU()
  }

  @Test("refuses a device that", arguments: faults)
  func refuses(_ fault: Fault) throws {
    let device = try Device(#require(AnyDevice.description), text: fault.text)
    let error = #expect(throws: DeviceError.self) { try device.compareWithCPU() }
    let message = error?.description ?? ""
    #expect(
      message.hasPrefix("device opencl:") && message.contains(fault.difference), "\(message)")
  }
}

// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify

/// What 'cpl-verify help TOPIC' tells beside the commands.
enum HelpTopic: String, CaseIterable, CustomStringConvertible {
  case exitCodes = "exit-codes"
  case formats
  case certificates

  var description: String { rawValue }

  /// The topic that a command line asks for; nil for any other command line.
  init?(_ arguments: [String]) {
    guard arguments.count == 3, arguments[1] == "help" else { return nil }
    self.init(rawValue: arguments[2])
  }

  func show() throws {
    for paragraph in paragraphs {
      for line in paragraph.lines { try Output.line(line) }
      try Output.line()
    }
    try Output.line("See also \(further).")
  }

  /// A text, or what a table says of a name.
  private struct Paragraph {
    var name = ""
    let text: String

    private static let width = 80
    private static let indent = 14

    /// The words in lines that fit a terminal, the name beside them.
    var lines: [String] {
      let indent = name.isEmpty ? 0 : Self.indent
      var lines = [name.padding(indent)]
      for word in text.split(separator: " ") {
        let line = lines[lines.count - 1]
        if line.count <= indent {
          lines[lines.count - 1] = line + word
        } else if line.count + word.count < Self.width {
          lines[lines.count - 1] = "\(line) \(word)"
        } else {
          lines.append("".padding(indent) + word)
        }
      }
      return lines
    }
  }

  private var paragraphs: [Paragraph] {
    switch self {
    case .exitCodes:
      [Paragraph(text: "The program ends with one of these codes, whatever it is asked.")]
        + Exit.meanings.map { Paragraph(name: "\($0.code)", text: $0.meaning) }
        + [
          Paragraph(
            text:
              "'audit', 'verify' and 'report' end with 1 when anything is violated, else with 2 "
              + "when anything is inconclusive; --allow-unproved makes 0 of certificates that are not "
              + "broken and are no proof. 'evaluate' ends with 1 when a --require is not met. What "
              + "was done before 130 and 143 is saved, and --resume continues it.")
        ]
    case .formats:
      [
        Paragraph(
          name: "weights",
          text:
            "read: this program's HDF5 (.h5), safetensors, PyTorch checkpoints with the published "
            + "names; written: HDF5 by 'train', HDF5 and safetensors by 'convert'. 'inspect' shows what "
            + "any of them holds and runs nothing in it."),
        Paragraph(
          name: "images",
          text: "a folder with CIFAR-10's or CIFAR-100's binary files, the IDX files of MNIST or "
            + "Fashion-MNIST, compressed or not, or NumPy's images.npy and labels.npy; or an .npz or HDF5 "
            + "file with images and labels, or x_test and y_test. Known data sets: "
            + DatasetDescriptor.all.map(\.name).joined(separator: ", ") + "."),
        Paragraph(
          name: "configuration",
          text: "YAML: experiments/*.yml, and run.yml in the folder of a training run."),
        Paragraph(
          name: "results",
          text:
            "HDF5, by --out. 'report' makes HTML, Markdown, JSON, JUnit and, with --csv, CSV of them; "
            + "--json prints the same JSON. Fractions are in [0, 1], radii in units of pixel values in "
            + "[0, 1] by the Euclidean norm."),
      ]
    case .certificates:
      [
        Paragraph(
          text:
            "A certificate is a radius around an image within which its class cannot change, if what "
            + "it takes for granted is true. From the weakest statement to the strongest:")
      ]
        + CertificateKind.allCases.map { kind in
          Paragraph(
            name: kind.rawValue,
            text: (kind.isProved ? "" : "No proof. ")
              + kind.certificate.statements.joined(separator: " ")
              + (kind.isCostly ? " It takes long, and is computed only where it is asked for." : "")
          )
        }
    }
  }

  private var further: String {
    switch self {
    case .exitCodes: "the section on verdicts in README.md"
    case .formats: "docs/formats.md, which has every field"
    case .certificates: "docs/soundness.md, which has the proofs"
    }
  }
}

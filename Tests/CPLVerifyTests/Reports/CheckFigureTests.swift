// SPDX-License-Identifier: Apache-2.0

import CPLReference
import CPLVerify
import Testing

@Suite("Figures of checks")
struct CheckFigureTests {
  private func figure(_ curves: [CheckFigure.Curve]) -> CheckFigure {
    CheckFigure("Distances", xLabel: "t", yLabel: "‖Δ‖", curves)
  }

  @Test("curves run from the origin's corner to the largest values, just below the frame")
  func corners() {
    let drawing = figure([
      CheckFigure.Curve("rising", x: [0, 1, 2], y: [0, 1, 4]),
      CheckFigure.Curve("flat", x: [0, 2], y: [2, 2]),
    ]).drawing
    #expect(drawing.contains("class=\"curve s0\" points=\"72.0,250.0 239.0,192.8 406.0,21.2\""))
    #expect(drawing.contains("class=\"curve s1\" points=\"72.0,135.6 406.0,135.6\""))
    #expect(drawing.contains(">rising</text>") && drawing.contains(">flat</text>"))
    #expect(figure([]).caption == "Distances: ‖Δ‖, by t")
  }

  @Test("long values beside the axis push the plot away, and their title stays clear of them")
  func margin() {
    let long = figure([CheckFigure.Curve("a", x: [0, 1], y: [0, 0.0005])]).drawing
    #expect(long.contains(">0.0001</text>") && long.contains("translate(14,"))
    // Six digits of 8.2 pixels, from 26 pixels on, where the title has ended.
    #expect(long.contains("<polyline class=\"curve s0\" points=\"81.2,"), "\(long)")
  }

  @Test("shares are shown in per cent, and are fractions in the file of numbers")
  func shares() throws {
    let epochs = (1...3).map {
      EpochRecord(epoch: $0, loss: 1, learningRate: 0.1, selectionAccuracy: 0.25 * Double($0))
    }
    var report = ReportSample.full()
    report.training = epochs
    let files = report.figures()
    let drawing = try #require(files.first { $0.name == "validation-accuracy.svg" }?.text)
    #expect(drawing.contains(">60 %</text>") && !drawing.contains(">0.6</text>"))
    let numbers = try #require(files.first { $0.name == "validation-accuracy.csv" }?.text)
    #expect(numbers.contains("accuracy,3.0,0.75"))
  }

  @Test("both axes say what they show")
  func titles() {
    let drawing = figure([CheckFigure.Curve("a", x: [0, 1], y: [0, 1])]).drawing
    #expect(drawing.contains(">t</text>") && drawing.contains("rotate(-90)\">‖Δ‖</text>"))
  }

  @Test("round numbers stand along both axes")
  func ticks() {
    let drawing = figure([CheckFigure.Curve("a", x: [0, 50], y: [-1, 1.6])]).drawing
    for label in ["0", "10", "20", "30", "40", "50", "-1", "-0.5", "0.5", "1", "1.5"] {
      #expect(drawing.contains(">\(label)</text>"), "\(label)")
    }
  }

  @Test("names are escaped, and what is not finite is left out")
  func stored() {
    let drawing = figure([
      CheckFigure.Curve("<a & b>", x: [0, 1, .nan, 2], y: [0, .infinity, 1, 1]),
      CheckFigure.Curve("b", x: [], y: []),
    ]).drawing
    #expect(drawing.contains(">&lt;a &amp; b&gt;</text>"))
    #expect(drawing.contains("points=\"72.0,250.0 406.0,21.2\""))
  }

  @Test(
    "no numbers, one number and numbers of all sizes can be drawn",
    arguments: [
      [], [0], [1], [.leastNonzeroMagnitude, 2 * .leastNonzeroMagnitude], [-1e308, 1e308],
      [1e308, 1.7e308], [-3, -2],
    ] as [[Double]])
  func extremes(values: [Double]) {
    let drawing = figure([CheckFigure.Curve("a", x: values, y: values)]).drawing
    #expect(!drawing.contains("nan") && !drawing.contains("inf"))
  }
}

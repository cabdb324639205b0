import CPLVerify
import Testing

@Suite("Figures of checks")
struct CheckFigureTests {
  private func figure(_ curves: [CheckFigure.Curve]) -> CheckFigure {
    CheckFigure("Distances", xLabel: "t", yLabel: "‖Δ‖", curves)
  }

  @Test("curves run from the origin's corner to the corner of the largest values")
  func corners() {
    let drawing = figure([
      CheckFigure.Curve("rising", x: [0, 1, 2], y: [0, 1, 4]),
      CheckFigure.Curve("flat", x: [0, 2], y: [2, 2]),
    ]).drawing
    #expect(drawing.contains("class=\"curve s0\" points=\"72.0,250.0 239.0,190.5 406.0,12.0\""))
    #expect(drawing.contains("class=\"curve s1\" points=\"72.0,131.0 406.0,131.0\""))
    #expect(drawing.contains(">rising</text>") && drawing.contains(">flat</text>"))
    #expect(figure([]).caption == "Distances: ‖Δ‖, by t")
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
    #expect(drawing.contains("points=\"72.0,250.0 406.0,12.0\""))
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

extension FaultMatrix {
  /// The matrix as an `svg` element that stands alone: a row a fault, a column a check; full squares
  /// are violated checks, darker where the check is named for the fault.
  public var drawing: String {
    let (left, top, cell) = (200, 130, 18)
    let (width, height) = (left + checks.count * cell + 10, top + (rows.count + 1) * cell + 10)
    var body = ""
    for (column, check) in checks.enumerated() {
      let x = left + column * cell + 13
      body += "<text transform=\"translate(\(x),\(top - 6)) rotate(-60)\">\(check)</text>\n"
    }
    let unfaultedRow = ("no fault", unfaulted.first ?? [], [String]())
    let lines = [unfaultedRow] + rows.map { ($0.fault.id, $0.results, $0.fault.namedChecks) }
    for (row, (name, results, named)) in lines.enumerated() {
      let y = top + row * cell
      body += "<text class=\"end\" x=\"\(left - 6)\" y=\"\(y + 13)\">\(name)</text>\n"
      for (column, result) in results.enumerated() {
        let style =
          switch result.verdict {
          case .violated: named.contains(result.id) ? "#b3261e" : "#e8a19c"
          case .inconclusive: "#d4a72c"
          case .holds: "#dfe7e1"
          case .notApplicable: "none"
          }
        body +=
          "<rect x=\"\(left + column * cell + 1)\" y=\"\(y + 1)\" width=\"\(cell - 2)\" "
          + "height=\"\(cell - 2)\" fill=\"\(style)\"><title>\(name), \(result.id): "
          + "\(result.verdict.rawValue)</title></rect>\n"
      }
    }
    return
      "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 \(width) \(height)\" "
      + "width=\"\(width)\" height=\"\(height)\" aria-label=\"Planted faults and checks\">\n"
      + "<style>text { font: 11px system-ui, sans-serif; fill: #57606a } .end { text-anchor: end }"
      + "</style>\n\(body)</svg>\n"
  }
}

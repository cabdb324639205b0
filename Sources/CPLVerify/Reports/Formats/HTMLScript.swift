// SPDX-License-Identifier: Apache-2.0

import CPLReference
import Foundation

/// What a page does beside being read: it copies commands, hands out its figures, and sorts tables. It works
/// without, and it loads nothing; the page's policy allows this text alone, by its digest.
///
/// No "<" and no "&" may be in it, so that a page is well-formed XML too.
enum HTMLScript {
  static let text = """
    (function () {
      var style = `\(FigureStyle.file)`;
      function button(name, label, act) {
        var element = document.createElement("button");
        element.type = "button";
        element.textContent = name;
        element.setAttribute("aria-label", label);
        element.addEventListener("click", function () { act(element); });
        return element;
      }
      function save(blob, name) {
        var link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = name;
        link.click();
      }
      document.querySelectorAll(".code").forEach(function (box) {
        var code = box.querySelector("code");
        box.append(button("Copy", "Copy the command", function (element) {
          function done() {
            element.textContent = "Copied";
            setTimeout(function () { element.textContent = "Copy"; }, 2000);
          }
          function select() {
            getSelection().selectAllChildren(code);
            document.execCommand("copy");
            done();
          }
          if (navigator.clipboard) {
            navigator.clipboard.writeText(code.textContent).then(done, select);
          } else { select(); }
        }));
      });
      document.querySelectorAll("figure").forEach(function (figure) {
        var svg = figure.querySelector("svg");
        if (!svg) { return; }
        var name = figure.dataset.name, box = svg.viewBox.baseVal;
        function text(scale) {
          var copy = svg.cloneNode(true);
          var rules = document.createElementNS(svg.namespaceURI, "style");
          rules.textContent = style;
          copy.prepend(rules);
          copy.setAttribute("width", box.width * scale);
          copy.setAttribute("height", box.height * scale);
          return new XMLSerializer().serializeToString(copy);
        }
        var tools = document.createElement("div");
        tools.className = "tools";
        tools.append(button("SVG", "Save " + name + " as SVG", function () {
          save(new Blob([text(1)], { type: "image/svg+xml" }), name + ".svg");
        }), button("PNG", "Save " + name + " as PNG", function () {
          var image = new Image();
          image.onload = function () {
            var canvas = document.createElement("canvas");
            canvas.width = image.width;
            canvas.height = image.height;
            var context = canvas.getContext("2d");
            context.fillStyle = "#ffffff";
            context.fillRect(0, 0, canvas.width, canvas.height);
            context.drawImage(image, 0, 0);
            canvas.toBlob(function (blob) { save(blob, name + ".png"); });
          };
          image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(text(4));
        }));
        figure.append(tools);
      });
      document.querySelectorAll("table.sortable").forEach(function (table) {
        var body = table.tBodies[0];
        table.querySelectorAll("thead th").forEach(function (head, column) {
          var name = head.textContent;
          if (!name) { return; }
          var sort = button(name, "Sort by " + name, function () {
            var falls = head.getAttribute("aria-sort") !== "descending";
            table.querySelectorAll("thead th").forEach(function (other) {
              other.removeAttribute("aria-sort");
            });
            head.setAttribute("aria-sort", falls ? "descending" : "ascending");
            function value(row) {
              var text = row.cells[column].textContent.replace("−", "-").replace(/,/g, "");
              var number = parseFloat(text.replace(/^[≤≥] ?/, ""));
              return isNaN(number) ? text : number;
            }
            Array.from(body.rows).sort(function (first, second) {
              var one = value(first), other = value(second);
              if (typeof one !== typeof other) { return typeof one === "number" ? -1 : 1; }
              var order = typeof one === "number" ? one - other : one.localeCompare(other);
              return falls ? -order : order;
            }).forEach(function (row) { body.append(row); });
          });
          head.replaceChildren(sort);
        });
      });
    })();
    """

  /// What the policy of a page allows.
  static let policy: String = {
    // With the line breaks that the template puts around it.
    let hex = Array(Digest.of("\n\(text)\n"))
    let bytes = stride(from: 0, to: hex.count, by: 2).compactMap {
      UInt8(String(hex[$0...$0 + 1]), radix: 16)
    }
    return "'sha256-\(Data(bytes).base64EncodedString())'"
  }()
}

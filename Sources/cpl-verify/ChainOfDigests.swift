import CPLReference
import CPLVerify
import Foundation

/// The chain from images to pages: each artefact names the digests of those that it was made of.
struct ChainOfDigests {
  struct Link: Encodable {
    enum State: String, Encodable { case holds, broken, unchecked }

    let link: String
    let state: State
    let detail: String
  }

  private let report: VerificationReport
  private let data: String?
  private let weights: String?
  private let pages: String?

  /// - Parameters:
  ///   - data: where the data set is now; nil for the folder that the results name.
  ///   - weights: where the weights are now; nil for the file that the results name.
  ///   - pages: the folder with the pages, if there is one.
  init(_ report: VerificationReport, data: String?, weights: String?, pages: String?) {
    self.report = report
    self.data = data
    self.weights = weights
    self.pages = pages
  }

  /// Every link, from the images on.
  func links() throws -> [Link] {
    var links = [link("test images → results", testImages)]
    let configuration = Result { try trainedConfiguration() }
    let checkpoint = Result { try readWeights() }
    links.append(
      link("images → configuration") { try trainingImages(try configuration.get()) })
    links.append(
      link("configuration → weights") {
        let identity = try configuration.get().identity()
        guard let origin = try checkpoint.get().run else {
          throw Unchecked("the weights do not name the run that made them")
        }
        return (Digest.of(identity), Digest.of(origin))
      })
    links.append(
      link("weights → results") {
        (try checkpoint.get().digest, try required(report.provenance.weightsDigest))
      })
    links.append(
      link("results → pages") {
        guard let pages else { throw Unchecked("name the folder with the pages by --out") }
        return (try required(report.contentDigest), try digestOfPages(pages))
      })
    return links
  }

  private struct Unchecked: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
  }

  /// A link holds when what is there has the digest that was noted of it.
  private func link(
    _ name: String, _ digests: () throws -> (found: String, noted: String)
  ) -> Link {
    do {
      let (found, noted) = try digests()
      return found == noted
        ? Link(link: name, state: .holds, detail: found)
        : Link(link: name, state: .broken, detail: "expected \(noted), found \(found)")
    } catch let error as ReferenceError {
      if case .missing = error {
        return Link(link: name, state: .unchecked, detail: "\(error)")
      }
      return Link(link: name, state: .broken, detail: "\(error)")
    } catch {
      return Link(link: name, state: .unchecked, detail: "\(error)")
    }
  }

  private func required(_ digest: String?) throws -> String {
    guard let digest else { throw Unchecked("the results do not name it") }
    return digest
  }

  private func testImages() throws -> (String, String) {
    let facts = report.provenance.data
    let noted = try required(facts.digest)
    guard facts.shard == nil else {
      throw Unchecked("these are one shard's results; 'report' puts all shards together")
    }
    let rows = report.certificates?.indices ?? report.audit?.images.map(\.index)
    let all = try images(.test, facts.folder, kind: facts.name)
    return (try all.subset(rows ?? Array(0..<(facts.images ?? 0))).digest, noted)
  }

  private func images(
    _ split: ImageDataset.Split, _ folder: String?, kind: String?
  ) throws -> ImageDataset {
    guard let folder = data ?? folder else {
      return SyntheticImages.make(seed: DataOptions.syntheticSeed, split: split)
    }
    return try CIFARBinary.read(
      folder, split: split, kind: kind.flatMap(CIFARBinary.Kind.init(rawValue:)))
  }

  private func trainedConfiguration() throws -> RunConfiguration {
    // Of another program's weights the results hold what had to be assumed, as comments.
    guard let yaml = report.provenance.configuration,
      yaml.split(separator: "\n").contains(where: { !$0.hasPrefix("#") })
    else {
      throw Unchecked("the results name no training configuration")
    }
    return try RunConfiguration(yaml: yaml, path: "configuration in the results")
  }

  private func trainingImages(_ run: RunConfiguration) throws -> (String, String) {
    guard let noted = run.images.digest else {
      throw Unchecked("the configuration does not name its images")
    }
    // The configuration tells the folder's name alone; it is taken to be where that of the test
    // images is.
    let folder = run.images.data.map { report.provenance.data.folder ?? $0 }
    let all = try images(.train, folder, kind: run.images.dataset)
    if let limit = run.images.limit { return (all.prefix(limit).digest, noted) }
    let indices = run.images.indices.flatMap(Indices.init(argument:))
    return (try (indices.map { try all.subset($0.positions) } ?? all).digest, noted)
  }

  private func readWeights() throws -> Checkpoint {
    guard let path = weights ?? report.provenance.weights else {
      throw Unchecked("the results do not name a file of weights")
    }
    return try Checkpoint(path: path)
  }

  private func digestOfPages(_ folder: String) throws -> String {
    struct Page: Decodable { let contentDigest: String? }
    func contents(_ name: String) throws -> Data {
      guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else {
        throw ReferenceError.missing(path: "\(folder)/\(name)")
      }
      return data
    }
    let path = "\(folder)/report.json"
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let bytes = try contents("report.json")
    guard let digest = try? decoder.decode(Page.self, from: bytes).contentDigest else {
      throw ReferenceError.invalid(
        path: path, location: "", expected: "a report with 'content_digest'",
        found: "something else")
    }
    for name in ["report.html", "report.md"] {
      let text = String(decoding: try contents(name), as: UTF8.self)
      guard text.contains(digest) else {
        throw ReferenceError.invalid(
          path: "\(folder)/\(name)", location: "",
          expected: "the digest of the results \(digest)", found: "another page")
      }
    }
    return digest
  }
}

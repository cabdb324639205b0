// SPDX-License-Identifier: Apache-2.0

import Foundation
import PackagePlugin

/// Writes the version and the commit that are being built into a source file, so that the program can
/// say in every artefact what it was built from. It is done again when the repository's head, its
/// index or a source file changes; a prebuild command would be left out of builds in which no file
/// comes or goes. The file is touched only when its content changes.
@main
struct BuildCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let folder = context.package.directoryURL
    let output = context.pluginWorkDirectoryURL.appending(path: "BuildCommit.swift")
    let script = """
      cd "$1" || exit 1
      commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
      changes=$(git --no-optional-locks status --porcelain 2>/dev/null | head -n 1)
      [ "$commit" = unknown ] || [ -z "$changes" ] || commit=$commit-dirty
      text="let buildVersion = \\"$(cat VERSION)\\"
      let buildCommit = \\"$commit\\""
      [ "$(cat "$2" 2>/dev/null)" = "$text" ] || echo "$text" > "$2"
      """
    let sources = context.package.targets.compactMap { $0 as? any SourceModuleTarget }
      .flatMap { $0.sourceFiles.map(\.url) }
    return [
      .buildCommand(
        displayName: "Noting the commit", executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: ["-c", script, "sh", folder.path, output.path],
        inputFiles: repositoryState(of: folder) + [folder.appending(path: "VERSION")] + sources,
        outputFiles: [output])
    ]
  }

  /// The files that git writes when the head moves or the index changes; none outside a repository.
  private func repositoryState(of folder: URL) -> [URL] {
    var repository = folder.appending(path: ".git")
    // In a work tree of its own, a file that tells where its state is.
    if let text = try? String(contentsOf: repository, encoding: .utf8), text.hasPrefix("gitdir: ") {
      let path = text.dropFirst(8).trimmingCharacters(in: .newlines)
      repository = URL(fileURLWithPath: path, relativeTo: folder)
    }
    return ["HEAD", "logs/HEAD", "index"].map { repository.appending(path: $0) }
      .filter { FileManager.default.fileExists(atPath: $0.path) }
  }
}

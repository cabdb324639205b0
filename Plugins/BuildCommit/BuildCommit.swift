import Foundation
import PackagePlugin

/// Writes the commit that is being built into a source file, so that the program can say in every
/// artefact what it was built from. The file is touched only when its content changes.
@main
struct BuildCommit: BuildToolPlugin {
  func createBuildCommands(context: PluginContext, target: any Target) throws -> [Command] {
    let output = context.pluginWorkDirectoryURL
    let script = """
      cd "$1" || exit 0
      commit=$(git rev-parse HEAD 2>/dev/null || echo unknown)
      if [ "$commit" != unknown ] && [ -n "$(git status --porcelain 2>/dev/null | head -n 1)" ]; then
        commit=$commit-dirty
      fi
      text="let buildCommit = \\"$commit\\""
      [ "$(cat "$2/BuildCommit.swift" 2>/dev/null)" = "$text" ] || echo "$text" > "$2/BuildCommit.swift"
      """
    return [
      .prebuildCommand(
        displayName: "Noting the commit", executable: URL(fileURLWithPath: "/bin/sh"),
        arguments: ["-c", script, "sh", context.package.directoryURL.path, output.path],
        outputFilesDirectory: output)
    ]
  }
}

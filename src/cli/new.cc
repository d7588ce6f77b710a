// tidemark new: makes the folder of a job project.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/job_template.h"

namespace tidemark {
namespace {

Result<> write_new_file(FileSystem& files, const std::string& path, std::string_view text) {
  TIDEMARK_ASSIGN(file, files.create(path, CreateMode::kExclusive));
  TIDEMARK_TRY(file->append(text));
  return file->close();
}

Result<ExitStatus> make_project(Cli& cli, const std::string& name) {
  if (const Result<> sound = check_project_name(name); !sound) {
    cli.err(fmt::format("tidemark new: {}", sound.error().message()));
    return ExitStatus::kUsage;
  }
  FileSystem& files = *cli.env.files;
  const Result<FileInfo> there = files.stat(name);
  if (there) {
    return fail(ErrorCode::kAlreadyExists,
                fmt::format("'{}' is there already, and is left as it is: choose another name", name));
  }
  if (there.error().code() != ErrorCode::kNotFound) return std::unexpected{there.error()};
  TIDEMARK_TRY(files.make_directories(name));
  std::string made;
  for (const TemplateFile& file : job_template(name)) {
    TIDEMARK_TRY(write_new_file(files, join_path(name, file.path), file.text));
    made += fmt::format("{}{}", made.empty() ? "" : ", ", file.path);
  }
  cli.out(
      fmt::format("Made {0}: {1}. To build and run it:\n"
                  "  cd {0} && cmake -B build && cmake --build build\n"
                  "  build/{0}",
                  name, made));
  return ExitStatus::kDone;
}

}  // namespace

void add_new_command(CLI::App& app, Cli& cli) {
  const auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("new", "Make the folder of a new job project");
  command->add_option("name", *name, "Of the folder, which must not be there, of the program and of the job")
      ->required();
  command->callback([&cli, name] { cli.chosen = [&cli, name] { return make_project(cli, *name); }; });
}

}  // namespace tidemark

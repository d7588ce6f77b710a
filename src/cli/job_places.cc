#include "cli/job_places.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <ranges>

#include "control/control_folder.h"
#include "env/file_urls.h"
#include "snapshot/job_folders.h"

namespace tidemark {
namespace {

std::string without_last_slashes(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  return path;
}

/// Those with checkpoints on a storage: the one that `path` names, or all whose --checkpoint-dir it is.
Result<std::vector<JobPlace>> on_storages(FileSystem& files, const std::string& root, const std::string& path) {
  std::vector<JobPlace> places;
  TIDEMARK_ASSIGN(below, controlled_jobs(files, root, path));
  for (const std::string& job : below) places.push_back({join_path(path, job), control_folder(root, path, job)});
  if (!places.empty()) return places;
  const std::string dir = parent_path(path);
  TIDEMARK_ASSIGN(beside, controlled_jobs(files, root, dir));
  for (const std::string& job : beside) {
    if (path.ends_with("/" + job)) places.push_back({path, control_folder(root, dir, job)});
  }
  return places;
}

}  // namespace

Result<std::vector<JobPlace>> job_places(FileSystem& files, const std::string& control_root, const std::string& path) {
  std::vector<JobPlace> places;
  const auto folders = job_folders(files, without_file_scheme(path));
  if (folders) {
    for (const std::string& folder : *folders) places.push_back({folder, folder});
  }
  auto found = on_storages(files, control_root, without_last_slashes(path));
  if (!found && places.empty()) return std::unexpected{found.error()};
  std::vector<JobPlace> others = found ? std::move(*found) : std::vector<JobPlace>{};
  if (!folders && others.empty()) {
    return fail(folders.error().code(),
                fmt::format("{}; and no job of this user runs on this machine that keeps its checkpoints there on a storage "
                            "of its own",
                            folders.error().message()));
  }
  for (JobPlace& other : others) {
    const auto same = std::ranges::find_if(places, [&](const JobPlace& place) {
      return without_last_slashes(place.folder) == without_file_scheme(other.folder);
    });
    if (same == places.end()) {
      places.push_back(std::move(other));
    } else if (!files.stat(join_path(same->socket_folder, kControlSocket))) {
      *same = std::move(other);  // the name means something in both worlds; this one has a job that runs
    }
  }
  return places;
}

Result<JobPlace> job_place(FileSystem& files, const std::string& control_root, const std::string& path) {
  TIDEMARK_ASSIGN(found, job_places(files, control_root, path));
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return fail(ErrorCode::kNotFound,
                fmt::format("'{}' is no job's folder of checkpoints, nor is there one in it", path));
  }
  return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' holds several jobs: name one of {}", path,
                                                       fmt::join(found | std::views::transform(&JobPlace::folder), ", ")));
}

}  // namespace tidemark

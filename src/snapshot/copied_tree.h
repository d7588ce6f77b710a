// For tests that read what lies on the disk in files in memory, and write what shall lie there.
#pragma once

#include <string>

#include "env/file_system.h"

namespace tidemark {

/// A folder with all that is in it, as another folder; the files of that name there are replaced.
inline void copy_tree(FileSystem& from, const std::string& source, FileSystem& to, const std::string& target) {
  value_or_throw(to.make_directories(target));
  for (const DirectoryEntry& entry : value_or_throw(from.list(source))) {
    const std::string source_path = join_path(source, entry.name);
    const std::string target_path = join_path(target, entry.name);
    if (entry.is_directory) {
      copy_tree(from, source_path, to, target_path);
    } else {
      value_or_throw(replace_file(to, target_path, value_or_throw(read_file(from, source_path))));
    }
  }
}

}  // namespace tidemark

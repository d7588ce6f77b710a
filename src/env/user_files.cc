#include "env/user_files.h"

#include <sys/stat.h>
#include <unistd.h>

namespace tidemark {
namespace {

bool is_of_user(const std::string& path, mode_t type) {
  struct stat info;
  return ::lstat(path.c_str(), &info) == 0 && (info.st_mode & S_IFMT) == type && info.st_uid == ::geteuid();
}

}  // namespace

bool is_user_file(const std::string& path) { return is_of_user(path, S_IFREG); }

bool is_user_folder(const std::string& path) { return is_of_user(path, S_IFDIR); }

bool keep_for_user(const std::string& folder) { return ::chmod(folder.c_str(), 0700) == 0; }

}  // namespace tidemark

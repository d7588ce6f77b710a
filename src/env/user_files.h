// Whose files these are: for a folder that other users may write to, too, as /tmp is.
//
// Any thread. Of the machine's own file system, not of a FileSystem; errors are answers.
#pragma once

#include <string>

namespace tidemark {

/// A regular file or a folder that belongs to this process's user, and no link, by which another user could have anything
/// emptied or removed.
bool is_user_file(const std::string& path);
bool is_user_folder(const std::string& path);

/// Nobody else may look into the folder from now on. False if its file system does not do that.
bool keep_for_user(const std::string& folder);

}  // namespace tidemark

// Whose files these are: for a folder that other users may write to, too, as /tmp is.
//
// Any thread. Of the machine's own file system, not of a FileSystem; errors are answers, but of what is made.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tidemark {

/// A regular file or a folder that belongs to this process's user, and no link, by which another user could have anything
/// emptied or removed.
bool is_user_file(const std::string& path);
bool is_user_folder(const std::string& path);

/// Nobody else may look into the folder from now on. False if its file system does not do that.
bool keep_for_user(const std::string& folder);

/// A folder of the user's that nobody else may look into or change: what lies there the user has put there.
bool is_private_folder(const std::string& path);
/// After return is_private_folder(); the folder above must be there. kPermissionDenied if the name is another user's or a link.
Result<> make_private_folder(const std::string& path);

/// The user, and nobody else, may read and run the file from now on, and nobody change it.
Result<> make_runnable(const std::string& file);

/// The user's number.
std::uint32_t user_id();

}  // namespace tidemark

// Names of Unix sockets: the address of one has room for 107 bytes, and folders have longer names. So a socket is reached
// by its folder's descriptor, whatever that is called.
//
// Threads: any. Ownership: the name is good as long as the object lives.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace tidemark {

class UnixSocketName {
 public:
  /// Of the socket `name`, which need not be there, in `folder`, which must.
  static Result<UnixSocketName> in(const std::string& folder, std::string name);
  ~UnixSocketName();
  UnixSocketName(UnixSocketName&& other) noexcept;
  UnixSocketName& operator=(UnixSocketName&&) = delete;

  /// For bind() and connect() of this process.
  const std::string& address() const { return address_; }
  /// Whether a socket of that name is there.
  bool exists() const;
  /// Removes the name; no error if it is not there. kFailedPrecondition if it is no socket's.
  Result<> remove() const;
  /// After bind(): the socket that is there now is this process's.
  void note_bound();
  /// Removes the name if it is still that socket's: another process may have put its own there.
  void remove_bound() const;

 private:
  UnixSocketName(int folder, std::string shown, std::string name);

  int folder_;         // descriptor
  std::string shown_;  // the whole path, for people
  std::string name_;
  std::string address_;
  std::uint64_t bound_ = 0;  // its inode; 0: none
};

/// Before bind(): the socket's name will be open to its owner alone.
void keep_socket_to_owner(int socket) noexcept;

}  // namespace tidemark

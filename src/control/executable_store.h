// Executables of jobs by their content: the uploads of a JobManager, and what a TaskManager has fetched.
//
// A folder `<hash>` each with the executable and what is known of it; one that is not whole is never seen, as it is
// put in place by a rename, with everything on disk. The hash is SHA-256, in hex: names come over the network, and are checked
// to be one before they are a path. Threads: any. Ownership: files and clock outlive it. What is wrong with the disk says which
// file and what.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "env/env.h"

namespace tidemark {

/// What is known of an executable.
struct Executable {
  std::string hash;
  std::string name;  ///< of the file as it was uploaded: "orders"
  std::uint64_t bytes = 0;
  std::int64_t uploaded_ms = 0;  ///< since 1970 UTC
};

/// Whether it is 64 lowercase hexadecimal digits.
bool is_executable_hash(std::string_view hash);

/// The hashes of those that may go: not `in_use`, and none of the newest. `all` is oldest first.
std::vector<std::string> beyond_newest(const std::vector<Executable>& all, std::size_t newest, const std::set<std::string>& in_use);

class ExecutableStore {
 public:
  /// `folder` is made if need be; half-written files in it are removed, so nobody else may be using it.
  static Result<ExecutableStore> open(FileSystem& files, const Clock& clock, std::string folder);

  /// An upload that comes in parts. Gone without a trace if it is destroyed before finish().
  class Upload {
   public:
    Upload(Upload&&) noexcept;
    Upload& operator=(Upload&&) = delete;
    ~Upload();
    Result<> append(std::string_view bytes);
    /// Once. kInvalidArgument for what is no executable of this machine (ELF), or where `expected_hash` is given and not its
    /// hash. Of content that is there already, that is answered.
    Result<Executable> finish(std::string_view expected_hash = {});

   private:
    friend class ExecutableStore;
    struct State;
    explicit Upload(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
  };
  /// `name`: what remains of it is its last part, without what is no letter, digit or one of "._-".
  Result<Upload> begin(std::string_view name);

  /// By the time of upload.
  Result<std::vector<Executable>> list() const;
  /// kNotFound, too, for what is no hash.
  Result<Executable> find(std::string_view hash) const;
  /// To be run. find() has found it.
  std::string path_of(std::string_view hash) const;
  /// At most `most` bytes of it.
  Result<std::string> read(std::string_view hash, std::uint64_t offset, std::size_t most) const;
  Result<> remove(std::string_view hash);

 private:
  ExecutableStore(FileSystem& files, const Clock& clock, std::string folder);
  std::string folder_of(std::string_view hash) const;
  std::string scratch_folder();

  FileSystem* files_;
  const Clock* clock_;
  std::string folder_;
  std::unique_ptr<std::atomic<std::uint64_t>> last_scratch_;  // names of what is being written or removed
};

}  // namespace tidemark

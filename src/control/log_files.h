// Logs as they are asked for over HTTP: those in a folder, and what this process itself has logged lately. Any thread; waits for the disk.
#pragma once

#include <string>

#include "control/http.h"
#include "env/file_system.h"

namespace tidemark {

class LogFiles {
 public:
  /// `own`: under which name the lines of this process are listed. `folder`: of other logs; empty: there are none. `files` outlive it.
  LogFiles(FileSystem& files, std::string folder, std::string own)
      : files_{files}, folder_{std::move(folder)}, own_{std::move(own)} {}

  /// {"logs": [{"name", "size", "mtime"}]}
  HttpResponse list() const;
  /// A part of one of those, as text: at most 1 MiB from `offset` of the query, without it the last; 404 for whatever is not listed.
  HttpResponse read(const std::string& name, const HttpRequest& request) const;
  HttpResponse read_own(const HttpRequest& request) const { return read(own_, request); }
  /// To /stdout: nobody keeps it.
  HttpResponse refuse_stdout() const;

 private:
  Result<std::string> bytes_of(const std::string& name, std::uint64_t offset, bool from_end) const;

  FileSystem& files_;
  const std::string folder_;
  const std::string own_;
};

}  // namespace tidemark

// How sinks and sources write and read records as text, and how files of it are packed.
#pragma once

#include <cstdint>

namespace tidemark {

/// A JSON object a line.
struct JsonFormat {};
inline JsonFormat as_json() { return {}; }

/// A line of CSV (RFC 4180) a record; the record is flat.
struct CsvOptions {
  bool header = true;  ///< each file begins with the names of the columns; without it, they are the fields in their order
  char delimiter = ',';
};
struct CsvFormat {
  CsvOptions options;
};
inline CsvFormat as_csv(CsvOptions options = {}) { return {options}; }

/// The line itself: a text, or a record whose only field is one.
struct TextFormat {};
inline TextFormat as_text() { return {}; }

/// How a file is packed.
enum class Compression : std::uint8_t {
  kByName,  ///< gzip if its name ends in .gz, zstd if it ends in .zst, else not
  kNone,
  kGzip,  ///< one or more members
  kZstd,  ///< one or more frames
};

}  // namespace tidemark

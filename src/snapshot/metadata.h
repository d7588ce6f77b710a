// The `_metadata` of a checkpoint as bytes, version 1: a prelude, then checksummed sections; docs/snapshot-format.md
// has the layout. Pure, any thread. A section of a type that is not known is skipped, unless it is marked critical.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

inline constexpr std::uint32_t kMetadataVersion = 1;
inline constexpr std::uint64_t kLargestMetadata = 512u << 20;

/// Whether a file of a store may have that name: it becomes a part of the name of a file.
bool is_store_file_name(std::string_view name);

/// kResourceExhausted where it would be larger than kLargestMetadata.
Result<std::string> encode_metadata(const CheckpointMetadata& metadata);

/// What encode_metadata() was given. kDataLoss for damage, kUnsupportedVersion for what a newer Tidemark wrote; both
/// messages begin with `path`.
Result<CheckpointMetadata> decode_metadata(std::string_view bytes, const std::string& path);

}  // namespace tidemark

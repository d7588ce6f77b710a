// Which types of users' values stand in a checkpoint among the bytes of a source or a sink: splits, positions, committables.
// Pure; any thread.
#pragma once

#include <vector>

#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/detail/model/kept_values.h"

namespace tidemark {

/// Each name and schema once, in the order in which they are found. What is of no user's type, or not what a source or a sink
/// writes, has none.
std::vector<KeptType> kept_types(const CheckpointMetadata::Operator& from);

}  // namespace tidemark

// Which parts of a state's entries always have the same size, so that a snapshot's file need not say it for each entry.
// Pure; any thread.
#pragma once

#include "snapshot/format.h"
#include "tidemark/detail/model/checkpoint.h"

namespace tidemark {

/// By the schemas of `state`, which the codec made. Map keys have no part of their own: a map is one value.
EntryLayout entry_layout(const StateDescriptor& state);

}  // namespace tidemark

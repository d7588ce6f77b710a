// A job of what the others lack: joins of which one stream has one record a key, sources in two stages, the second of them the
// user's, windows by local days and by the wall clock, and a sink of the user's that commits in two phases. Run in memory, and
// all the rows that it gives.
//
// tests/compat/v1 holds checkpoints of it, so in its first version names and types stay as they are.
#pragma once

#include "halved_job.h"

namespace tidemark::deals {

HalvedJob job();

}  // namespace tidemark::deals

// A job of the operators that keep state of their own: windows of each kind, joins, tables, requests on their way, and sources
// with splits, one of them the user's. Run in memory, and all the rows that it gives.
//
// tests/compat/v1 holds checkpoints of it, so in its first version names and types stay as they are.
#pragma once

#include "halved_job.h"

namespace tidemark::visits {

HalvedJob job();

}  // namespace tidemark::visits

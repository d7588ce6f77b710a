// Which messages a job's master and its workers say to each other.
#pragma once

#include "control/message_line.h"

namespace tidemark {

/// What a master sends, and a worker takes.
Vocabulary words_to_workers();
/// What a worker sends, and a master takes.
Vocabulary words_to_masters();

}  // namespace tidemark

// The names that threads have for people: in thread dumps, in top and in gdb.
#pragma once

#include <pthread.h>

namespace tidemark {

/// Of the thread that calls; at most 15 characters.
inline void name_this_thread(const char* name) noexcept { ::pthread_setname_np(::pthread_self(), name); }

}  // namespace tidemark

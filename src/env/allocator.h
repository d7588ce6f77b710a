// The allocator of the whole process.
#pragma once

namespace tidemark {

/// Keeps some freed memory for what comes next instead of giving it back at once. For a process whose threads hand large buffers to one
/// another all the time: without it each buffer costs the kernel as many page faults as it has pages. Up to 20 MiB a thread stay.
/// Before there are threads.
void keep_freed_memory();

}  // namespace tidemark

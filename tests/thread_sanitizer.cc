// Of every test under the thread sanitizer. RocksDB is not built for it, which so sees the library's accesses to memory and
// none of its locks.
extern "C" const char* __tsan_default_suppressions() { return "race:librocksdb.so\n"; }

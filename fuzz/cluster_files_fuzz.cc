// What a cluster's processes leave each other in files and environments, of this version or another, whole or damaged: records of jobs, what an
// executable says of itself, the JobManager's EPOCH, a worker's order. It is read as it was written, or refused for a reason.
#include <cstring>
#include <string>
#include <string_view>

#include "control/described_value.h"
#include "control/worker_order.h"
#include "coordinator/job_store.h"
#include "env/memory_file_system.h"
#include "fuzz/input.h"
#include "fuzz/target.h"
#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/hash.h"

namespace tidemark::fuzz {
namespace {

constexpr std::size_t kHashAt = 8;
constexpr std::size_t kBodyAt = 16;
const std::string kId = "0123456789abcdef0123456789abcdef";

/// Makes the checksum right, so that a fuzzer's changes get behind it.
std::string sealed(std::string_view described) {
  std::string bytes{described};
  if (bytes.size() < kBodyAt) return bytes;
  const std::uint64_t hash = detail::hash_bytes(std::string_view{bytes}.substr(kBodyAt));
  std::memcpy(bytes.data() + kHashAt, &hash, sizeof hash);
  return bytes;
}

template <class T>
void check_described(std::string_view bytes) {
  const auto value = from_described<T>(bytes);
  if (!value) {
    TIDEMARK_CHECK(!value.error().message().empty(), "what is refused is refused for a reason");
    return;
  }
  const std::string once = to_described(*value);
  const auto again = from_described<T>(once);
  TIDEMARK_CHECK(again && to_described(*again) == once, "a value reads back as it was written");
}

template <class T>
void check_written(Input in) {
  const std::string once = to_described(any_value<T>(in, Values::kAny));
  const auto again = from_described<T>(once);
  TIDEMARK_CHECK(again && to_described(*again) == once, "what is written can be read");
}

void put(FileSystem& files, const std::string& path, std::string_view bytes) {
  TIDEMARK_CHECK(replace_file(files, path, bytes).has_value(), "memory takes a file");
}

/// Whatever stands in the folder: it opens at a later epoch, and loses no record that it can't read, or says why it does not.
void check_folder(std::string_view record, std::string_view epoch) {
  MemoryFileSystem files;
  TIDEMARK_CHECK(files.make_directories("/jm/jobs").has_value(), "memory takes a folder");
  put(files, "/jm/jobs/" + kId, record);
  put(files, "/jm/EPOCH", epoch);
  const auto store = JobStore::open(files, "/jm");
  if (!store) {
    TIDEMARK_CHECK(store.error().message().contains("EPOCH"), "a refusal names the file");
    return;
  }
  const auto records = (*store)->read_all();
  if (!records) {
    TIDEMARK_CHECK(records.error().code() == ErrorCode::kUnsupportedVersion && records.error().message().contains(kId),
                   "only what another version can read keeps a JobManager from starting, which names the record");
  }
  TIDEMARK_CHECK((*store)->epoch() > 0, "an epoch begins");
}

void check_order(std::string_view text) {
  const auto order = parse_worker_order(text);
  if (!order) return;
  const std::string once = to_text(*order);
  const auto again = parse_worker_order(once);
  TIDEMARK_CHECK(again && to_text(*again) == once, "an order reads back as it was written");
}

void check(std::string_view input) {
  check_order(input);
  check_folder(input, input.substr(0, 40));
  if (!input.starts_with("TMDV")) return check_written<JobRecord>(Input{input});
  const std::string bytes = sealed(input);
  check_described<JobRecord>(bytes);
  check_described<JobDescription>(bytes);
  check_folder(bytes, "1\n");
}

const Registration kTarget{"cluster_files", check};

}  // namespace
}  // namespace tidemark::fuzz

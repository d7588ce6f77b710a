#include "control/executable_store.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "base/log.h"
#include "control/described_value.h"
#include "env/sha256.h"
#include "env/user_files.h"
#include "tidemark/detail/base/check.h"

namespace tidemark {
namespace {

constexpr std::string_view kExecutableName = "executable";
constexpr std::string_view kAboutName = "about";
constexpr std::string_view kScratchPrefix = "scratch-";
constexpr std::size_t kMostNameBytes = 128;
constexpr std::uint64_t kMostAboutBytes = 1u << 20;

std::string executable_in(const std::string& folder) { return join_path(folder, kExecutableName); }

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}

// What a client calls its file is anything.
std::string plain_name(std::string_view name) {
  name = name.substr(name.find_last_of("/\\") + 1);
  std::string plain;
  std::ranges::copy_if(name.substr(0, 4 * kMostNameBytes), std::back_inserter(plain), is_plain);
  plain.resize(std::min(plain.size(), kMostNameBytes));
  return plain.find_first_not_of('.') == std::string::npos ? "job" : plain;
}

// What the first bytes of an ELF file say: <elf.h>, whose names only this needs.
constexpr std::size_t kElfHeader = 20;
#if defined(__x86_64__)
constexpr int kThisMachine = 62;
#elif defined(__aarch64__)
constexpr int kThisMachine = 183;
#else
constexpr int kThisMachine = -1;  // not looked at
#endif

std::string_view why_no_executable(std::string_view header) {
  const auto u16 = [&](std::size_t at) {
    return static_cast<unsigned char>(header[at]) | static_cast<unsigned char>(header[at + 1]) << 8;
  };
  if (!header.starts_with("\x7f"
                          "ELF") ||
      header.size() < kElfHeader) {
    return "it is no executable (ELF): give the job's program, as the compiler made it";
  }
  constexpr char k64Bits = 2, kLittleEndian = 1;
  constexpr int kProgram = 2, kShared = 3;  // those that run at any address are shared objects to ELF
  const int type = header[5] == kLittleEndian ? u16(16) : 0;
  if (header[4] == k64Bits && type != kProgram && type != kShared) return "it is no whole program: link it";
  if (header[4] != k64Bits || header[5] != kLittleEndian || (kThisMachine >= 0 && u16(18) != kThisMachine)) {
    return "it is built for machines of another kind than this: build it for this one";
  }
  return {};
}

Result<Executable> read_about(FileSystem& files, const std::string& folder) {
  const std::string path = join_path(folder, kAboutName);
  TIDEMARK_ASSIGN(bytes, read_file(files, path, kMostAboutBytes));
  auto about = from_described<Executable>(bytes);
  if (!about) return std::unexpected{about.error().within(path)};
  return about;
}

Result<> write_about(FileSystem& files, const std::string& folder, const Executable& about) {
  return replace_file(files, join_path(folder, kAboutName), to_described(about));
}

}  // namespace

bool is_executable_hash(std::string_view hash) {
  return hash.size() == 64 && hash.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

struct ExecutableStore::Upload::State {
  FileSystem& files;
  const Clock& clock;
  const std::string store;
  const std::string folder;  // of this upload
  const std::string name;
  std::unique_ptr<WritableFile> file;
  Sha256 hash;
  std::string header = {};  // the first bytes

  ~State() {
    file.reset();
    if (const auto removed = remove_tree(files, folder); !removed) log_warning(removed.error().message());
  }

  Result<Executable> take_place(const Executable& about);
};

// A rename fails where the place is taken: by the same content, which somebody else has put there.
Result<Executable> ExecutableStore::Upload::State::take_place(const Executable& about) {
  const std::string place = join_path(store, about.hash);
  if (auto present = read_about(files, place)) return present;
  const std::string path = executable_in(folder);
  if (const std::string local = files.local_path(path); !local.empty()) TIDEMARK_TRY(make_runnable(local));
  TIDEMARK_TRY(write_about(files, folder, about));
  if (const auto renamed = files.rename(folder, place); !renamed) {
    if (auto present = read_about(files, place)) return present;
    return std::unexpected{renamed.error()};
  }
  TIDEMARK_TRY(files.sync_directory(store));
  return about;
}

std::vector<std::string> beyond_newest(const std::vector<Executable>& all, std::size_t newest, const std::set<std::string>& in_use) {
  std::vector<std::string> hashes;
  for (std::size_t i = 0; i + newest < all.size(); ++i) {
    if (!in_use.contains(all[i].hash)) hashes.push_back(all[i].hash);
  }
  return hashes;
}

ExecutableStore::Upload::Upload(std::unique_ptr<State> state) : state_{std::move(state)} {}
ExecutableStore::Upload::Upload(Upload&&) noexcept = default;
ExecutableStore::Upload::~Upload() = default;

Result<> ExecutableStore::Upload::append(std::string_view bytes) {
  std::string& header = state_->header;
  header.append(bytes.substr(0, kElfHeader - header.size()));
  state_->hash.append(bytes);
  return state_->file->append(bytes);
}

Result<Executable> ExecutableStore::Upload::finish(std::string_view expected_hash) {
  State& state = *state_;
  const Executable about{
      .hash = state.hash.finish_hex(), .name = state.name, .bytes = state.file->size(), .uploaded_ms = state.clock.wall_ms()};
  if (!expected_hash.empty() && about.hash != expected_hash) {
    return fail(ErrorCode::kInvalidArgument,
                fmt::format("what came of '{}' has the hash {} and not {}: it was damaged on its way, or "
                            "is another file",
                            state.name, about.hash, expected_hash));
  }
  if (const auto why = why_no_executable(state.header); !why.empty()) {
    return fail(ErrorCode::kInvalidArgument, fmt::format("'{}' can't be run as a job: {}", state.name, why));
  }
  TIDEMARK_TRY(state.file->sync());
  TIDEMARK_TRY(state.file->close());
  return state.take_place(about);
}

Result<ExecutableStore> ExecutableStore::open(FileSystem& files, const Clock& clock, std::string folder) {
  TIDEMARK_TRY(make_durable_directories(files, folder));
  folder = files.absolute_path(folder);
  TIDEMARK_ASSIGN(entries, files.list(folder));
  for (const DirectoryEntry& entry : entries) {
    if (entry.name.starts_with(kScratchPrefix)) TIDEMARK_TRY(remove_tree(files, join_path(folder, entry.name)));
  }
  return ExecutableStore{files, clock, std::move(folder)};
}

ExecutableStore::ExecutableStore(FileSystem& files, const Clock& clock, std::string folder)
    : files_{&files},
      clock_{&clock},
      folder_{std::move(folder)},
      last_scratch_{std::make_unique<std::atomic<std::uint64_t>>(0)} {}

std::string ExecutableStore::folder_of(std::string_view hash) const { return join_path(folder_, hash); }

std::string ExecutableStore::scratch_folder() {
  return join_path(folder_, fmt::format("{}{}", kScratchPrefix, last_scratch_->fetch_add(1) + 1));
}

Result<ExecutableStore::Upload> ExecutableStore::begin(std::string_view name) {
  const std::string folder = scratch_folder();
  TIDEMARK_TRY(files_->make_directories(folder));
  auto file = files_->create(executable_in(folder), CreateMode::kExclusive);
  if (!file) {
    std::ignore = files_->remove_directory(folder);
    return std::unexpected{file.error()};
  }
  return Upload{std::unique_ptr<Upload::State>{new Upload::State{.files = *files_,
                                                                 .clock = *clock_,
                                                                 .store = folder_,
                                                                 .folder = folder,
                                                                 .name = plain_name(name),
                                                                 .file = std::move(*file),
                                                                 .hash = {}}}};
}

Result<std::vector<Executable>> ExecutableStore::list() const {
  TIDEMARK_ASSIGN(entries, files_->list(folder_));
  std::vector<Executable> found;
  for (const DirectoryEntry& entry : entries) {
    if (auto one = find(entry.name)) found.push_back(*std::move(one));
  }
  std::ranges::sort(found, {}, [](const Executable& one) { return std::pair{one.uploaded_ms, one.hash}; });
  return found;
}

Result<Executable> ExecutableStore::find(std::string_view hash) const {
  const auto none = [&] {
    return fail(ErrorCode::kNotFound, fmt::format("there is no executable '{}' here: upload it", hash.substr(0, 64)));
  };
  if (!is_executable_hash(hash)) return none();
  auto about = read_about(*files_, folder_of(hash));
  if (!about && about.error().code() == ErrorCode::kNotFound) return none();
  return about;
}

std::string ExecutableStore::path_of(std::string_view hash) const {
  TIDEMARK_CHECK(is_executable_hash(hash), "a name that comes from elsewhere is looked for first");
  return executable_in(folder_of(hash));
}

Result<std::string> ExecutableStore::read(std::string_view hash, std::uint64_t offset, std::size_t most) const {
  TIDEMARK_ASSIGN(about, find(hash));
  if (offset >= about.bytes) return std::string{};
  std::string bytes(std::min<std::uint64_t>(most, about.bytes - offset), '\0');
  TIDEMARK_ASSIGN(file, files_->open(path_of(hash)));
  TIDEMARK_ASSIGN(count, file->read(offset, bytes));
  bytes.resize(count);
  return bytes;
}

// Away by a rename, so that what is left of it by a crash is removed at the next start.
Result<> ExecutableStore::remove(std::string_view hash) {
  TIDEMARK_ASSIGN(about, find(hash));
  const std::string away = scratch_folder();
  TIDEMARK_TRY(files_->rename(folder_of(about.hash), away));
  TIDEMARK_TRY(files_->sync_directory(folder_));
  return remove_tree(*files_, away);
}

}  // namespace tidemark

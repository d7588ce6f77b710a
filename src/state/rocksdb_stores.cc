#include "state/rocksdb_stores.h"

#include <fmt/format.h>
#include <rocksdb/cache.h>
#include <rocksdb/compaction_filter.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "base/log.h"
#include "env/open_files_limit.h"
#include "state/overlapped_reads.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

// Of all databases together. A quarter of what the process may open is theirs: the rest is for connections and files.
constexpr std::uint64_t kMostOpenFiles = 4096;
constexpr std::uint64_t kOpenFilesOneIn = 4;
// With fewer a database would open a file for nearly every look-up.
constexpr int kLeastOpenFiles = 64;
// Larger memtables are slower to search and to fill: skip lists.
constexpr std::uint64_t kLargestMemtable = 16u << 20;
constexpr std::uint64_t kSmallestMemtable = 1u << 20;
constexpr std::uint64_t kSmallestArenaBlock = 64u << 10;
// The larger, the more of a batch's keys lie in one file, which are read at once.
constexpr std::uint64_t kTableFileBytes = 64u << 20;
// Filters and indexes before anything else: a look-up needs them for each level, and a block of entries that were evicted from the
// tables is hardly read twice.
constexpr double kCacheForFilters = 0.9;
// As good as a Bloom filter of so many bits a key, 2 % of false hits, with a third less: all of them should fit the cache.
constexpr double kFilterBits = 8;
// Flushed tables have Bloom filters, which are made faster and soon compacted.
constexpr int kBloomBeforeLevel = 1;
constexpr std::uint64_t kLoadedFileBytes = 256u << 20;
constexpr std::size_t kReadAheadBytes = 1u << 20;
// Each set of files that a store gives has a whole manifest.
constexpr std::uint64_t kLargestManifest = 4u << 20;
constexpr std::string_view kManifestPrefix = "MANIFEST-";
constexpr std::string_view kTableSuffix = ".sst";

// How many files the databases keep open: an even share of the process's. It is told anew to all only when their number has
// doubled, since that takes a write to disk each. Any thread.
class OpenFiles {
 public:
  explicit OpenFiles(std::uint64_t all) : all_{all} {}

  /// For a database that is to be opened.
  int share() {
    const std::lock_guard lock{mutex_};
    return share_locked();
  }
  void add(rocksdb::DB* database) {
    const std::lock_guard lock{mutex_};
    databases_.push_back(database);
    // It may have been opened with the share of before.
    if (databases_.size() <= expected_) return tell(database);
    expected_ *= 2;
    for (rocksdb::DB* each : databases_) tell(each);
  }
  void remove(rocksdb::DB* database) {
    const std::lock_guard lock{mutex_};
    std::erase(databases_, database);
  }

 private:
  int share_locked() const { return std::max(static_cast<int>(all_ / expected_), kLeastOpenFiles); }
  void tell(rocksdb::DB* database) {
    const int share = share_locked();
    if (database->GetDBOptions().max_open_files == share) return;
    const auto status = database->SetDBOptions({{"max_open_files", std::to_string(share)}});
    if (!status.ok()) log_warning(fmt::format("{}: {}", database->GetName(), status.ToString()));
  }

  const std::uint64_t all_;
  std::mutex mutex_;
  std::size_t expected_ = 8;
  std::vector<rocksdb::DB*> databases_;
};

ErrorCode code_of(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return ErrorCode::kResourceExhausted;
  if (status.IsCorruption()) return ErrorCode::kDataLoss;
  return ErrorCode::kIo;
}

// Tables of a checkpoint with which a database began: its own path for each -> the checkpoint's. A manifest is none of them:
// it was intact, though RocksDB names it also where it can't open a table.
using SavedFiles = std::map<std::string, std::string>;

// The one that an error names or else, where it is no trouble of the disk's, all. Empty if it is about none of them.
std::string damage(const rocksdb::Status& status, const SavedFiles& saved) {
  const std::string text = status.ToString();
  for (const auto& [own, path] : saved) {
    if (text.find(own) != std::string::npos) return fmt::format("'{}', which is damaged", path);
  }
  if (saved.empty() || status.IsIOError()) return {};
  return fmt::format("'{}' and {} more tables, of which one is damaged", saved.begin()->second, saved.size() - 1);
}

// To be thrown. A job may be restarted: its state is in its checkpoint, and the disk may have room again.
Error failed(const std::string& folder, std::string_view what, const rocksdb::Status& status, const SavedFiles& saved) {
  const auto error = [&](ErrorCode code, std::string_view advice) {
    return Error{code, ErrorDomain::kExternal, Retry::kRestart,
                 fmt::format("{}: {} the state kept there failed: {}; {}", folder, what, status.ToString(), advice)};
  };
  if (status.IsNoSpace()) {
    return error(code_of(status),
                 "the disk is full: make room, or set state.backend.rocksdb.localdir to a folder on a larger one");
  }
  if (const std::string damaged = damage(status, saved); !damaged.empty()) {
    return error(status.IsIOError() ? ErrorCode::kIo : ErrorCode::kDataLoss,
                 fmt::format("the job went on from {}, or the disk is: see to it, or resume from another checkpoint with "
                             "--resume=PATH",
                             damaged));
  }
  return error(code_of(status), "see to the disk, or set state.backend.rocksdb.localdir to a folder on another one");
}

rocksdb::Slice slice_of(std::string_view text) { return {text.data(), text.size()}; }
std::string_view view_of(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

class ExpiryFilter final : public rocksdb::CompactionFilter {
 public:
  explicit ExpiryFilter(std::function<bool(std::string_view)> is_expired) : is_expired_{std::move(is_expired)} {}
  const char* Name() const override { return "tidemark.expiry"; }
  bool Filter(int, const rocksdb::Slice&, const rocksdb::Slice& value, std::string*, bool*) const override {
    return is_expired_(view_of(value));
  }

 private:
  std::function<bool(std::string_view)> is_expired_;
};

rocksdb::ColumnFamilyOptions column_family_options(const std::shared_ptr<rocksdb::Cache>& cache, std::uint64_t memtable_bytes) {
  rocksdb::ColumnFamilyOptions options;
  options.write_buffer_size = memtable_bytes;
  options.max_write_buffer_number = 3;
  options.memtable_whole_key_filtering = true;
  // What a memtable takes before there is much in it is small: a process has one for each state of each subtask, and a budget
  // for all of them.
  options.memtable_prefix_bloom_size_ratio = 0.02;
  options.arena_block_size = std::max(kSmallestArenaBlock, memtable_bytes / 64);
  options.compression = rocksdb::kLZ4Compression;
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = kTableFileBytes;
  options.max_bytes_for_level_base = 16 * memtable_bytes;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.checksum = rocksdb::kXXH3;
  table.format_version = 5;
  table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(kFilterBits, kBloomBeforeLevel));
  table.partition_filters = true;
  table.metadata_block_size = 4096;
  table.cache_index_and_filter_blocks = true;
  table.pin_top_level_index_and_filter = true;
  table.optimize_filters_for_memory = true;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

rocksdb::Env* env_of_databases() {
  // Never destroyed, as RocksDB's threads may outlive whatever is.
  static rocksdb::Env* const env = rocksdb::NewCompositeEnv(with_overlapped_reads(rocksdb::FileSystem::Default())).release();
  return env;
}

rocksdb::DBOptions database_options(const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers, int open_files,
                                    bool from_saved) {
  rocksdb::DBOptions options;
  options.env = env_of_databases();
  options.max_open_files = open_files;
  options.create_if_missing = !from_saved;
  options.create_missing_column_families = !from_saved;
  options.error_if_exists = !from_saved;
  options.max_manifest_file_size = kLargestManifest;
  options.write_buffer_manager = write_buffers;
  options.allow_concurrent_memtable_write = false;  // a store has one writer
  options.max_background_jobs = 2;
  options.avoid_flush_during_shutdown = true;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
  options.keep_log_file_num = 1;
  return options;
}

}  // namespace

// What all databases of the process have in common.
struct RocksdbStores::Shared {
  std::uint64_t memory_bytes = 0;
  std::shared_ptr<rocksdb::Cache> cache;
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;
  std::shared_ptr<OpenFiles> open_files;
};

namespace {

// A database, its column families, and its folder, which goes with it. Shared by a store and its snapshots.
class Database {
 public:
  Database(FileSystem& files, std::string folder, const StateStoreOptions& states, const std::shared_ptr<rocksdb::Cache>& cache,
           const std::shared_ptr<rocksdb::WriteBufferManager>& write_buffers, std::shared_ptr<OpenFiles> open_files,
           std::uint64_t memtable_bytes)
      : files_{files}, folder_{std::move(folder)}, open_files_{std::move(open_files)} {
    if (states.saved != nullptr) fetch(*states.saved);
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (std::size_t i = 0; i < states.states.size(); ++i) {
      options_.push_back(column_family_options(cache, memtable_bytes));
      filters_.push_back(nullptr);
      if (const auto& is_expired = states.states[i].is_expired) {
        filters_.back() = std::make_unique<ExpiryFilter>(is_expired);
        options_.back().compaction_filter = filters_.back().get();
      }
      // By place: a name of a state may be any text, and is none that a database has already.
      families.emplace_back(fmt::format("state-{}", i), options_.back());
    }
    families.emplace_back(rocksdb::kDefaultColumnFamilyName, rocksdb::ColumnFamilyOptions{});
    rocksdb::DB* opened = nullptr;
    const auto options = database_options(write_buffers, open_files_->share(), states.saved != nullptr);
    const auto status = rocksdb::DB::Open(rocksdb::Options{options, {}}, folder_, families, &handles_, &opened);
    db_.reset(opened);
    if (!status.ok()) {
      remove_folder();
      throw failed(folder_, "opening", status, saved_);
    }
    open_files_->add(opened);
  }
  ~Database() {
    open_files_->remove(db_.get());
    for (rocksdb::ColumnFamilyHandle* handle : handles_) static_cast<void>(db_->DestroyColumnFamilyHandle(handle));
    static_cast<void>(db_->Close());
    db_.reset();
    remove_folder();
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& folder() const { return folder_; }
  rocksdb::DB& db() { return *db_; }
  rocksdb::ColumnFamilyHandle* family(std::uint32_t state) { return handles_[state]; }
  rocksdb::Options options_of(std::uint32_t state) const { return {rocksdb::DBOptions{}, options_[state]}; }

  void check(const rocksdb::Status& status, std::string_view what) const {
    if (!status.ok()) throw failed(folder_, what, status, saved_);
  }
  FileSystem& files() { return files_; }

 private:
  // A manifest's name ends with how much of it counts. What is missing at its end RocksDB takes for never written.
  void fetch(const StateStoreOptions::Saved& saved) {
    try {
      value_or_throw(files_.make_directories(folder_));
      for (const std::string& name : saved.names) {
        const bool is_manifest = name.starts_with(kManifestPrefix);
        const std::string own = is_manifest ? name.substr(0, name.find('.')) : name;
        const std::string path = join_path(folder_, own);
        if (!is_manifest) {
          saved_.emplace(path, saved.fetch(name, path));
          continue;
        }
        saved.copy(name, path);
        value_or_throw(replace_file(files_, join_path(folder_, "CURRENT"), own + "\n"));
      }
    } catch (...) {
      remove_folder();
      throw;
    }
  }
  void remove_folder() {
    if (const auto removed = remove_tree(files_, folder_); !removed) log_warning(removed.error().message());
  }

  FileSystem& files_;
  const std::string folder_;
  SavedFiles saved_;
  const std::shared_ptr<OpenFiles> open_files_;
  std::vector<rocksdb::ColumnFamilyOptions> options_;
  std::vector<std::unique_ptr<ExpiryFilter>> filters_;
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

class Entries final : public StateEntries {
 public:
  Entries(Database& database, std::unique_ptr<rocksdb::Iterator> at, std::string_view from)
      : database_{database}, at_{std::move(at)}, from_{from} {}

  bool next() override {
    if (started_) {
      at_->Next();
    } else {
      at_->Seek(from_);
    }
    started_ = true;
    if (at_->Valid()) return true;
    database_.check(at_->status(), "reading");
    return false;
  }
  std::string_view key() const override { return view_of(at_->key()); }
  std::string_view value() const override { return view_of(at_->value()); }

 private:
  Database& database_;
  std::unique_ptr<rocksdb::Iterator> at_;
  const std::string from_;
  bool started_ = false;
};

class Snapshot final : public StateStoreSnapshot {
 public:
  explicit Snapshot(std::shared_ptr<Database> database) : database_{std::move(database)}, snapshot_{database_->db().GetSnapshot()} {}
  ~Snapshot() override { database_->db().ReleaseSnapshot(snapshot_); }

  std::unique_ptr<StateEntries> entries(std::uint32_t state) override { return entries_from(state, {}); }
  std::unique_ptr<StateEntries> entries_from(std::uint32_t state, std::string_view from) override {
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    options.fill_cache = false;
    options.readahead_size = kReadAheadBytes;
    return std::make_unique<Entries>(
        *database_, std::unique_ptr<rocksdb::Iterator>{database_->db().NewIterator(options, database_->family(state))}, from);
  }

 private:
  std::shared_ptr<Database> database_;
  const rocksdb::Snapshot* snapshot_;
};

// Second names for the files of a database, in a folder that goes with this.
class LinkedFiles final : public StateStoreFiles {
 public:
  LinkedFiles(std::shared_ptr<Database> database, std::string folder) : database_{std::move(database)}, folder_{std::move(folder)} {
    rocksdb::Checkpoint* made = nullptr;
    database_->check(rocksdb::Checkpoint::Create(&database_->db(), &made), "linking");
    const std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
    // Writes out what is in memory. No log is kept, so these files are all of it.
    database_->check(checkpoint->CreateCheckpoint(folder_), "linking");
    try {
      find_files();
    } catch (...) {
      remove_folder();
      throw;
    }
  }
  ~LinkedFiles() override { remove_folder(); }

  const std::vector<StateStoreFile>& files() const override { return found_; }

 private:
  void find_files() {
    FileSystem& files = database_->files();
    for (const DirectoryEntry& entry : value_or_throw(files.list(folder_))) {
      const std::string path = join_path(folder_, entry.name);
      if (entry.name.ends_with(kTableSuffix)) {
        found_.push_back({entry.name, path});
      } else if (entry.name.starts_with(kManifestPrefix)) {
        // It only ever grows.
        found_.push_back({fmt::format("{}.{}", entry.name, value_or_throw(files.stat(path)).size), path});
      }
    }
  }
  void remove_folder() {
    if (const auto removed = remove_tree(database_->files(), folder_); !removed) log_warning(removed.error().message());
  }

  std::shared_ptr<Database> database_;
  const std::string folder_;
  std::vector<StateStoreFile> found_;
};

// Sorted files that become the database's as they are.
class Loader final : public StateLoader {
 public:
  Loader(std::shared_ptr<Database> database, std::uint32_t state, std::uint64_t number)
      : database_{std::move(database)}, state_{state}, number_{number}, options_{database_->options_of(state)} {}

  void add(std::string_view key, std::string_view value) override {
    if (writer_ == nullptr) begin_file();
    database_->check(writer_->Put(slice_of(key), slice_of(value)), "filling");
    if (writer_->FileSize() >= kLoadedFileBytes) end_file();
  }
  void finish() override {
    if (writer_ != nullptr) end_file();
    if (paths_.empty()) return;
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    database_->check(database_->db().IngestExternalFile(database_->family(state_), paths_, options), "filling");
  }

 private:
  void begin_file() {
    paths_.push_back(fmt::format("{}/load-{}-{}.sst", database_->folder(), number_, paths_.size()));
    writer_ = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions{}, options_, database_->family(state_));
    database_->check(writer_->Open(paths_.back()), "filling");
  }
  void end_file() {
    database_->check(writer_->Finish(), "filling");
    writer_.reset();
  }

  std::shared_ptr<Database> database_;
  const std::uint32_t state_;
  const std::uint64_t number_;
  const rocksdb::Options options_;
  std::unique_ptr<rocksdb::SstFileWriter> writer_;
  std::vector<std::string> paths_;
};

class Store final : public StateStore {
 public:
  explicit Store(std::shared_ptr<Database> database) : database_{std::move(database)} {}

  void get(std::uint32_t state, std::span<const std::string_view> keys, const Found& found) override {
    keys_.clear();
    for (const std::string_view key : keys) keys_.push_back(slice_of(key));
    if (values_.size() < keys.size()) {
      values_ = std::vector<rocksdb::PinnableSlice>(keys.size());
      statuses_ = std::vector<rocksdb::Status>(keys.size());
    }
    database_->db().MultiGet(rocksdb::ReadOptions{}, database_->family(state), keys.size(), keys_.data(), values_.data(),
                             statuses_.data(), true);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (!statuses_[i].IsNotFound()) {
        database_->check(statuses_[i], "reading");
        found(i, view_of(values_[i]));
      }
      values_[i].Reset();
    }
  }

  void write(const StateChanges& changes) override {
    batch_.Clear();
    changes.for_each([this](std::uint32_t state, std::string_view key, std::optional<std::string_view> value) {
      const auto status = value ? batch_.Put(database_->family(state), slice_of(key), slice_of(*value))
                                : batch_.Delete(database_->family(state), slice_of(key));
      database_->check(status, "writing");
    });
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    database_->check(database_->db().Write(options, &batch_), "writing");
  }

  std::unique_ptr<StateLoader> load(std::uint32_t state) override {
    return std::make_unique<Loader>(database_, state, loads_++);
  }

  std::unique_ptr<StateStoreSnapshot> snapshot() override { return std::make_unique<Snapshot>(database_); }

  std::unique_ptr<StateStoreFiles> files() override {
    // Beside the database's own, which RocksDB alone looks after.
    return std::make_unique<LinkedFiles>(database_, fmt::format("{}.files-{}", database_->folder(), links_++));
  }

 private:
  std::shared_ptr<Database> database_;
  std::vector<rocksdb::Slice> keys_;
  std::vector<rocksdb::PinnableSlice> values_;
  std::vector<rocksdb::Status> statuses_;
  rocksdb::WriteBatch batch_;
  std::uint64_t loads_ = 0;
  std::uint64_t links_ = 0;  // of files() alone
};

}  // namespace

Result<std::unique_ptr<RocksdbStores>> RocksdbStores::create(const Env& env, const std::string& folder, std::uint64_t memory_bytes) {
  auto own = ProcessFolder::create(env, folder);
  if (!own) return std::unexpected{own.error().within("state.backend.rocksdb.localdir")};
  return std::unique_ptr<RocksdbStores>{new RocksdbStores{*env.files, std::move(*own), std::max(memory_bytes, kLeastMemory)}};
}

RocksdbStores::RocksdbStores(FileSystem& files, std::unique_ptr<ProcessFolder> folder, std::uint64_t memory_bytes)
    : files_{files}, folder_{std::move(folder)}, shared_{std::make_unique<Shared>()} {
  shared_->memory_bytes = memory_bytes;
  // Few shards: a shard must be able to hold many of the larger blocks.
  rocksdb::LRUCacheOptions cache;
  cache.capacity = memory_bytes;
  cache.num_shard_bits = 2;
  cache.high_pri_pool_ratio = kCacheForFilters;
  shared_->cache = rocksdb::NewLRUCache(cache);
  // Memtables are charged to the cache, so that both are one budget.
  shared_->write_buffers = std::make_shared<rocksdb::WriteBufferManager>(memory_bytes / 3, shared_->cache);
  shared_->open_files = std::make_shared<OpenFiles>(std::min(raise_open_files_limit() / kOpenFilesOneIn, kMostOpenFiles));
}

RocksdbStores::~RocksdbStores() = default;

std::uint64_t RocksdbStores::memory_bytes() const { return shared_->memory_bytes; }

std::unique_ptr<StateStore> RocksdbStores::open(const StateStoreOptions& options) {
  const std::uint64_t memtable_bytes = std::clamp(shared_->memory_bytes / 12, kSmallestMemtable, kLargestMemtable);
  return std::make_unique<Store>(std::make_shared<Database>(files_, join_path(folder(), options.name), options, shared_->cache,
                                                            shared_->write_buffers, shared_->open_files, memtable_bytes));
}

std::unique_ptr<StateStore> RocksdbStoresOnDemand::open(const StateStoreOptions& options) {
  const std::lock_guard lock{mutex_};
  if (stores_ == nullptr) stores_ = value_or_throw(RocksdbStores::create(env_, folder_, 0));
  return stores_->open(options);
}

}  // namespace tidemark

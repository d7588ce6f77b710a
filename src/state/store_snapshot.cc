#include "state/store_snapshot.h"

#include <fmt/format.h>

#include <set>
#include <string_view>
#include <utility>

#include "snapshot/metadata.h"
#include "state/incremental_snapshots.h"
#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/detail/base/probe.h"

namespace tidemark {
namespace {

std::string file_name(const std::string& prefix, const StateStoreFile& file) { return prefix + file.name + ".snap"; }

// A checkpoint that lists other names could not be read.
void check_names(const std::vector<StateStoreFile>& files) {
  std::set<std::string_view> names;
  for (const StateStoreFile& file : files) {
    if (is_store_file_name(file.name) && names.insert(file.name).second) continue;
    throw Error{ErrorCode::kFailedPrecondition,
                fmt::format("a state store gave a file the name '{}': give each a name of its own, of at most 128 letters, digits, "
                            "'.', '_' and '-'",
                            file.name)};
  }
}

}  // namespace

StoreSnapshot::StoreSnapshot(const Env& env, std::shared_ptr<StoreLink> link, SavedStoreFiles::Plan plan, std::string folder,
                             std::string name_prefix, std::unique_ptr<detail::SnapshotWork> tables)
    : env_{env},
      link_{std::move(link)},
      plan_{std::move(plan)},
      folder_{std::move(folder)},
      name_prefix_{std::move(name_prefix)},
      tables_{std::move(tables)} {}

StoreSnapshot::~StoreSnapshot() {
  if (link_ != nullptr) link_->abandon();
}

// The store first: until then the task changes nothing in it. Then the tables, which keep old content as long.
bool StoreSnapshot::step() {
  if (!linked_) {
    check_names(link_->files());
    linked_ = true;
  } else if (!tables_written_) {
    tables_written_ = tables_->step();
  } else if (!save_some()) {
    link_.reset();
    return true;
  }
  return false;
}

// A piece of a file. False when all are saved.
bool StoreSnapshot::save_some() {
  const std::vector<StateStoreFile>& files = link_->files();
  if (copy_) {
    if (!value_or_throw(copy_->step())) return true;
    value_or_throw(copy_->finish(!detail::planted(detail::PlantedBug::kAckBeforeFsync)));
    plan_.written->files.push_back(
        {files[next_file_ - 1].name,
         {.path = IncrementalSnapshots::listed(file_name(name_prefix_, files[next_file_ - 1])),
          .size = copy_->size(),
          .checksum = copy_->checksum(),
          .key_groups = plan_.written->key_groups}});
    bytes_copied_ += copy_->size();
    copy_.reset();
    return true;
  }
  if (next_file_ == files.size()) return false;
  save(files[next_file_++]);
  return true;
}

void StoreSnapshot::save(const StateStoreFile& file) {
  if (const auto saved = plan_.saved->find(file.name); saved != plan_.saved->end()) {
    TIDEMARK_PROBE("state: a file of a store is saved already");
    plan_.written->files.push_back({file.name, saved->second});
    return;
  }
  copy_.emplace(value_or_throw(FileCopy::begin(*env_.files, file.path, env_.snapshot_files(),
                                               join_path(folder_, file_name(name_prefix_, file)))));
}

OperatorSnapshot StoreSnapshot::take_result() {
  OperatorSnapshot result = tables_->take_result();
  result.store = *plan_.written;
  return result;
}

}  // namespace tidemark

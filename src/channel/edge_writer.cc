#include "tidemark/detail/channel/edge_writer.h"

#include <exception>
#include <string>
#include <utility>

#include "tidemark/detail/base/planted_bug.h"
#include "tidemark/error.h"

namespace tidemark::detail {

EdgeWriter::EdgeWriter(std::vector<SendingEnd*> edges) {
  for (SendingEnd* edge : edges) targets_.push_back({.edge = edge});
}

EdgeWriter::~EdgeWriter() = default;

Batch* EdgeWriter::acquire(std::uint32_t target) {
  Target& to = targets_[target];
  reclaim(to);
  if (!idle_.empty()) {
    to.current = idle_.back();
    idle_.pop_back();
  } else {
    std::unique_ptr<Batch> made = make_batch();
    to.current = made.get();
    batches_.emplace(to.current, std::move(made));
  }
  return to.current;
}

void EdgeWriter::put_back(Batch* batch) {
  if (idle_.size() < targets_.size() * Edge::kCapacity) {
    idle_.push_back(batch);
  } else {
    batches_.erase(batch);
  }
}

void EdgeWriter::reclaim(Target& target) {
  while (Batch* batch = target.edge->take_back()) {
    batch->clear();
    put_back(batch);
  }
}

void EdgeWriter::ship(std::uint32_t target) {
  Target& to = targets_[target];
  if (to.current != nullptr) {
    if (to.current->empty()) {
      put_back(to.current);
    } else {
      to.outbox.push_back(Element::of_batch(to.current));
    }
    to.current = nullptr;
  }
  release_watermark(to);
}

void EdgeWriter::release_watermark(Target& target) {
  if (!target.watermark_waits) return;
  target.watermark_waits = false;
  target.outbox.push_back(Element::of_watermark(target.watermark));
}

void EdgeWriter::send_watermark(Timestamp watermark) {
  for (Target& target : targets_) {
    target.watermark = watermark;
    target.watermark_waits = true;
    if (target.current == nullptr) release_watermark(target);
  }
}

void EdgeWriter::broadcast(const Element& element) {
  if (!(planted(PlantedBug::kBarrierOvertakesRecord) && element.kind == Element::Kind::kBarrier)) flush();
  for (Target& target : targets_) target.outbox.push_back(element);
}

void EdgeWriter::flush() {
  for (std::uint32_t target = 0; target < targets_.size(); ++target) ship(target);
}

bool EdgeWriter::drain() {
  bool empty = true;
  for (Target& target : targets_) {
    reclaim(target);
    while (!target.outbox.empty() && target.edge->try_push(target.outbox.front())) {
      target.outbox.pop_front();
      ++elements_out_;
      // Each time: the consumer may keep pace with a long outbox, and the way back is bounded.
      reclaim(target);
    }
    empty = empty && target.outbox.empty();
  }
  return empty;
}

EdgeLoad EdgeWriter::load() const {
  EdgeLoad all;
  for (const Target& target : targets_) all += target.edge->load();
  return all;
}

std::uint64_t EdgeWriter::bytes_sent() const {
  std::uint64_t all = 0;
  for (const Target& target : targets_) all += target.edge->bytes_sent();
  return all;
}

namespace {

// From a catch block.
[[noreturn]] void fail_user_function(const std::string& what, const std::string& record) {
  std::string text = "an exception that is no std::exception";
  try {
    throw;
  } catch (const std::exception& e) {
    text = e.what();
  } catch (...) {
  }
  throw Error{ErrorCode::kUserCode, what + ", at " + record + ": " + text};
}

}  // namespace

void fail_key_function(const std::string& record) { fail_user_function("the key function of a key_by() behind it", record); }

void fail_partition_function(const std::string& consumer, const std::string& record) {
  fail_user_function("the function of the partition_by() before " + consumer, record);
}

void refuse_partition(std::int64_t partition, std::uint32_t targets) {
  throw Error{ErrorCode::kUserCode, "it gave subtask " + std::to_string(partition) + " of " + std::to_string(targets) +
                                        ": give a number from 0 to " + std::to_string(targets - 1)};
}

}  // namespace tidemark::detail

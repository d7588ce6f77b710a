#include "channel/remote_edge.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tidemark/detail/base/check.h"
#include "tidemark/detail/base/planted_bug.h"

namespace tidemark {

using detail::Batch;
using detail::BatchCodec;
using detail::ByteReader;
using detail::ByteWriter;
using detail::Element;

namespace {

// A larger batch goes in parts: one large frame would keep those of other edges waiting.
constexpr std::size_t kEnoughBytes = 1u << 20;

}  // namespace

bool RemoteSender::try_push(const Element& element) {
  if (element.kind == Element::Kind::kBatch) return push_batch(*element.batch);
  if (!may_send()) return false;
  const std::string folder = element.kind == Element::Kind::kBarrier ? folders_.folder_of(element.barrier.id) : std::string{};
  return send(encode_control(channel_, element, folder));
}

// A batch that is offered again goes on where its credits ended.
bool RemoteSender::push_batch(Batch& batch) {
  while (next_ < batch.size()) {
    if (!may_send()) {
      if (!detail::planted(detail::PlantedBug::kUnsentBatchForgotten)) return false;
      break;
    }
    ByteWriter out;
    out.reserve(last_bytes_);
    put_batch_header(channel_, batch.capacity(), out);
    const std::size_t largest = line_.connection.load(std::memory_order_relaxed)->peer().largest_frame;
    const std::uint32_t end = codec_.encode(batch, next_, std::min(kEnoughBytes, largest / 2), out);
    last_bytes_ = out.size();
    if (!send(out.take())) return false;
    next_ = end;
  }
  next_ = 0;
  written_.push_back(&batch);
  return true;
}

// Whoever says no here wakes the producer later: a grant, or the line.
bool RemoteSender::may_send() const {
  return credits_.load(std::memory_order_acquire) > 0 && line_.connection.load(std::memory_order_acquire) != nullptr &&
         full_since_ != line_.times_writable.load(std::memory_order_acquire);
}

bool RemoteSender::send(std::string payload) {
  const std::uint64_t times_writable = line_.times_writable.load(std::memory_order_acquire);
  Connection& connection = *line_.connection.load(std::memory_order_acquire);
  const std::size_t bytes = payload.size();
  credits_.fetch_sub(1, std::memory_order_relaxed);  // before it can come back
  bytes_sent_.store(bytes_sent_.load(std::memory_order_relaxed) + bytes, std::memory_order_relaxed);
  switch (connection.send(frame_of(EdgeFrame::kElement, std::move(payload)))) {
    case SendStatus::kQueuedFull:
      full_since_ = times_writable;
      return true;
    case SendStatus::kQueued:
      full_since_.reset();
      return true;
    case SendStatus::kClosed:  // the attempt ends by that
      return false;
    case SendStatus::kTooLarge:
      break;
  }
  throw Error{ErrorCode::kResourceExhausted, ErrorDomain::kUser, Retry::kNone,
              fmt::format("a record takes {} bytes on its way to {}, which takes {} at most in one frame: make records smaller, or keep large "
                          "values elsewhere and send where they are",
                          bytes, connection.peer().identity.name, connection.peer().largest_frame)};
}

Batch* RemoteSender::take_back() {
  if (written_.empty()) return nullptr;
  Batch* const batch = written_.back();
  written_.pop_back();
  return batch;
}

Result<> RemoteSender::grant(std::uint32_t credits) {
  // The producer only takes some meanwhile.
  if (credits > capacity_ - std::min(capacity_, credits_.load(std::memory_order_relaxed))) return does_not_fit("more credits than the edge has");
  credits_.fetch_add(credits, std::memory_order_release);
  wake();
  return {};
}

struct RemoteReceiver::Slot {
  ArrivedElement arrived;  // the batch's text points into its payload
  std::unique_ptr<Batch> batch;
};

RemoteReceiver::RemoteReceiver(ChannelNumber channel, const BatchCodec& codec, detail::Wakeable& consumer, WorkerLine& line,
                               CheckpointFolders& folders, std::uint32_t capacity)
    : channel_{channel}, codec_{codec}, consumer_{consumer}, line_{line}, folders_{folders}, capacity_{capacity}, arrived_{capacity} {}
RemoteReceiver::~RemoteReceiver() = default;

Result<> RemoteReceiver::arrive(std::string& payload) {
  if (arrived_.size() >= capacity_) return does_not_fit("an element for which there is no room");
  std::string folder;
  TIDEMARK_ASSIGN(arrived, decode_element(payload, folder));
  if (arrived.element.kind == Element::Kind::kBarrier) folders_.set_folder(arrived.element.barrier.id, std::move(folder));
  TIDEMARK_CHECK(arrived_.try_push(std::move(arrived)), "there is room for what was granted");
  consumer_.wake();
  return {};
}

bool RemoteReceiver::try_pop(Element& element) {
  ArrivedElement arrived;
  if (!arrived_.try_pop(arrived)) return false;
  element = arrived.element;
  if (element.kind == Element::Kind::kBatch) {
    element.batch = read(std::move(arrived));
  } else {
    owe_one();
  }
  return true;
}

bool RemoteReceiver::has_batch() {
  const ArrivedElement* next = arrived_.front();
  return next != nullptr && next->element.kind == Element::Kind::kBatch;
}

Batch* RemoteReceiver::read(ArrivedElement arrived) {
  std::unique_ptr<Slot> slot = slot_for(arrived.capacity);
  slot->arrived = std::move(arrived);
  ByteReader in{slot->arrived.batch_bytes()};
  if (!codec_.decode(in, *slot->batch)) throw does_not_fit("a batch of other records").error();
  in_use_.push_back(std::move(slot));
  return in_use_.back()->batch.get();
}

std::unique_ptr<RemoteReceiver::Slot> RemoteReceiver::slot_for(std::uint32_t capacity) {
  auto slot = std::make_unique<Slot>();
  if (!idle_.empty()) {
    slot = std::move(idle_.back());
    idle_.pop_back();
  }
  if (slot->batch == nullptr || slot->batch->capacity() < capacity) slot->batch = codec_.make_batch(capacity);
  return slot;
}

void RemoteReceiver::give_back(Batch* batch) {
  const auto slot = std::ranges::find(in_use_, batch, [](const std::unique_ptr<Slot>& s) { return s->batch.get(); });
  TIDEMARK_CHECK(slot != in_use_.end(), "a batch goes back to the end that it came from");
  batch->clear();
  (*slot)->arrived = {};
  idle_.push_back(std::move(*slot));
  in_use_.erase(slot);
  owe_one();
}

// Half of them at once: the sender has the other half meanwhile.
void RemoteReceiver::owe_one() {
  if (++owed_ < (capacity_ + 1) / 2) return;
  Connection* const connection = line_.connection.load(std::memory_order_acquire);
  // One that has ended needs none.
  connection->send(frame_of(EdgeFrame::kCredits, encode_credits({.channel = channel_, .elements = std::exchange(owed_, 0)})));
}

}  // namespace tidemark

// What travels on an edge: batches of records, and between them the control elements that keep their place in the stream.
#pragma once

#include <cstdint>

#include "tidemark/detail/model/batch.h"
#include "tidemark/detail/model/checkpoint.h"
#include "tidemark/time.h"

namespace tidemark::detail {

struct Element {
  enum class Kind : std::uint8_t {
    kBatch,         ///< records; the receiver gives the batch back
    kWatermark,     ///< no record before this time is expected any more
    kIdle,          ///< this channel will be silent for a while: do not wait for its watermark
    kActive,        ///< it speaks again
    kBarrier,       ///< everything before belongs to the checkpoint, everything behind does not
    kCancelMarker,  ///< the checkpoint of this id was given up upstream
    kEndOfData,     ///< no record will follow; barriers may
  };

  Kind kind = Kind::kBatch;
  Batch* batch = nullptr;  ///< of kBatch
  Timestamp watermark{};   ///< of kWatermark
  Barrier barrier{};       ///< of kBarrier, and its id of kCancelMarker

  static Element of_batch(Batch* batch) { return {.kind = Kind::kBatch, .batch = batch}; }
  static Element of_watermark(Timestamp watermark) { return {.kind = Kind::kWatermark, .watermark = watermark}; }
  static Element of_barrier(const Barrier& barrier) { return {.kind = Kind::kBarrier, .barrier = barrier}; }
  static Element of_cancel_marker(CheckpointId id) { return {.kind = Kind::kCancelMarker, .barrier = {.id = id}}; }
  static Element of(Kind kind) { return {.kind = kind}; }
};

}  // namespace tidemark::detail

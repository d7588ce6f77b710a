// Input in lanes: a source a lane, each with one reader, so that the records of a key, which are all in one lane, arrive in
// their order at any parallelism. T has a member `time`, which grows along a lane.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "sim/workloads/checkpoint_contents.h"
#include "sim/workloads/job_workload.h"

namespace tidemark {

template <class T>
using Lanes = std::vector<Input<T>>;

inline std::string lane_uid(std::size_t lane) { return "lane-" + std::to_string(lane); }

/// All lanes as one stream. There is at least one.
template <class T>
Stream<T> from_lanes(Job& job, const Lanes<T>& lanes) {
  const auto source = [&](std::size_t lane) {
    return job.from(from_input(lanes[lane]).event_time(&T::time)).uid(lane_uid(lane)).parallelism(1);
  };
  Stream<T> all = source(0);
  for (std::size_t lane = 1; lane < lanes.size(); ++lane) all = all.union_with(source(lane));
  return all;
}

/// The records that were read before the checkpoint's barrier, lane by lane.
template <class T>
Result<std::vector<T>> records_read(const CheckpointMetadata& checkpoint, const Lanes<T>& lanes) {
  std::vector<T> result;
  for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
    TIDEMARK_ASSIGN(read, numbers_read(checkpoint, lane_uid(lane), lanes[lane]->size()));
    for (std::size_t n = 0; n < read.size(); ++n) {
      if (read[n]) result.push_back((*lanes[lane])[n]);
    }
  }
  return result;
}

}  // namespace tidemark

// SIGINT and SIGTERM while a job runs: counted, for the thread that drives the job to look at.
//
// One instance at a time; it gives the handlers back that it found. After the second signal the next one of its kind acts as
// if nobody handled it, so that a process that hangs can still be ended from the keyboard.
#pragma once

namespace tidemark {

class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  /// Since construction.
  int count() const noexcept;

 private:
  using Handler = void (*)(int);
  Handler interrupt_before_;
  Handler terminate_before_;
};

}  // namespace tidemark

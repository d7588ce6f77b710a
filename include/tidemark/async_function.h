// User functions whose results come later: from a service that is asked over the network, say.
//
//   class Profiles : public AsyncFunction<Order, Enriched> {                                  // record, result
//    public:
//     Profiles(Declare&, std::string address) : address_{std::move(address)} {}
//     void open(OpenContext&) override { client_.connect(address_); }
//     void request(const Order& order, AsyncResult<Enriched> result) override {
//       client_.get(order.customer, [id = order.id, result](const Reply& reply) {             // on the client's thread
//         if (reply.ok()) result.complete({id, reply.name()});
//         else result.fail(reply.error());
//       });
//     }
//     std::vector<Enriched> timed_out(const Order& order) override { return {{order.id, "?"}}; }
//   };
//   orders.async().unordered().timeout(2s).process<Profiles>("profiles:8080").uid("profiles")
//
// Life of one: as in functions.h; all its functions are called by the task's thread, which request() must not keep waiting.
// It may be destroyed while requests are out, when the job fails or stops: a client then ends its own work in its destructor.
// Records that were not answered are in every checkpoint and are asked about again when the job goes on from there, so a
// service may be asked twice.
#pragma once

#include <concepts>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tidemark/detail/operators/async_answers.h"
#include "tidemark/error.h"
#include "tidemark/functions.h"
#include "tidemark/time.h"

namespace tidemark {

namespace detail {
template <class Body>
class AsyncOperator;
}

/// Where the answer to one request goes: from any thread, when there is one. The first answer counts; one that comes when the
/// request was given up, or the job is over, goes nowhere. To destroy all copies without an answer is to fail.
template <class OutT>
class AsyncResult {
 public:
  /// Text in rows is copied.
  void complete(OutT row) const { request_->complete(std::vector<OutT>{std::move(row)}); }
  /// Any number of rows, none as well.
  void complete_with(std::vector<OutT> rows) const { request_->complete(std::move(rows)); }

  void fail(Error error) const { request_->fail(std::move(error)); }
  void fail(std::string reason) const { fail(Error{ErrorCode::kUserCode, std::move(reason)}); }

 private:
  template <class>
  friend class detail::AsyncOperator;
  explicit AsyncResult(std::shared_ptr<detail::AsyncRequest<OutT>> request) : request_{std::move(request)} {}

  std::shared_ptr<detail::AsyncRequest<OutT>> request_;
};

/// The base of a function whose results come later. In is the record's type, OutT the result's.
template <class In, class OutT>
class AsyncFunction {
 public:
  using Input = In;
  using Output = OutT;

  virtual ~AsyncFunction() = default;
  virtual void open(OpenContext&) {}
  /// Begins a request and returns at once. `record` and text in it are valid until it returns. To throw is to fail.
  virtual void request(const In& record, AsyncResult<OutT> result) = 0;
  /// What goes out for a record that got no answer in time. Unless overridden, the job fails.
  virtual std::vector<OutT> timed_out(const In&) {
    throw Error{ErrorCode::kTimeout, "no answer came in time: see to the service, give it a longer timeout(), or override timed_out()"};
  }
  /// What goes out for a record whose request has failed, for the last time. Unless overridden, the job fails.
  virtual std::vector<OutT> failed(const In&, const Error& error) { throw error; }
};

/// Whether and when a request that failed is made again. A timeout is for all attempts together.
class AsyncRetry {
 public:
  /// Asks again only after errors for which `may_help` is true; after others the request has failed.
  AsyncRetry when(std::function<bool(const Error&)> may_help) const {
    AsyncRetry changed = *this;
    changed.may_help_ = std::move(may_help);
    return changed;
  }

  // The rest is the engine's.

  AsyncRetry(std::uint32_t attempts, Duration first, Duration longest, double factor)
      : attempts_{attempts}, first_{first}, longest_{longest}, factor_{factor} {}
  std::uint32_t attempts() const { return attempts_; }
  Duration first_delay() const { return first_; }
  Duration longest_delay() const { return longest_; }
  double factor() const { return factor_; }
  const std::function<bool(const Error&)>& may_help() const { return may_help_; }

 private:
  std::uint32_t attempts_;
  Duration first_;
  Duration longest_;
  double factor_;
  std::function<bool(const Error&)> may_help_;
};

/// `attempts` in all, with the same pause before each but the first.
inline AsyncRetry fixed_delay(std::uint32_t attempts, Duration pause) { return {attempts, pause, pause, 1}; }
/// `attempts` in all; each pause is `factor` times the one before, up to `longest`.
inline AsyncRetry exponential_backoff(std::uint32_t attempts, Duration first, Duration longest, double factor = 2) {
  return {attempts, first, longest, factor};
}

}  // namespace tidemark

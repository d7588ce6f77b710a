// What user callables take and return. Compile time only.
#pragma once

#include <type_traits>

#include "tidemark/out.h"

namespace tidemark::detail {

/// U of a callable's parameter list (In, Out<U>&), or one with two inputs; void where there is no such list to be seen, as in a generic lambda.
template <class Signature>
struct EmittedBySignature {
  using Type = void;
};
template <class R, class In, class U>
struct EmittedBySignature<R(In, Out<U>&)> {
  using Type = U;
};
template <class R, class First, class Second, class U>
struct EmittedBySignature<R(First, Second, Out<U>&)> {
  using Type = U;
};

template <class Pointer>
struct SignatureOf {
  using Type = void;
};
template <class R, class... Args>
struct SignatureOf<R (*)(Args...)> {
  using Type = R(Args...);
};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...)> {
  using Type = R(Args...);
};
template <class R, class C, class... Args>
struct SignatureOf<R (C::*)(Args...) const> {
  using Type = R(Args...);
};

template <class F>
struct CallOf {
  using Type = F;
};
template <class F>
  requires requires { &F::operator(); }
struct CallOf<F> {
  using Type = decltype(&F::operator());
};

/// The records that a callable emits.
template <class F>
using EmittedBy = typename EmittedBySignature<typename SignatureOf<typename CallOf<F>::Type>::Type>::Type;

/// The key of a window over a whole stream: one for all records.
struct WholeStream {
  template <class T>
  bool operator()(const T&) const {
    return false;
  }
};

}  // namespace tidemark::detail

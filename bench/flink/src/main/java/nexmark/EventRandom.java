// The random numbers of the Nexmark generator: a stream of its own for every event, so that event n needs no other.
package nexmark;

import java.io.Serializable;

final class EventRandom implements Serializable {
  private static final long STEP = 0x9E3779B97F4A7C15L;

  private final long origin;
  private long state;

  EventRandom(long seed) {
    origin = mix(seed + STEP);
  }

  static long mix(long z) {
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  /** From here on the numbers of event n. */
  void begin(long n) {
    state = origin ^ (n * 0xD1B54A32D192ED03L);
  }

  long next() {
    state += STEP;
    return mix(state);
  }

  /** Uniform in [0, bound); bound is at least 1. */
  long below(long bound) {
    return (next() >>> 1) % bound;
  }

  /** As if `draws` numbers had been drawn. */
  void skip(long draws) {
    state += draws * STEP;
  }
}

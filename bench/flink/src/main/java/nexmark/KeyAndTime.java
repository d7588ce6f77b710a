// What a job from files keeps of a bid: the field that it counts by, and the time in ms since 1970.
package nexmark;

public final class KeyAndTime {
  public long key;
  public long time;

  public KeyAndTime() {}

  KeyAndTime(long key, long time) {
    this.key = key;
    this.time = time;
  }
}

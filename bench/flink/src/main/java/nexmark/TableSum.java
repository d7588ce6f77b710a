// What tells a query's table: the number of its rows, and a sum over them, a retracted row subtracted.
//
// A digest is that of examples/nexmark/digest.h: the sum of mix(FNV-1a(the row's fields joined by |)). As it costs more than
// most queries, runs whose time counts make a light sum instead, the LightRow of that file: a number of the same fields in a
// few instructions. A row is a call of field() for each of its fields, then add() or retract().
package nexmark;

final class TableSum {
  private static final long BASIS = 0xcbf29ce484222325L;
  private static final long PRIME = 0x100000001b3L;
  private static final long LIGHT = 0x9E3779B97F4A7C15L;

  private final boolean isLight;
  private final byte[] digits = new byte[20];
  private long hash = BASIS;
  private boolean isFirst = true;
  private long sum;
  private long rows;

  TableSum(boolean isLight) {
    this.isLight = isLight;
  }

  TableSum field(byte[] utf8) {
    if (isLight) {
      return utf8.length == 0 ? light(0) : lightText(utf8.length, utf8[0], utf8[utf8.length - 1]);
    }
    separate();
    for (final byte b : utf8) {
      addByte(b);
    }
    return this;
  }

  TableSum field(long value) {
    if (isLight) {
      return light(value);
    }
    separate();
    if (value < 0) {
      addByte((byte) '-');
    }
    int at = digits.length;
    long rest = value;
    do {
      digits[--at] = (byte) ('0' + Math.abs(rest % 10));
      rest /= 10;
    } while (rest != 0);
    while (at < digits.length) {
      addByte(digits[at++]);
    }
    return this;
  }

  /** The row ends: it belongs to the table. */
  void add() {
    sum += endOfRow();
    ++rows;
  }

  /** The row ends: it leaves the table. */
  void retract() {
    sum -= endOfRow();
    --rows;
  }

  long rows() {
    return rows;
  }

  long sum() {
    return sum;
  }

  private long endOfRow() {
    final long row = isLight ? hash ^ (hash >>> 32) : EventRandom.mix(hash);
    hash = BASIS;
    isFirst = true;
    return row;
  }

  private TableSum light(long value) {
    hash = (hash ^ value) * LIGHT;
    return this;
  }

  /** Of a text its length and both its ends. */
  private TableSum lightText(int length, byte first, byte last) {
    return light((long) length << 16 | (first & 0xff) << 8 | (last & 0xff));
  }

  private void separate() {
    if (!isFirst) {
      addByte((byte) '|');
    }
    isFirst = false;
  }

  private void addByte(byte b) {
    hash = (hash ^ (b & 0xff)) * PRIME;
  }
}

// The seeded Nexmark generator, the same as examples/nexmark/generator.h: event n is a pure function of the seed, the rate, the
// jitter and n.
//
// Of fifty consecutive events one is a person, three are auctions, the rest are bids. A caller names the texts that it reads;
// the others stay empty and their random numbers are jumped over. Not for several threads: every source reader has its own.
package nexmark;

import java.io.Serializable;
import java.util.Arrays;

final class Generator implements Serializable {
  /** The texts of an event that the caller wants: a sum of these. */
  static final int NO_TEXTS = 0;
  static final int CHANNEL = 1;
  static final int URL = 2;
  static final int NAMES = 4;  // all texts of a person or an auction but `extra`
  static final int EXTRA = 8;
  static final int ALL_TEXTS = 15;

  private static final long FIRST_TIME = 1436918400000L;
  private static final long FIRST_ID = 1000;
  private static final long FIRST_CATEGORY = 10;
  private static final int PRICES = 6000;

  private static final byte[][] FIRST_NAMES =
      Text.all("Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter");
  private static final byte[][] LAST_NAMES =
      Text.all("Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris");
  private static final byte[][] CITIES =
      Text.all(
          "Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland", "Bend", "Redmond", "Seattle", "Kent", "Cheyenne");
  private static final byte[][] STATES = Text.all("AZ", "CA", "ID", "OR", "WA", "WY");
  private static final byte[][] HOT_CHANNELS = Text.all("Google", "Facebook", "Baidu", "Apple");
  private static final byte[] CHANNEL_PREFIX = Text.of("channel-");
  private static final byte[] URL_PREFIX = Text.of("https://www.nexmark.com/");
  private static final byte[] URL_SUFFIX = Text.of("/item.htm?query=1&channel_id=");
  private static final byte[] DOT_COM = Text.of(".com");
  private static final long[] PRICE_TABLE = new long[PRICES];

  static {
    for (int i = 0; i < PRICES; ++i) {
      PRICE_TABLE[i] = (long) Math.floor(100 * Math.pow(10.0, i / 1000.0) + 0.5);
    }
  }

  private final long eventsPerSecond;
  private final long jitterMs;
  private final EventRandom random;
  private final byte[] buffer = new byte[512];  // where a text is put together
  private int length;

  Generator(long seed, long eventsPerSecond, long jitterMs) {
    this.eventsPerSecond = eventsPerSecond;
    this.jitterMs = jitterMs;
    random = new EventRandom(seed);
  }

  static boolean isPerson(long n) {
    return n % 50 == 0;
  }

  static boolean isBid(long n) {
    return n % 50 > 3;
  }

  /** Makes `p` event n, which must be of that kind; so the others. */
  void person(long n, int texts, Person p) {
    random.begin(n);
    p.dateTime = timeOf(n);
    p.id = FIRST_ID + lastPerson(n);
    if ((texts & NAMES) != 0) {
      p.name = add(one(FIRST_NAMES)).add(' ').add(one(LAST_NAMES)).take();
      p.email = letters(7).add('@').letters(5).add(DOT_COM).take();
      for (int group = 0; group < 4; ++group) {
        if (group > 0) {
          add(' ');
        }
        number(random.below(10000), 4);
      }
      p.creditCard = take();
      p.city = one(CITIES);
      p.state = one(STATES);
    } else {
      random.skip(2 + drawsOfLetters(7) + drawsOfLetters(5) + 4 + 2);
    }
    p.extra = extra(80, texts);
  }

  void auction(long n, int texts, Auction a) {
    random.begin(n);
    a.dateTime = timeOf(n);
    a.id = FIRST_ID + lastAuction(n);
    if ((texts & NAMES) != 0) {
      a.itemName = letters(20).take();
      a.description = letters(100).take();
    } else {
      random.skip(drawsOfLetters(20) + drawsOfLetters(100));
    }
    a.initialBid = price();
    a.reserve = a.initialBid + price();
    final long horizonMs = (n + 1666) * 1000 / eventsPerSecond - n * 1000 / eventsPerSecond;
    a.expires = a.dateTime + 1 + random.below(Math.max(2 * horizonMs, 1));
    a.seller = FIRST_ID + (random.below(4) > 0 ? lastPerson(n) / 100 * 100 : nextPerson(n));
    a.category = FIRST_CATEGORY + random.below(5);
    a.extra = extra(200, texts);
  }

  void bid(long n, int texts, Bid b) {
    random.begin(n);
    b.n = n;
    b.dateTime = timeOf(n);
    b.auction = FIRST_ID + (random.below(2) > 0 ? lastAuction(n) / 100 * 100 : nextAuction(n));
    b.bidder = FIRST_ID + (random.below(4) > 0 ? lastPerson(n) / 100 * 100 + 1 : nextPerson(n));
    b.price = price();
    if ((texts & CHANNEL) != 0) {
      final boolean hot = random.below(2) > 0;
      b.channel = hot ? one(HOT_CHANNELS) : add(CHANNEL_PREFIX).number(random.below(10000), 1).take();
    } else {
      random.skip(2);
    }
    if ((texts & URL) != 0) {
      b.url = add(URL_PREFIX).letters(5).add('/').letters(5).add(URL_SUFFIX).number(random.below(10000), 1).take();
    } else {
      random.skip(drawsOfLetters(5) + drawsOfLetters(5) + 1);
    }
    b.extra = extra(50, texts);
  }

  /** A key below `keys`, for the count by key: the first number of event n. */
  long key(long n, long keys) {
    random.begin(n);
    return random.below(keys);
  }

  /** The time of event n without jitter. */
  long placeInTime(long n) {
    return FIRST_TIME + n * 1000 / eventsPerSecond;
  }

  private long timeOf(long n) {
    return jitterMs == 0 ? placeInTime(n) : placeInTime(n) - random.below(jitterMs + 1);
  }

  private static long lastPerson(long n) {
    return n / 50;
  }

  /** For an auction or a bid: a person's event comes before the first auction of its fifty. */
  private static long lastAuction(long n) {
    final long offset = n % 50;
    return n / 50 * 3 + (offset > 3 ? 2 : offset - 1);
  }

  private long nextPerson(long n) {
    final long people = lastPerson(n) + 1;
    final long active = Math.min(people, 1000);
    return people - active + random.below(active + 10);
  }

  private long nextAuction(long n) {
    final long last = lastAuction(n);
    final long low = Math.max(last - 100, 0);
    return low + random.below(last - low + 1 + 10);
  }

  private long price() {
    return PRICE_TABLE[(int) random.below(PRICES)];
  }

  private byte[] one(byte[][] of) {
    return of[(int) random.below(of.length)];
  }

  private byte[] extra(int size, int texts) {
    return (texts & EXTRA) != 0 ? letters(size).take() : Text.EMPTY;
  }

  private static long drawsOfLetters(int size) {
    return (size + 7) / 8;
  }

  private Generator add(byte[] text) {
    System.arraycopy(text, 0, buffer, length, text.length);
    length += text.length;
    return this;
  }

  private Generator add(char c) {
    buffer[length++] = (byte) c;
    return this;
  }

  /** `size` letters a to p, eight of one random number. */
  private Generator letters(int size) {
    for (int done = 0; done < size; done += 8) {
      long r = random.next();
      for (int j = done; j < Math.min(done + 8, size); ++j, r >>>= 8) {
        buffer[length + j] = (byte) ('a' + (r & 15));
      }
    }
    length += size;
    return this;
  }

  /** A number below 10000, with at least `digits` digits. */
  private Generator number(long value, int digits) {
    long power = 1000;
    for (int width = 4; width > 1; --width, power /= 10) {
      if (width <= digits || value >= power) {
        add((char) ('0' + value / power % 10));
      }
    }
    return add((char) ('0' + value % 10));
  }

  /** What was added since the last call. */
  private byte[] take() {
    final byte[] text = Arrays.copyOf(buffer, length);
    length = 0;
    return text;
  }
}

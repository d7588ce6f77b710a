// The generator makes the events that the other programs of this workload make, and sums tell tables as theirs do.
package nexmark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class WorkloadTest {
  private static final byte[] P = Text.of("P");
  private static final byte[] A = Text.of("A");
  private static final byte[] B = Text.of("B");

  private final Generator generator = new Generator(1, 100_000, 0);

  @Test
  void aMillionEventsHaveTheKnownDigest() {
    final TableSum digest = new TableSum(false);
    final Person p = new Person();
    final Auction a = new Auction();
    final Bid b = new Bid();
    for (long n = 0; n < 1_000_000; ++n) {
      if (Generator.isPerson(n)) {
        generator.person(n, Generator.ALL_TEXTS, p);
        digest.field(P).field(p.id).field(p.name).field(p.email).field(p.creditCard).field(p.city).field(p.state);
        digest.field(p.dateTime).field(p.extra).add();
      } else if (Generator.isBid(n)) {
        generator.bid(n, Generator.ALL_TEXTS, b);
        digest.field(B).field(b.auction).field(b.bidder).field(b.price).field(b.channel).field(b.url);
        digest.field(b.dateTime).field(b.extra).add();
      } else {
        generator.auction(n, Generator.ALL_TEXTS, a);
        digest.field(A).field(a.id).field(a.itemName).field(a.description).field(a.initialBid).field(a.reserve);
        digest.field(a.dateTime).field(a.expires).field(a.seller).field(a.category).field(a.extra).add();
      }
    }
    assertEquals(1_000_000, digest.rows());
    assertEquals("6294b4635b39892c", String.format("%016x", digest.sum()));
  }

  @Test
  void textsThatNobodyReadsChangeNothingElse() {
    final Bid whole = new Bid();
    final Bid lazy = new Bid();
    for (long n = 4; n < 100_000; n += 50) {
      generator.bid(n, Generator.ALL_TEXTS, whole);
      generator.bid(n, Generator.EXTRA, lazy);
      assertEquals(whole.price, lazy.price);
      assertArrayEquals(whole.extra, lazy.extra);
      assertEquals(0, lazy.channel.length);
    }
  }

  @Test
  void eventFourIsTheOneOfTheSpecification() {
    final Bid bid = new Bid();
    generator.bid(4, Generator.ALL_TEXTS, bid);
    assertEquals(1004, bid.auction);
    assertEquals(1001, bid.bidder);
    assertEquals(5956621, bid.price);
    assertEquals("channel-966", new String(bid.channel, StandardCharsets.UTF_8));
    assertEquals(1436918400000L, bid.dateTime);
  }

  @Test
  void aRetractedRowIsAsIfItHadNotBeen() {
    final TableSum digest = new TableSum(false);
    digest.field(-1).field(P).add();
    final long one = digest.sum();
    digest.field(Long.MIN_VALUE).add();
    digest.field(Long.MIN_VALUE).retract();
    assertEquals(one, digest.sum());
    assertEquals(1, digest.rows());
  }

  @Test
  void aLightSumSeesEveryFieldAndItsPlace() {
    assertEquals(lightSum(1, 2, "ab"), lightSum(1, 2, "ab"));
    assertNotEquals(lightSum(1, 2, "ab"), lightSum(2, 1, "ab"));
    assertNotEquals(lightSum(1, 2, "ab"), lightSum(1, 2, "ac"));
    assertNotEquals(lightSum(1, 2, "ab"), lightSum(1, 2, ""));
  }

  private static long lightSum(long first, long second, String third) {
    final TableSum sum = new TableSum(true);
    sum.field(first).field(second).field(Text.of(third)).add();
    return sum.sum();
  }
}

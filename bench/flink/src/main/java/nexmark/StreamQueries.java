// Queries as DataStream programs, written to be fast: only what a query needs is sent to the operator behind a keyBy, objects
// are used again, and where Flink's own windows would update five of them for each bid (q5) slices are counted instead.
//
// Otherwise they have the shape of the jobs in examples/nexmark, so that the same program is compared.
package nexmark;

import java.time.Duration;
import org.apache.flink.api.common.typeinfo.PrimitiveArrayTypeInfo;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.windowing.assigners.EventTimeSessionWindows;
import org.apache.flink.streaming.api.windowing.assigners.TumblingEventTimeWindows;

final class StreamQueries {
  private static final TypeInformation<byte[]> TEXT = PrimitiveArrayTypeInfo.BYTE_PRIMITIVE_ARRAY_TYPE_INFO;
  private static final TypeInformation<Tuple2<Long, Long>> TWO = Types.TUPLE(Types.LONG, Types.LONG);
  private static final TypeInformation<Tuple3<Long, Long, Long>> THREE = Types.TUPLE(Types.LONG, Types.LONG, Types.LONG);
  private static final TypeInformation<Tuple4<Long, Long, Long, Long>> FOUR =
      Types.TUPLE(Types.LONG, Types.LONG, Types.LONG, Types.LONG);

  private StreamQueries() {}

  /** Adds the query to the job of `workload`. */
  static void build(String query, Workload workload) {
    switch (query) {
      case "q0":
        q0(workload);
        break;
      case "q1":
        q1(workload);
        break;
      case "q2":
        q2(workload);
        break;
      case "q3":
        q3(workload);
        break;
      case "q5":
        q5(workload);
        break;
      case "q7":
        q7(workload);
        break;
      case "q8":
        q8(workload);
        break;
      case "q11":
        q11(workload);
        break;
      default:
        throw new IllegalArgumentException("there is no DataStream program for '" + query + "'");
    }
  }

  /** Only the sources of the query, each into a counter. */
  static void buildSources(String query, Workload workload) {
    final Reads reads = Reads.of(query);
    if (reads.bids) {
      workload.bids(reads.bidTexts).sinkTo(Answer.count());
    }
    if (reads.auctions) {
      workload.auctions().sinkTo(Answer.count());
    }
    if (reads.persons) {
      workload.persons().sinkTo(Answer.count());
    }
  }

  /** Counts each key; every sixteenth count of a key is a row. */
  static void buildKeyedCount(Workload workload, long keys) {
    workload
        .keys(keys)
        .keyBy(key -> key, Types.LONG)
        .process(new CountByKey(16))
        .returns(TWO)
        .sinkTo(Answer.sum((count, table) -> table.field(count.f0).field(count.f1).add()));
  }

  static void buildKeyedCountSources(Workload workload, long keys) {
    workload.keys(keys).sinkTo(Answer.count());
  }

  /** Every bid. */
  private static void q0(Workload workload) {
    workload
        .bids(Generator.EXTRA)
        .sinkTo(
            Answer.sum(
                (b, table) -> table.field(b.auction).field(b.bidder).field(b.price).field(b.dateTime).field(b.extra).add()));
  }

  /** Every bid in another currency. */
  private static void q1(Workload workload) {
    workload
        .bids(Generator.EXTRA)
        .map(
            bid -> {
              bid.price = bid.price * 908 / 1000;
              return bid;
            })
        .returns(Bid.class)
        .sinkTo(
            Answer.sum(
                (b, table) -> table.field(b.auction).field(b.bidder).field(b.price).field(b.dateTime).field(b.extra).add()));
  }

  /** Bids on some auctions. */
  private static void q2(Workload workload) {
    workload
        .bids(Generator.NO_TEXTS)
        .filter(bid -> bid.auction % 123 == 0)
        .sinkTo(Answer.sum((bid, table) -> table.field(bid.auction).field(bid.price).add()));
  }

  /** Who sells in some states. */
  private static void q3(Workload workload) {
    final DataStream<Tuple2<Long, Long>> auctions =
        workload
            .auctions()
            .filter(auction -> auction.category == 10)
            .map(auction -> Tuple2.of(auction.seller, auction.id))
            .returns(TWO);
    final DataStream<Person> persons = workload.persons().filter(person -> SellersOfAuctions.isWanted(person.state));
    auctions
        .keyBy(auction -> auction.f0, Types.LONG)
        .connect(persons.keyBy(person -> person.id, Types.LONG))
        .process(new SellersOfAuctions())
        .returns(Types.TUPLE(TEXT, TEXT, TEXT, Types.LONG))
        .sinkTo(Answer.sum((row, table) -> table.field(row.f0).field(row.f1).field(row.f2).field(row.f3).add()));
  }

  /** The auctions with the most bids of the last 10 seconds, every 2 seconds. */
  private static void q5(Workload workload) {
    workload
        .bids(Generator.NO_TEXTS)
        .map(bid -> bid.auction)
        .returns(Types.LONG)
        .keyBy(auction -> auction, Types.LONG)
        .process(new SlidingCount(10_000, 2_000))
        .returns(THREE)
        .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(2)))
        .aggregate(new Highest<>(count -> count.f2), Types.LIST(THREE), Types.LIST(THREE))
        .sinkTo(
            Answer.sum(
                (counts, table) -> counts.forEach(count -> table.field(count.f0).field(count.f1).field(count.f2).add())));
  }

  /** The highest bids of each 10 seconds. */
  private static void q7(Workload workload) {
    workload
        .bids(Generator.NO_TEXTS)
        .map(bid -> Tuple4.of(bid.auction, bid.price, bid.bidder, bid.dateTime))
        .returns(FOUR)
        .windowAll(TumblingEventTimeWindows.of(Duration.ofSeconds(10)))
        .aggregate(new Highest<>(bid -> bid.f1), Types.LIST(FOUR), Types.LIST(FOUR))
        .sinkTo(
            Answer.sum(
                (bids, table) -> bids.forEach(bid -> table.field(bid.f0).field(bid.f1).field(bid.f2).field(bid.f3).add())));
  }

  /** Who opens an auction within the 10 seconds of registering. */
  private static void q8(Workload workload) {
    final DataStream<Tuple2<Long, Long>> sellers =
        workload.auctions().map(auction -> Tuple2.of(auction.seller, auction.dateTime)).returns(TWO);
    final DataStream<Tuple3<Long, byte[], Long>> persons =
        workload
            .persons()
            .map(person -> Tuple3.of(person.id, person.name, person.dateTime))
            .returns(Types.TUPLE(Types.LONG, TEXT, Types.LONG));
    persons
        .keyBy(person -> person.f0, Types.LONG)
        .connect(sellers.keyBy(seller -> seller.f0, Types.LONG))
        .process(new NewSellers(10_000))
        .returns(Types.TUPLE(Types.LONG, TEXT, Types.LONG))
        .sinkTo(Answer.sum((person, table) -> table.field(person.f0).field(person.f1).field(person.f2).add()));
  }

  /** How many bids a bidder makes without a pause of 10 seconds. */
  private static void q11(Workload workload) {
    workload
        .bids(Generator.NO_TEXTS)
        .map(bid -> bid.bidder)
        .returns(Types.LONG)
        .keyBy(bidder -> bidder, Types.LONG)
        .window(EventTimeSessionWindows.withGap(Duration.ofSeconds(10)))
        .aggregate(new Count<>(), new WithSession(), Types.LONG, FOUR)
        .sinkTo(
            Answer.sum(
                (session, table) ->
                    table.field(session.f0).field(session.f1).field(session.f2).field(session.f3).add()));
  }
}

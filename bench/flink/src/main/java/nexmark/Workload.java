// The events of one run: how many, how they are made, and the sources that queries read them from, as records of Java or as
// rows of SQL.
//
// As the jobs of examples/nexmark, a query has a source for each kind of event that it reads, and names the texts it reads.
package nexmark;

import java.time.Duration;
import java.util.Arrays;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.RowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;
import org.apache.flink.table.runtime.typeutils.InternalTypeInfo;
import org.apache.flink.table.types.logical.BigIntType;
import org.apache.flink.table.types.logical.LogicalType;
import org.apache.flink.table.types.logical.RowType;
import org.apache.flink.table.types.logical.TimestampType;
import org.apache.flink.table.types.logical.VarCharType;

final class Workload {
  /** Which of fifty consecutive events are of a kind: `size` of them from `first` on. */
  private enum Place {
    PERSONS(0, 1),
    AUCTIONS(1, 3),
    BIDS(4, 46);

    private final long first;
    private final long size;

    Place(long first, long size) {
      this.first = first;
      this.size = size;
    }

    /** How many there are among the first `events` events. */
    long among(long events) {
      return events / 50 * size + Math.max(0, Math.min(size, events % 50 - first));
    }

    long event(long number) {
      return number / size * 50 + first + number % size;
    }
  }

  private static final LogicalType LONG = new BigIntType(false);
  private static final LogicalType TEXT = new VarCharType(false, VarCharType.MAX_LENGTH);
  private static final LogicalType TIME = new TimestampType(false, 3);

  private final StreamExecutionEnvironment env;
  private final Generator generator;
  private final long events;

  Workload(StreamExecutionEnvironment env, Generator generator, long events) {
    this.env = env;
    this.generator = generator;
    this.events = events;
  }

  DataStream<Bid> bids(int texts) {
    return source("bids", Place.BIDS, new Bids(generator, texts), TypeInformation.of(Bid.class));
  }

  DataStream<Auction> auctions() {
    return source("auctions", Place.AUCTIONS, new Auctions(generator), TypeInformation.of(Auction.class));
  }

  DataStream<Person> persons() {
    return source("persons", Place.PERSONS, new Persons(generator), TypeInformation.of(Person.class));
  }

  /** (auction, bidder, price, date_time, n), and `channel` or `extra` at the end if the query reads it. */
  DataStream<RowData> bidRows(int texts) {
    final String text = texts == Generator.CHANNEL ? "channel" : texts == Generator.EXTRA ? "extra" : null;
    final LogicalType[] types = {LONG, LONG, LONG, TIME, LONG, TEXT};
    final String[] names = {"auction", "bidder", "price", "date_time", "n", text};
    return source("bids", Place.BIDS, new BidRows(generator, texts), rowType(types, names, text == null ? 5 : 6));
  }

  /** (id, seller, category, date_time, expires). */
  DataStream<RowData> auctionRows() {
    final LogicalType[] types = {LONG, LONG, LONG, TIME, TIME};
    final String[] names = {"id", "seller", "category", "date_time", "expires"};
    return source("auctions", Place.AUCTIONS, new AuctionRows(generator), rowType(types, names, 5));
  }

  /** (id, name, city, state, date_time). */
  DataStream<RowData> personRows() {
    final LogicalType[] types = {LONG, TEXT, TEXT, TEXT, TIME};
    final String[] names = {"id", "name", "city", "state", "date_time"};
    return source("persons", Place.PERSONS, new PersonRows(generator), rowType(types, names, 5));
  }

  /** As many keys below `keys` as there are events, one an event. */
  DataStream<Long> keys(long keys) {
    return env.fromSource(
        new GeneratorSource<>(new Keys(generator, keys), events, Types.LONG), WatermarkStrategy.noWatermarks(), "keys");
  }

  private <T> DataStream<T> source(String name, Place place, OfEvents<T> records, TypeInformation<T> type) {
    records.place = place;
    final WatermarkStrategy<T> watermarks = WatermarkStrategy.forBoundedOutOfOrderness(Duration.ofSeconds(4));
    return env.fromSource(new GeneratorSource<>(records, place.among(events), type), watermarks, name);
  }

  private static TypeInformation<RowData> rowType(LogicalType[] types, String[] names, int fields) {
    final LogicalType[] theseTypes = Arrays.copyOf(types, fields);
    final String[] theseNames = Arrays.copyOf(names, fields);
    return InternalTypeInfo.of(RowType.of(false, theseTypes, theseNames));
  }

  /** Records of one kind of event. */
  private abstract static class OfEvents<T> implements GeneratorSource.Records<T> {
    final Generator generator;
    Place place;

    OfEvents(Generator generator) {
      this.generator = generator;
    }

    @Override
    public T make(long number) {
      return ofEvent(place.event(number));
    }

    abstract T ofEvent(long n);
  }

  private static final class Bids extends OfEvents<Bid> {
    private final int texts;
    private final Bid bid = new Bid();

    Bids(Generator generator, int texts) {
      super(generator);
      this.texts = texts;
    }

    @Override
    Bid ofEvent(long n) {
      generator.bid(n, texts, bid);
      return bid;
    }

    @Override
    public long timeOf(Bid bid) {
      return bid.dateTime;
    }
  }

  private static final class Auctions extends OfEvents<Auction> {
    private final Auction auction = new Auction();

    Auctions(Generator generator) {
      super(generator);
    }

    @Override
    Auction ofEvent(long n) {
      generator.auction(n, Generator.NO_TEXTS, auction);
      return auction;
    }

    @Override
    public long timeOf(Auction auction) {
      return auction.dateTime;
    }
  }

  private static final class Persons extends OfEvents<Person> {
    private final Person person = new Person();

    Persons(Generator generator) {
      super(generator);
    }

    @Override
    Person ofEvent(long n) {
      generator.person(n, Generator.NAMES, person);
      return person;
    }

    @Override
    public long timeOf(Person person) {
      return person.dateTime;
    }
  }

  private static final class BidRows extends OfEvents<RowData> {
    private final int texts;
    private final Bid bid = new Bid();

    BidRows(Generator generator, int texts) {
      super(generator);
      this.texts = texts;
    }

    @Override
    RowData ofEvent(long n) {
      generator.bid(n, texts, bid);
      final GenericRowData row = new GenericRowData(texts == Generator.NO_TEXTS ? 5 : 6);
      row.setField(0, bid.auction);
      row.setField(1, bid.bidder);
      row.setField(2, bid.price);
      row.setField(3, TimestampData.fromEpochMillis(bid.dateTime));
      row.setField(4, n);
      if (texts != Generator.NO_TEXTS) {
        row.setField(5, StringData.fromBytes(texts == Generator.CHANNEL ? bid.channel : bid.extra));
      }
      return row;
    }

    @Override
    public long timeOf(RowData row) {
      return bid.dateTime;
    }
  }

  private static final class AuctionRows extends OfEvents<RowData> {
    private final Auction auction = new Auction();

    AuctionRows(Generator generator) {
      super(generator);
    }

    @Override
    RowData ofEvent(long n) {
      generator.auction(n, Generator.NO_TEXTS, auction);
      final TimestampData opened = TimestampData.fromEpochMillis(auction.dateTime);
      final TimestampData expires = TimestampData.fromEpochMillis(auction.expires);
      return GenericRowData.of(auction.id, auction.seller, auction.category, opened, expires);
    }

    @Override
    public long timeOf(RowData row) {
      return auction.dateTime;
    }
  }

  private static final class PersonRows extends OfEvents<RowData> {
    private final Person person = new Person();

    PersonRows(Generator generator) {
      super(generator);
    }

    @Override
    RowData ofEvent(long n) {
      generator.person(n, Generator.NAMES, person);
      final StringData name = StringData.fromBytes(person.name);
      final StringData city = StringData.fromBytes(person.city);
      final StringData state = StringData.fromBytes(person.state);
      return GenericRowData.of(person.id, name, city, state, TimestampData.fromEpochMillis(person.dateTime));
    }

    @Override
    public long timeOf(RowData row) {
      return person.dateTime;
    }
  }

  private static final class Keys implements GeneratorSource.Records<Long> {
    private final Generator generator;
    private final long keys;
    private long number;

    Keys(Generator generator, long keys) {
      this.generator = generator;
      this.keys = keys;
    }

    @Override
    public Long make(long number) {
      this.number = number;
      return generator.key(number, keys);
    }

    @Override
    public long timeOf(Long key) {
      return generator.placeInTime(number);
    }
  }
}

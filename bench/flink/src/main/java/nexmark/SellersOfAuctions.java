// Joins auctions (seller, id) to their sellers, in any order of arrival: emits (name, city, state, auction).
package nexmark;

import java.util.Arrays;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.api.java.tuple.Tuple4;
import org.apache.flink.streaming.api.functions.co.KeyedCoProcessFunction;
import org.apache.flink.util.Collector;

final class SellersOfAuctions
    extends KeyedCoProcessFunction<Long, Tuple2<Long, Long>, Person, Tuple4<byte[], byte[], byte[], Long>> {
  private static final byte[][] STATES = Text.all("OR", "ID", "CA");

  private transient ValueState<Person> sellers;
  private transient ListState<Long> auctionsBefore;  // that came before their seller

  static boolean isWanted(byte[] state) {
    for (final byte[] wanted : STATES) {
      if (Arrays.equals(state, wanted)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public void open(OpenContext context) {
    sellers = getRuntimeContext().getState(new ValueStateDescriptor<>("seller", Person.class));
    auctionsBefore = getRuntimeContext().getListState(new ListStateDescriptor<>("auctions", Types.LONG));
  }

  @Override
  public void processElement1(
      Tuple2<Long, Long> auction, Context context, Collector<Tuple4<byte[], byte[], byte[], Long>> out) throws Exception {
    final Person seller = sellers.value();
    if (seller == null) {
      auctionsBefore.add(auction.f1);
    } else {
      out.collect(Tuple4.of(seller.name, seller.city, seller.state, auction.f1));
    }
  }

  @Override
  public void processElement2(Person seller, Context context, Collector<Tuple4<byte[], byte[], byte[], Long>> out)
      throws Exception {
    sellers.update(seller.copy());
    for (final Long auction : auctionsBefore.get()) {
      out.collect(Tuple4.of(seller.name, seller.city, seller.state, auction));
    }
    auctionsBefore.clear();
  }
}

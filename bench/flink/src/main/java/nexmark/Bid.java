// A bid; texts that were not asked for are empty. `n` is the event's number.
package nexmark;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

public final class Bid extends Event<Bid> {
  public long auction;
  public long bidder;
  public long price;
  public long n;
  public byte[] channel = Text.EMPTY;
  public byte[] url = Text.EMPTY;
  public byte[] extra = Text.EMPTY;

  @Override
  public Bid copy() {
    final Bid copy = new Bid();
    copyTo(copy);
    return copy;
  }

  @Override
  public void copyTo(Bid target) {
    target.dateTime = dateTime;
    target.auction = auction;
    target.bidder = bidder;
    target.price = price;
    target.n = n;
    target.channel = channel;
    target.url = url;
    target.extra = extra;
  }

  @Override
  public void write(DataOutputView out) throws IOException {
    out.writeLong(dateTime);
    out.writeLong(auction);
    out.writeLong(bidder);
    out.writeLong(price);
    out.writeLong(n);
    Text.write(channel, out);
    Text.write(url, out);
    Text.write(extra, out);
  }

  @Override
  public void read(DataInputView in) throws IOException {
    dateTime = in.readLong();
    auction = in.readLong();
    bidder = in.readLong();
    price = in.readLong();
    n = in.readLong();
    channel = Text.read(in);
    url = Text.read(in);
    extra = Text.read(in);
  }
}

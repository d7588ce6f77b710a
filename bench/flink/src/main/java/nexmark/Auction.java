// An auction; texts that were not asked for are empty.
package nexmark;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

public final class Auction extends Event<Auction> {
  public long id;
  public byte[] itemName = Text.EMPTY;
  public byte[] description = Text.EMPTY;
  public long initialBid;
  public long reserve;
  public long expires;
  public long seller;
  public long category;
  public byte[] extra = Text.EMPTY;

  @Override
  public Auction copy() {
    final Auction copy = new Auction();
    copyTo(copy);
    return copy;
  }

  @Override
  public void copyTo(Auction target) {
    target.dateTime = dateTime;
    target.id = id;
    target.itemName = itemName;
    target.description = description;
    target.initialBid = initialBid;
    target.reserve = reserve;
    target.expires = expires;
    target.seller = seller;
    target.category = category;
    target.extra = extra;
  }

  @Override
  public void write(DataOutputView out) throws IOException {
    out.writeLong(dateTime);
    out.writeLong(id);
    Text.write(itemName, out);
    Text.write(description, out);
    out.writeLong(initialBid);
    out.writeLong(reserve);
    out.writeLong(expires);
    out.writeLong(seller);
    out.writeLong(category);
    Text.write(extra, out);
  }

  @Override
  public void read(DataInputView in) throws IOException {
    dateTime = in.readLong();
    id = in.readLong();
    itemName = Text.read(in);
    description = Text.read(in);
    initialBid = in.readLong();
    reserve = in.readLong();
    expires = in.readLong();
    seller = in.readLong();
    category = in.readLong();
    extra = Text.read(in);
  }
}

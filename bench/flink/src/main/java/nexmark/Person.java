// A person; texts that were not asked for are empty.
package nexmark;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;

public final class Person extends Event<Person> {
  public long id;
  public byte[] name = Text.EMPTY;
  public byte[] email = Text.EMPTY;
  public byte[] creditCard = Text.EMPTY;
  public byte[] city = Text.EMPTY;
  public byte[] state = Text.EMPTY;
  public byte[] extra = Text.EMPTY;

  @Override
  public Person copy() {
    final Person copy = new Person();
    copyTo(copy);
    return copy;
  }

  @Override
  public void copyTo(Person target) {
    target.dateTime = dateTime;
    target.id = id;
    target.name = name;
    target.email = email;
    target.creditCard = creditCard;
    target.city = city;
    target.state = state;
    target.extra = extra;
  }

  @Override
  public void write(DataOutputView out) throws IOException {
    out.writeLong(dateTime);
    out.writeLong(id);
    Text.write(name, out);
    Text.write(email, out);
    Text.write(creditCard, out);
    Text.write(city, out);
    Text.write(state, out);
    Text.write(extra, out);
  }

  @Override
  public void read(DataInputView in) throws IOException {
    dateTime = in.readLong();
    id = in.readLong();
    name = Text.read(in);
    email = Text.read(in);
    creditCard = Text.read(in);
    city = Text.read(in);
    state = Text.read(in);
    extra = Text.read(in);
  }
}

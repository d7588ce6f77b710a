// What the three events of Nexmark have in common. As values of Flink's own kind they are written and read without reflection.
//
// Records are mutable and used again, as jobs with object reuse do: who keeps one copies it.
package nexmark;

import java.io.IOException;
import org.apache.flink.core.memory.DataInputView;
import org.apache.flink.core.memory.DataOutputView;
import org.apache.flink.types.CopyableValue;

abstract class Event<E extends Event<E>> implements CopyableValue<E> {
  /** Milliseconds since 1970 UTC. */
  public long dateTime;

  @Override
  public int getBinaryLength() {
    return -1;
  }

  @Override
  public void copy(DataInputView source, DataOutputView target) throws IOException {
    final E through = copy();
    through.read(source);
    through.write(target);
  }
}

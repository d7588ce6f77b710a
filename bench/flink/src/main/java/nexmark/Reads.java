// Which events a query reads, and which texts of bids.
package nexmark;

final class Reads {
  final boolean bids;
  final int bidTexts;
  final boolean auctions;
  final boolean persons;

  private Reads(boolean bids, int bidTexts, boolean auctions, boolean persons) {
    this.bids = bids;
    this.bidTexts = bidTexts;
    this.auctions = auctions;
    this.persons = persons;
  }

  static Reads of(String query) {
    switch (query) {
      case "q0":
      case "q1":
        return new Reads(true, Generator.EXTRA, false, false);
      case "q3":
      case "q8":
        return new Reads(false, Generator.NO_TEXTS, true, true);
      case "q4":
      case "q9":
      case "q20":
        return new Reads(true, Generator.NO_TEXTS, true, false);
      case "q16":
        return new Reads(true, Generator.CHANNEL, false, false);
      case "q2":
      case "q5":
      case "q7":
      case "q11":
      case "q15":
      case "q17":
      case "q18":
      case "q19":
        return new Reads(true, Generator.NO_TEXTS, false, false);
      default:
        throw new IllegalArgumentException("there is no query '" + query + "'");
    }
  }
}

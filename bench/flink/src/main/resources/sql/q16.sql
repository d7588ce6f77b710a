-- What is bid a day through a channel.
CREATE TEMPORARY TABLE answer (
  channel STRING, bid_day TIMESTAMP(3), bids BIGINT, low BIGINT, middle BIGINT, high BIGINT, bidders BIGINT, auctions BIGINT,
  PRIMARY KEY (channel, bid_day) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT channel, FLOOR(date_time TO DAY),
  COUNT(*),
  COUNT(*) FILTER (WHERE price < 10000),
  COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000),
  COUNT(*) FILTER (WHERE price >= 1000000),
  COUNT(DISTINCT bidder),
  COUNT(DISTINCT auction)
FROM bid
GROUP BY channel, FLOOR(date_time TO DAY);

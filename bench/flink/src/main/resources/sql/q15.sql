-- What is bid a day.
CREATE TEMPORARY TABLE answer (
  bid_day TIMESTAMP(3), bids BIGINT, low BIGINT, middle BIGINT, high BIGINT, bidders BIGINT, auctions BIGINT,
  PRIMARY KEY (bid_day) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT FLOOR(date_time TO DAY),
  COUNT(*),
  COUNT(*) FILTER (WHERE price < 10000),
  COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000),
  COUNT(*) FILTER (WHERE price >= 1000000),
  COUNT(DISTINCT bidder),
  COUNT(DISTINCT auction)
FROM bid
GROUP BY FLOOR(date_time TO DAY);

-- What is bid a day for an auction.
CREATE TEMPORARY TABLE answer (
  auction BIGINT, bid_day TIMESTAMP(3), bids BIGINT, low BIGINT, middle BIGINT, high BIGINT,
  lowest BIGINT, highest BIGINT, average BIGINT, total BIGINT,
  PRIMARY KEY (auction, bid_day) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT auction, FLOOR(date_time TO DAY),
  COUNT(*),
  COUNT(*) FILTER (WHERE price < 10000),
  COUNT(*) FILTER (WHERE price >= 10000 AND price < 1000000),
  COUNT(*) FILTER (WHERE price >= 1000000),
  MIN(price),
  MAX(price),
  AVG(price),
  SUM(price)
FROM bid
GROUP BY auction, FLOOR(date_time TO DAY);

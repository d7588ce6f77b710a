-- The last bid of each bidder for each auction.
--
-- Flink 2.3 without mini-batches plans this as insert-only (FLINK-40368): it never takes back a row that another replaces, so
-- that only a table which overwrites rows by their key ends up right.
CREATE TEMPORARY TABLE answer (
  auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), PRIMARY KEY (auction, bidder) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT auction, bidder, price, date_time
FROM (
  SELECT auction, bidder, price, date_time,
    ROW_NUMBER() OVER (PARTITION BY bidder, auction ORDER BY date_time DESC, price DESC, n DESC) AS place
  FROM bid
)
WHERE place <= 1;

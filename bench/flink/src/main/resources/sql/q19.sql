-- The ten highest bids for each auction.
CREATE TEMPORARY TABLE answer (
  auction BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), place BIGINT, PRIMARY KEY (auction, place) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT auction, bidder, price, date_time, place
FROM (
  SELECT auction, bidder, price, date_time,
    ROW_NUMBER() OVER (PARTITION BY auction ORDER BY price DESC, n ASC) AS place
  FROM bid
)
WHERE place <= 10;

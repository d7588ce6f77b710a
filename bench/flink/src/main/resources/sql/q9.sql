-- The winning bid of each auction.
--
-- Flink 2.3 without mini-batches plans this as insert-only (FLINK-40368): it never takes back a row that another replaces, so
-- that only a table which overwrites rows by their key ends up right.
CREATE TEMPORARY TABLE answer (
  id BIGINT, seller BIGINT, category BIGINT, bidder BIGINT, price BIGINT, date_time TIMESTAMP(3), PRIMARY KEY (id) NOT ENFORCED
) WITH ('connector' = 'digest');

INSERT INTO answer
SELECT id, seller, category, bidder, price, date_time
FROM (
  SELECT A.id, A.seller, A.category, B.bidder, B.price, B.date_time,
    ROW_NUMBER() OVER (PARTITION BY A.id ORDER BY B.price DESC, B.date_time ASC, B.bidder ASC) AS place
  FROM auction AS A JOIN bid AS B ON A.id = B.auction
  WHERE B.date_time BETWEEN A.date_time AND A.expires
)
WHERE place <= 1;

-- What auctions of a category close at.
CREATE TEMPORARY TABLE answer (category BIGINT, price BIGINT, PRIMARY KEY (category) NOT ENFORCED)
WITH ('connector' = 'digest');

INSERT INTO answer
SELECT category, AVG(closing_price)
FROM (
  SELECT A.id, A.category, MAX(B.price) AS closing_price
  FROM auction AS A JOIN bid AS B ON A.id = B.auction
  WHERE B.date_time BETWEEN A.date_time AND A.expires
  GROUP BY A.id, A.category
)
GROUP BY category;

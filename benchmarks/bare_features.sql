-- The yardstick: what a data engineer would write first, over a view src(business_id, ts, amount, kind, counterparty_id).
WITH gaps AS (
  SELECT business_id, stddev_samp(gap) sd_gap, avg(gap) mean_gap FROM (
    SELECT business_id, (epoch_us(ts) - lag(epoch_us(ts)) OVER (PARTITION BY business_id ORDER BY ts))/1e6 gap FROM src) GROUP BY business_id),
base AS (
  SELECT business_id, count(*) n, sum(amount) s, avg(amount) mean_amt, stddev_samp(amount) sd_amt,
    count(*) FILTER (kind='login') logins,
    count(*) FILTER (ts >= TIMESTAMP '2025-12-01') n30, sum(amount) FILTER (ts >= TIMESTAMP '2025-12-01') s30,
    count(*) FILTER (ts >= TIMESTAMP '2025-10-02') n90, sum(amount) FILTER (ts >= TIMESTAMP '2025-10-02') s90,
    count(*) FILTER (ts >= TIMESTAMP '2025-07-04') n180, sum(amount) FILTER (ts >= TIMESTAMP '2025-07-04') s180
  FROM src GROUP BY business_id),
h AS (
  SELECT business_id, sum(p*p)/(sum(p)*sum(p)) AS hhi, count(*) n_sup
  FROM (SELECT business_id, counterparty_id, sum(amount) p FROM src WHERE kind='supplier_payment' GROUP BY ALL) GROUP BY business_id)
SELECT * FROM base LEFT JOIN gaps USING (business_id) LEFT JOIN h USING (business_id)

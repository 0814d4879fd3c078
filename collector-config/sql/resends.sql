-- What arrived more than once, which is what the totals in Prometheus have too
-- much of.
SELECT application, kind, metric, attributes, sum((arrivals - 1) * value) AS excess, sum((arrivals - 1) * runs) AS excess_runs, sum(arrivals - 1) AS points
FROM usage
WHERE arrivals > 1 AND type <> 'gauge'
GROUP BY application, kind, metric, attributes
ORDER BY application, kind, metric, attributes;

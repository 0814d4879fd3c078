-- What arrived more than once: by this much the totals in Prometheus are too high
-- that were added up without checkpoints.
SELECT application, kind, metric, attributes, sum((arrivals - 1) * value) AS excess, sum((arrivals - 1) * runs) AS excess_runs, sum(arrivals - 1) AS points
FROM shown
WHERE arrivals > 1 AND type <> 'gauge'
GROUP BY application, kind, metric, attributes
ORDER BY application, kind, metric, attributes;

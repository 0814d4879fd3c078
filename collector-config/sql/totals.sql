-- The lifetime total of every trackable's series, per version. For a timer
-- the total is in seconds, and total_runs is the number of runs. Installations are those with an id.
SELECT application, version, kind, metric, attributes, sum(value) AS total, sum(runs) AS total_runs, count(DISTINCT CASE WHEN installation <> '' THEN mirror END) AS installations
FROM shown WHERE type <> 'gauge'
GROUP BY application, version, kind, metric, attributes
ORDER BY application, version, kind, metric, attributes;

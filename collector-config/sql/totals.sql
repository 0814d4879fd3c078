-- The lifetime total of every trackable's series, per version. total_runs is how
-- often a timer was stopped, whose total is in seconds.
SELECT application, version, kind, metric, attributes, sum(value) AS total, sum(runs) AS total_runs, count(DISTINCT mirror) AS installations
FROM usage WHERE type <> 'gauge'
GROUP BY application, version, kind, metric, attributes
ORDER BY application, version, kind, metric, attributes;

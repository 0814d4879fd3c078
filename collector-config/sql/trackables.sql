-- Per installation with an id and trackable, as HQ kept it: the statistics, the state it is
-- in, the seconds and runs of its timers, and the completions of its sequences.
-- Add AND installation = '...' for one of them.
SELECT installation, application, kind, metric, attributes, sum(value) AS total, sum(runs) AS total_runs
FROM usage
WHERE installation <> '' AND type <> 'gauge' AND metric <> 'otelusage.active'
GROUP BY installation, application, kind, metric, attributes
HAVING sum(value) <> 0 OR sum(runs) <> 0
ORDER BY installation, application, kind, metric, attributes;

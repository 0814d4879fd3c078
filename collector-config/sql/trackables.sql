-- Per installation with an id and trackable, as HQ kept it: the statistics, the state it is
-- in, the seconds and runs of its timers, and the completions of its sequences.
-- Add AND installation = '...' for one of them. There are rows only where k is 1.
SELECT installation, application, kind, metric, attributes, sum(value) AS total, sum(runs) AS total_runs
FROM usage
WHERE installation <> '' AND type <> 'gauge' AND metric <> 'otelusage.active' AND (SELECT k FROM least_group) <= 1
GROUP BY installation, application, kind, metric, attributes
HAVING sum(value) <> 0 OR sum(runs) <> 0
ORDER BY installation, application, kind, metric, attributes;

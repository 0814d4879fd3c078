-- Per installation with an id: its latest version, its first and last submission by its own
-- clock, how many there were, and how much it counted. Each row is one installation, so
-- there are rows only where k is 1.
SELECT installation, application, argMax(version, (ended, version)) AS latest_version, count(DISTINCT ended) AS submissions,
	min(started) / 1000000000 AS first_seconds, max(ended) / 1000000000 AS last_seconds,
	count(DISTINCT metric) AS metrics, sum(CASE WHEN kind = 'timer' THEN runs ELSE 0 END) AS timer_runs
FROM usage
WHERE installation <> '' AND (SELECT k FROM least_group) <= 1
GROUP BY installation, application
ORDER BY application, installation;

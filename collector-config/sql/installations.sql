-- Per installation: its latest version, when it was first and last heard of by
-- its own clock, how often, and how much it counted.
SELECT installation, application, argMax(version, (ended, version)) AS latest_version, count(DISTINCT ended) AS submissions,
	min(started) / 1000000000 AS first_seconds, max(ended) / 1000000000 AS last_seconds,
	count(DISTINCT metric) AS metrics, sum(CASE WHEN kind = 'timer' THEN runs ELSE 0 END) AS timer_runs
FROM usage
GROUP BY installation, application
ORDER BY application, installation;

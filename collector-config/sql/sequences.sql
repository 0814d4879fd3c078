-- The funnel of each sequence: hits per checkpoint, and completions.
SELECT application, CASE WHEN metric LIKE '%.checkpoints' THEN substr(metric, 1, length(metric) - 12) ELSE metric END AS name,
	CASE WHEN metric LIKE '%.checkpoints' THEN checkpoint ELSE '(completed)' END AS step, sum(value) AS hits, count(DISTINCT CASE WHEN installation <> '' THEN mirror END) AS installations
FROM shown
WHERE kind = 'sequence'
GROUP BY application, name, step
ORDER BY application, name, hits DESC, step;

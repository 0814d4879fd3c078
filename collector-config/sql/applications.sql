-- Per application and version: how many installations ever sent it, and how
-- many have it now, which is the version that their states are counted under.
SELECT application, version, count(DISTINCT mirror) AS installations, count(DISTINCT ended) AS intervals,
	sum(CASE WHEN metric = 'otelusage.active' AND period = 'month' THEN value ELSE 0 END) AS installation_months,
	min(ended) / 1000000000 AS first_seconds, max(ended) / 1000000000 AS last_seconds
FROM usage
GROUP BY application, version
ORDER BY application, version;

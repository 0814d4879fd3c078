-- Per application and version: how many installations sent it, how many intervals
-- they sent, and in how many months installations were active. Installations are
-- those with an id: unlinkable ones are counted by their months alone.
SELECT application, version, count(DISTINCT CASE WHEN installation <> '' THEN mirror END) AS installations, count(DISTINCT (mirror, ended)) AS intervals,
	sum(CASE WHEN metric = 'otelusage.active' AND period = 'month' THEN value ELSE 0 END) AS installation_months,
	min(ended) / 1000000000 AS first_seconds, max(ended) / 1000000000 AS last_seconds
FROM usage
GROUP BY application, version
ORDER BY application, version;

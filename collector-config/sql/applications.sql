-- Per application and version: how many installations sent it, how many intervals
-- they sent, and in how many months installations were active. Installations are
-- those with an id: unlinkable ones are counted by their months alone.
-- A version that fewer than k installations were active with is 'other', and an
-- application that fewer than k installations use is left out.
SELECT application, shown_version AS version, count(DISTINCT CASE WHEN installation <> '' THEN mirror END) AS installations, count(DISTINCT (mirror, ended)) AS intervals,
	sum(CASE WHEN metric = 'otelusage.active' AND period = 'month' THEN value ELSE 0 END) AS installation_months,
	min(ended) / 1000000000 AS first_seconds, max(ended) / 1000000000 AS last_seconds
FROM (
	SELECT u.application AS application, u.installation AS installation, u.mirror AS mirror, u.ended AS ended, u.metric AS metric, u.period AS period, u.value AS value,
		CASE WHEN s.installations >= (SELECT k FROM least_group) OR (SELECT k FROM least_group) <= 1 THEN u.version ELSE 'other' END AS shown_version
	FROM usage AS u LEFT JOIN (
		SELECT application, version, max(active) AS installations
		FROM (SELECT application, version, sum(value) AS active FROM usage WHERE metric = 'otelusage.active' GROUP BY application, version, period, date) AS periods
		GROUP BY application, version
	) AS s ON u.application = s.application AND u.version = s.version
	WHERE u.application IN (SELECT application FROM shown_applications)
) AS rows_of_versions
GROUP BY application, shown_version
ORDER BY application, shown_version;

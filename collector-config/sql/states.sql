-- Per state: how many installations are in it, and how often it was entered.
SELECT application, CASE WHEN metric LIKE '%.occupancy' THEN substr(metric, 1, length(metric) - 10) ELSE substr(metric, 1, length(metric) - 8) END AS name, state,
	sum(CASE WHEN metric LIKE '%.occupancy' THEN value ELSE 0 END) AS installations,
	sum(CASE WHEN metric LIKE '%.changes' THEN value ELSE 0 END) AS entries
FROM shown
WHERE kind = 'state' AND type <> 'gauge'
GROUP BY application, name, state
ORDER BY application, name, state;

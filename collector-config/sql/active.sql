-- Active installations per day, week and month, by its first day. The days that fewer
-- than k installations were active on are 'other'; with them the sums are exact.
SELECT application, period, shown_date AS date, sum(active) AS installations
FROM (
	SELECT application, period, active, CASE WHEN active >= (SELECT k FROM least_group) OR (SELECT k FROM least_group) <= 1 THEN day ELSE 'other' END AS shown_date
	FROM (SELECT application, period, date AS day, sum(value) AS active FROM shown WHERE metric = 'otelusage.active' GROUP BY application, period, date) AS days
) AS dates
GROUP BY application, period, shown_date
ORDER BY application, period, shown_date;

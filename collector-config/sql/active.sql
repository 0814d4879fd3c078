-- Active installations per day, week and month, by its first day.
SELECT application, period, date, sum(value) AS installations
FROM usage
WHERE metric = 'otelusage.active'
GROUP BY application, period, date
ORDER BY application, period, date;

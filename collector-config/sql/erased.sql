-- Requests for deletion: which streams the view usage leaves out, and when the first
-- request for each arrived. delete-erased.sh removes their lines from the archive.
SELECT mirror, application, min(received) / 1000000000 AS received_seconds
FROM points
WHERE metric = 'otelusage.erased' AND mirror <> ''
GROUP BY mirror, application
ORDER BY received_seconds, mirror;

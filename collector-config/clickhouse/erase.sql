-- Deletes what erased installations sent; the requests for it stay, so that what
-- arrives late is left out too. Run it once a day, see sql/erased.sql. For one
-- installation whose user asks: ALTER TABLE arrived DELETE WHERE installation = '...'
ALTER TABLE arrived DELETE
WHERE mirror IN (SELECT mirror FROM arrived WHERE metric = 'otelusage.erased' AND mirror <> '') AND metric <> 'otelusage.erased'
SETTINGS mutations_sync = 1;

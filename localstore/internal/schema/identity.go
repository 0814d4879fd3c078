package schema

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/instant"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/sqlitedb"
)

// RenewIDs gives the installation another id and what it sends another stream, in
// the transaction that has begun. The intervals begin anew with the day: where the
// former stream ended is not told. The states that were accepted until now were
// accepted under the former ids.
func RenewIDs(c *sqlitedb.Conn, installation string, now int64) error {
	err := c.Run(`UPDATE mirror SET installation_id = ?1, sealed_until = ?2`, installation, instant.StartOfDay(now))
	if err == nil {
		err = c.Run(`INSERT INTO identity (id, stream_id, since) VALUES (1, ?1, ?2)
			ON CONFLICT (id) DO UPDATE SET stream_id = excluded.stream_id, since = excluded.since, sealed = 0`, uuid.NewString(), now)
	}
	if err == nil {
		err = c.Run(`DELETE FROM occupancy_before`)
	}
	if err == nil {
		err = c.Run(`INSERT INTO occupancy_before SELECT series_id, state, accepted FROM occupancy`)
	}
	if err != nil {
		return fmt.Errorf("renew ids: %w", err)
	}
	return nil
}

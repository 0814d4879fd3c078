package batch

import (
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/attribute"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
	"github.com/anonymoususage/anonymoususage-go/localstore/internal/schema"
	"github.com/anonymoususage/anonymoususage-go/localstore/series"
)

// The resource attributes that a submission adds.
const (
	InstallationKey = attribute.Key("app.installation.id")
	InstanceKey     = attribute.Key("service.instance.id")
)

// IDs are what a part is stamped with.
type IDs struct {
	Installation string // empty: none is sent
	Stream       string
}

// FreshIDs are those of an unlinkable batch: nothing else has them.
func FreshIDs() IDs { return IDs{Stream: uuid.NewString()} }

// Identity is under which ids an installation sends.
type Identity struct {
	IDs
	Since      int64 // when the ids were made
	Sealed     bool  // a batch carries them
	Unlinkable bool  // batches carry ids of their own
}

// IdentityOf reads it. A file without the table, and one whose ids were never
// changed, has the ids that the mirror was made with.
func IdentityOf(tx *mirrordb.Tx) (Identity, error) {
	i := Identity{IDs: IDs{tx.Installation, tx.Mirror}, Since: tx.CreatedAt}
	known := false
	var err error
	if tx.Version >= schema.TablesSince[schema.Identity] {
		err = tx.Each(`SELECT coalesce(`+schema.Loaded("stream_id", schema.Nothing)+`, ''), since, sealed, unlinkable FROM identity`, func(rows *sql.Rows) error {
			var stream string
			var since int64
			known = true
			err := rows.Scan(&stream, &since, &i.Sealed, &i.Unlinkable)
			if stream != "" {
				i.Stream, i.Since = stream, since
			}
			return err
		})
	}
	if err == nil && !known {
		var n int64
		n, err = tx.Find(`SELECT EXISTS (SELECT 1 FROM batches)`)
		i.Sealed = n != 0
	}
	return i, mirrordb.Wrap("read ids", err)
}

// ids are those that a part made now is stamped with.
func (i *Identity) ids() IDs {
	if i.Unlinkable {
		return FreshIDs()
	}
	return i.IDs
}

// keep writes what sealing or the configuration changed.
func (i *Identity) keep(tx *mirrordb.Tx) error {
	return mirrordb.Wrap("write ids", tx.Run(`INSERT INTO identity (id, sealed, unlinkable) VALUES (1, ?1, ?2)
		ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, unlinkable = excluded.unlinkable`, i.Sealed, i.Unlinkable))
}

// KeepUnlinkable stores whether batches carry ids of their own.
func KeepUnlinkable(tx *mirrordb.Tx, unlinkable bool) error {
	i, err := IdentityOf(tx)
	if err != nil || i.Unlinkable == unlinkable {
		return err
	}
	i.Unlinkable = unlinkable
	return i.keep(tx)
}

// EraseIdentity forgets ids that replaced those of the mirror, which get others.
func EraseIdentity(tx *mirrordb.Tx) error {
	return mirrordb.Wrap("erase ids", tx.Run(`UPDATE identity SET stream_id = NULL, since = 0, sealed = 0`))
}

// wireResource stamps ids on a resource: the installation's, and the stream's,
// which makes two files with one installation id two streams. Such attributes that
// an application gave are dropped.
func wireResource(ids IDs, attributes string) (string, error) {
	set, err := series.DecodeAttributes(attributes)
	if err != nil {
		return "", err
	}
	list := make([]attribute.KeyValue, 0, set.Len()+2)
	for _, kv := range set.ToSlice() {
		if kv.Key != InstallationKey && kv.Key != InstanceKey {
			list = append(list, kv)
		}
	}
	if ids.Installation != "" {
		list = append(list, InstallationKey.String(ids.Installation))
	}
	return series.EncodeAttributes(attribute.NewSet(append(list, InstanceKey.String(ids.Stream))...)), nil
}

// Stamped returns the ids that the payload carries.
func (p *Payload) Stamped() (IDs, error) {
	set, err := series.DecodeAttributes(string(p.Resource))
	if err != nil {
		return IDs{}, fmt.Errorf("read ids: %w", err)
	}
	installation, _ := set.Value(InstallationKey)
	stream, _ := set.Value(InstanceKey)
	return IDs{installation.AsString(), stream.AsString()}, nil
}

// stamp gives the payload its resource.
func (p *Payload) stamp(ids IDs, resource string) error {
	wire, err := wireResource(ids, resource)
	p.Resource = json.RawMessage(wire)
	return err
}

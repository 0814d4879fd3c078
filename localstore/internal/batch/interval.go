package batch

import (
	"time"

	"github.com/anonymoususage/anonymoususage-go/localstore/internal/mirrordb"
)

// NextInterval is that of a batch which is sealed now. It follows the last one's
// under the same ids without a gap or an overlap, whatever the clock did: receivers
// drop points that are not newer than the last, and refuse what starts before the
// stream began. The first one begins with the day.
func NextInterval(tx *mirrordb.Tx) (start, end int64) {
	return tx.SealedUntil, max(tx.Now, tx.SealedUntil+1)
}

const hour = int64(time.Hour)

// hourBefore is the interval of an unlinkable batch: the last full UTC hour. All
// installations that seal within one hour have the same, whatever was sent before.
func hourBefore(now int64) (start, end int64) {
	end = max(now-now%hour, 2*hour)
	return end - hour, end
}

// interval is that of what is sealed now.
func (i *Identity) interval(tx *mirrordb.Tx) (start, end int64) {
	if i.Unlinkable {
		return hourBefore(tx.Now)
	}
	return NextInterval(tx)
}

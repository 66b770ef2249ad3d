package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Digest is the event's link in its chain: SHA-256 over previous, the hash of the event before
// it (empty for the first), and every field of the event but PreviousHash and Hash. Each part
// has its length or count before it, so that no two events spell the same bytes.
func (e Event) Digest(previous []byte) []byte {
	l := link{sha256.New()}
	l.text("gatehouse event 1", string(previous))
	l.text(e.ID, e.OrganizationID, e.ProjectID)
	l.number(e.At.UnixMicro())
	l.number(e.Sequence)

	l.text(string(e.Actor.Kind), e.Actor.ID, e.Actor.Name)
	request := e.Actor.Request
	l.text(request.ID, request.Address, request.UserAgent, request.SessionID)
	l.number(int64(len(request.Proofs)))
	l.text(request.Proofs...)

	l.text(string(e.Action))
	l.number(int64(len(e.Targets)))
	for _, target := range e.Targets {
		l.text(target.Kind, target.ID, target.Name)
	}
	l.text(string(e.Outcome), e.Reason, string(e.Severity))
	l.number(int64(e.Count))
	l.number(int64(len(e.Changes)))
	for _, change := range e.Changes {
		l.text(change.Field, change.Before, change.After)
	}
	return l.Sum(nil)
}

// link writes parts into a hash; hashes never fail to write.
type link struct{ hash.Hash }

func (l link) text(parts ...string) {
	for _, part := range parts {
		l.number(int64(len(part)))
		_, _ = l.Write([]byte(part))
	}
}

func (l link) number(n int64) {
	_, _ = l.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
}

package gate

import (
	"hash/maphash"
	"sync/atomic"

	"github.com/gatehouse-sso/gatehouse/store"
)

// turns say how often each thing that an answer depends on has changed. A change costs one addition, however many keys depend on what
// changed: their entries carry the turns they were read at and count for nothing once one of them has moved. There are fewer counters than
// things; two that share one are read again together, needlessly and harmlessly.
type turns struct {
	seed  maphash.Seed
	heard atomic.Uint64 // counts all changes, before they are counted below
	at    [1 << 16]atomic.Uint32
}

func newTurns() *turns { return &turns{seed: maphash.MakeSeed()} }

// subject is a thing that may change.
type subject struct {
	kind store.ChangeKind
	id   string
}

// place is the counter of a subject.
func (t *turns) place(s subject) uint16 { return uint16(maphash.Comparable(t.seed, s)) }

// most is how many things an entry depends on at most.
const most = 5

// moment is the turns of what an entry depends on, when it was read.
type moment struct {
	places [most]uint16
	turns  [most]uint32
}

// moment is now, for these subjects. Whoever was reading since heard was begun remembers what they read only if heard is still the same: a
// change counted in between may be newer than the reading.
func (t *turns) moment(subjects [most]subject) (m moment) {
	for i, s := range subjects {
		m.places[i] = t.place(s)
		m.turns[i] = t.at[m.places[i]].Load()
	}
	return m
}

// holds reports that nothing has changed since m.
func (t *turns) holds(m *moment) bool {
	for i, place := range m.places {
		if t.at[place].Load() != m.turns[i] {
			return false
		}
	}
	return true
}

// count takes in changes. Heard moves first: a reader who still sees the old one sees old counters too, so that what it remembers is outdated
// by the counters that move now.
func (t *turns) count(changes []store.Change) {
	t.heard.Add(1)
	for _, change := range changes {
		switch change.Kind {
		case store.ChangedAPIKey, store.ChangedServiceAccount, store.ChangedSession, store.ChangedConnection, store.ChangedProject, store.ChangedHost:
			t.changed(subject{change.Kind, change.SubjectID})
		case store.ChangedMember:
			// Of one person in one organization, or of a person in all of them.
			t.changed(subject{change.Kind, change.SubjectID})
			if change.SubjectID == "" {
				t.organization(change.OrganizationID)
			}
		case store.ChangedPolicy, store.ChangedKeyPolicy:
			t.changed(subject{change.Kind, change.OrganizationID})
		default:
			// An organization, or something of a later version: whatever it was, it was in this organization, or anywhere.
			t.organization(change.OrganizationID)
		}
	}
}

func (t *turns) changed(s subject) { t.at[t.place(s)].Add(1) }

// organization counts a change of everything in an organization, of everything there is when it has no name.
func (t *turns) organization(id string) {
	if id != "" {
		t.changed(subject{store.ChangedOrganization, id})
		return
	}
	t.everything()
}

func (t *turns) everything() {
	t.heard.Add(1)
	for i := range t.at {
		t.at[i].Add(1)
	}
}

package handlers

import (
	"cmp"
	"errors"
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

// certificates is the page about the keys on either side of a connection, as they are live.
func (v *visit) certificates() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	return v.showCertificates(http.StatusOK, c, nil)
}

func (v *visit) showCertificates(status int, c store.Connection, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID)
	frame, err := v.connectionFrame(c, "Certificates", problem)
	if err != nil {
		return err
	}
	page := views.CertificatesPage{ConnectionFrame: frame, OpenID: c.Protocol == store.ProtocolOIDC, Change: base + "/identity-provider",
		Theirs: v.certificateRows(c.Settings.Certificates), OurMetadata: v.broker.EntityID(c.ID)}
	if page.OpenID {
		page.OurMetadata = v.broker.KeysURL(c.ID)
	}
	keys, err := v.scope.OurKeys(v.ctx(), c.ID)
	if err != nil {
		return err
	}
	page.Ours = v.ourKeyRows(keys, base+"/keys/")
	switch {
	case len(keys) == 1:
		page.Add = base + "/keys"
	case slices.ContainsFunc(keys, func(k store.OurKey) bool { return k.State == store.KeyNext }):
		page.Switch = base + "/keys/switch"
	}
	known, err := v.scope.MetadataOf(v.ctx(), c)
	if err != nil {
		return err
	}
	if known.URL != "" {
		page.Source = v.metadataState(c, known)
		page.Read = base + "/metadata/read"
	}
	if known.Found != nil {
		page.Apply, page.Dismiss = base+"/metadata/apply", base+"/metadata/dismiss"
		page.Changes, page.Found = v.metadataChanges(c.Settings.Described(), *known.Found), v.momentOf(known.FoundAt)
		page.EveryKey = !slices.ContainsFunc(known.Found.Certificates, func(text string) bool { return slices.Contains(c.Settings.Certificates, text) })
	}
	return v.render(status, views.Certificates(page))
}

func (v *visit) metadataState(c store.Connection, known store.ConnectionMetadata) *views.MetadataState {
	state := &views.MetadataState{URL: known.URL, Read: v.momentOf(known.ReadAt), Next: v.momentOf(known.DueAt), ValidUntil: v.momentOf(known.ValidUntil),
		Failing: v.momentOf(known.FailingSince), Problem: known.Problem, Waits: known.Found != nil}
	if signer := connections.Certificate(c.Settings.MetadataSigner); signer != nil {
		state.Signer = saml.SpacedFingerprint(signer)
	}
	return state
}

// metadataChanges are what is live and what the metadata says, where they differ.
func (v *visit) metadataChanges(live, found store.Described) (all []views.Difference) {
	for _, one := range []struct{ field, live, found string }{
		{"entity_id", live.EntityID, found.EntityID}, {"redirect_url", live.RedirectURL, found.RedirectURL}, {"post_url", live.PostURL, found.PostURL},
	} {
		if one.live != one.found {
			all = append(all, views.Difference{Name: settingNames[one.field], Before: settingLines(one.live), After: settingLines(one.found)})
		}
	}
	now, then := v.certificateLines(live.Certificates), v.certificateLines(found.Certificates)
	if slices.Sort(now); !slices.Equal(now, slices.Sorted(slices.Values(then))) {
		all = append(all, views.Difference{Name: settingNames["certificates"], Before: v.certificateLines(live.Certificates), After: then})
	}
	return all
}

// readWords tell what came of reading metadata.
var readWords = map[string]string{
	string(audit.ConnectionMetadataTaken):   "The metadata is read. What has changed is vouched for by a key that was known, and people sign in by it from now on.",
	string(audit.ConnectionMetadataDiffers): "The metadata is read. It has changed in a way that somebody has to look at.",
}

// readMetadata reads it now, unless that was done a moment ago.
func (v *visit) readMetadata() error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	back := v.path("connections/" + c.ID + "/certificates")
	if !v.lookups.Allow(v.organization.ID) {
		return v.goTo(back, "That is many addresses in a short time. Wait a minute, then try again.")
	}
	did, err := connections.Refresh(v.ctx(), v.store, v.Outbound, v.Log, c.ID)
	switch {
	case errors.Is(err, store.ErrNotFound) && (c.Settings.MetadataURL == "" || c.State == store.ConnectionDisabled):
		return v.goTo(back, "Metadata is read of connections that are not disabled and have it from an address.")
	case errors.Is(err, store.ErrNotFound):
		return v.goTo(back, "It was read within the last ten minutes, and is not asked for more often than that.")
	case err != nil:
		return err
	case did.Problem != "":
		return v.goTo(back, "The metadata was read and is not used. "+did.Problem)
	}
	return v.goTo(back, cmp.Or(readWords[did.Happened], "The metadata is read. It says nothing new."))
}

func (v *visit) applyMetadata() error {
	return v.changeCertificates("The metadata is applied: people sign in by it from now on. Test it with your own sign-in.", func(c store.Connection) error {
		return v.scope.ApplyMetadata(v.ctx(), v.actor(), c.ID, v.version())
	})
}

func (v *visit) dismissMetadata() error {
	return v.changeCertificates("The change is dismissed. You hear of the next one.", func(c store.Connection) error {
		return v.scope.DismissMetadata(v.ctx(), v.actor(), c.ID, v.version())
	})
}

// changeCertificates does it and goes back to the page, or shows it again with what was wrong.
func (v *visit) changeCertificates(done string, change func(store.Connection) error) error {
	c, err := v.scope.Connection(v.ctx(), v.id("connection"))
	if err != nil {
		return err
	}
	err = change(c)
	if problem := editProblem(err, ""); problem != nil {
		for i := range problem.Fields {
			problem.Fields[i].Field = "" // their fields stand on another page
		}
		return v.showCertificates(http.StatusUnprocessableEntity, c, problem)
	}
	if errors.Is(err, store.ErrNotFound) { // somebody was faster, or the metadata says something else by now
		return v.showCertificates(http.StatusUnprocessableEntity, c, fieldProblem("", "There is nothing of that kind to do any more. This is how it stands now."))
	}
	if err != nil {
		return err
	}
	return v.goTo(v.path("connections/"+c.ID+"/certificates"), done)
}

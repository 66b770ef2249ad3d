package handlers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/store"
	"github.com/gatehouse-sso/gatehouse/views"
	"github.com/gatehouse-sso/gatehouse/views/ui"
)

var keyDoes = map[store.KeyState]string{
	store.KeyNext: "Next: published, does not sign yet", store.KeySigns: "Signs", store.KeyOld: "Signed before, still published",
}

func (v *visit) ourKeyRows(keys []store.OurKey, base string) (rows []views.OurKeyRow) {
	for _, key := range keys {
		shown := v.certificateRows([]string{key.Certificate})
		if len(shown) == 0 {
			continue
		}
		row := views.OurKeyRow{CertificateRow: shown[0], Does: keyDoes[key.State], Last: key.LastEncrypted, Opened: v.momentOf(key.OpenedAt), PEM: key.Certificate}
		if key.State != store.KeySigns {
			row.Remove = base + key.ID + "/remove"
		}
		rows = append(rows, row)
	}
	return rows
}

func (v *visit) addKey() error {
	return v.changeCertificates("The next key is added and published. Give it to your identity provider, then sign with it.", func(c store.Connection) error {
		key, err := connections.NewKey(v.URL.Hostname(), v.now())
		if err != nil {
			return err
		}
		return v.scope.AddKey(v.ctx(), v.actor(), c.ID, v.version(), key)
	})
}

func (v *visit) switchKey() error {
	return v.changeCertificates("The next key signs from now on.", func(c store.Connection) error {
		return v.scope.SwitchKey(v.ctx(), v.actor(), c.ID, v.version())
	})
}

// keyToRemove is the key that the URL names, never the one that signs.
func (v *visit) keyToRemove() (c store.Connection, key store.OurKey, err error) {
	if c, err = v.scope.Connection(v.ctx(), v.id("connection")); err != nil {
		return c, key, err
	}
	keys, err := v.scope.OurKeys(v.ctx(), c.ID)
	if err != nil {
		return c, key, err
	}
	at := slices.IndexFunc(keys, func(k store.OurKey) bool { return k.ID == v.id("pair") && k.State != store.KeySigns })
	if at < 0 {
		return c, key, store.ErrNotFound
	}
	return c, keys[at], nil
}

func (v *visit) removeKeyPage() error {
	c, key, err := v.keyToRemove()
	if err != nil {
		return err
	}
	return v.showRemoveKey(http.StatusOK, c, key, nil)
}

func (v *visit) showRemoveKey(status int, c store.Connection, key store.OurKey, problem *ui.Problem) error {
	base := v.path("connections/" + c.ID)
	page := views.ConfirmPage{
		Page: v.trail(v.page("Remove key"), ui.Link{Text: "Connections", Href: v.path("connections")}, ui.Link{Text: c.Name, Href: base},
			ui.Link{Text: "Certificates", Href: base + "/certificates"}),
		Heading: "Remove a key of ours", Sentence: "This cannot be undone: a key that is removed is gone.",
		Confirm: ui.Confirm{Action: base + "/keys/" + key.ID + "/remove", Button: "Remove key", Cancel: base + "/certificates", Version: formVersion(c.Version), Problem: problem,
			Consequences: []string{"It is published no longer, and what is encrypted to it cannot be read any more.", v.lastEncryptedWords(c, key)}},
	}
	if key.LastEncrypted {
		page.Warning = "Your identity provider still encrypts to this key. As long as it does, nobody can sign in once the key is gone."
		page.Confirm.Name, page.Confirm.Value = c.Name, v.form().Text("confirm")
	}
	return v.render(status, views.Confirm(page))
}

func (v *visit) lastEncryptedWords(c store.Connection, key store.OurKey) string {
	switch {
	case c.Protocol == store.ProtocolOIDC:
		return "What it signed is refused once the identity provider has read our keys again."
	case key.OpenedAt == nil:
		return "No sign-in that was encrypted to it has come yet."
	}
	return "The last sign-in that was encrypted to it came " + ui.MomentOf(*key.OpenedAt, v.now()).Human + "."
}

func (v *visit) removeKey() error {
	c, key, err := v.keyToRemove()
	if err != nil {
		return err
	}
	sure := v.form().Text("confirm") == c.Name
	err = v.scope.RemoveKey(v.ctx(), v.actor(), c.ID, v.version(), key.ID, sure)
	switch {
	case errors.Is(err, store.ErrKeyInUse):
		return v.showRemoveKey(http.StatusUnprocessableEntity, c, key, fieldProblem("confirm", "Type the connection's name as it is written above."))
	case isConflict(err):
		return v.showRemoveKey(http.StatusUnprocessableEntity, c, key, fieldProblem("", "Somebody changed this connection in the meantime. Look at it again first."))
	case err != nil:
		return err
	}
	return v.goTo(v.path("connections/"+c.ID+"/certificates"), "The key is removed.")
}

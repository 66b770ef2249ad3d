package handlers

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/idptest"
	"github.com/gatehouse-sso/gatehouse/store"
)

// published is a metadata document at an address, which changes.
type published struct {
	text atomic.Value
	URL  string
}

func publish(t *testing.T, text string) *published {
	t.Helper()
	p := &published{}
	p.text.Store(text)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, p.text.Load()) }))
	t.Cleanup(server.Close)
	p.URL = server.URL
	return p
}

// S-55: a key beside a known one is live at once; where every key has changed, what it was and what it would be stand side by side until an
// owner applies or dismisses it, by a form that knows what it is about.
func TestS55_MetadataThatWaitsIsShownAppliedAndDismissed(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	first, second, third, fourth := theirCertificate(t, newECKey(t), 400), theirCertificate(t, newECKey(t), 10), theirCertificate(t, newECKey(t), 500), theirCertificate(t, newECKey(t), 600)
	there := publish(t, metadataOf("https://idp.test/sso", first))
	one := acme.given("Okta", "metadata_url", there.URL)
	page := acme.owner.get(one+"/certificates").want(http.StatusOK, "The identity provider's certificates", "Valid", there.URL, "Read now", "Not yet", "Add the next key").lacks("The metadata has changed")
	acme.owner.post(one+"/activate", "version", page.value("version")).want(http.StatusOK, "The connection is active.")

	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "It says nothing new.", "Nothing waits")
	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "It was read within the last ten minutes")
	p.pass(store.MetadataPause)
	there.text.Store(metadataOf("https://idp.test/sso", first, second))
	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "people sign in by it from now on", "Expires soon").lacks("The metadata has changed")

	p.pass(store.MetadataPause)
	there.text.Store(metadataOf("https://idp.test/sso", third))
	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "somebody has to look at", "The metadata has changed", "Every key is another one", "A change waits for you")
	acme.owner.post(one+"/metadata/apply", "version", page.value("version")).want(http.StatusUnauthorized, "Sign in again to go on")
	acme.owner.signInByPassword()
	acme.owner.post(one+"/metadata/apply", "version", page.value("version")).want(http.StatusUnprocessableEntity, "Somebody else changed this")
	page = acme.owner.get(one + "/certificates")
	acme.owner.post(one+"/metadata/dismiss", "version", page.value("version")).want(http.StatusOK, "The change is dismissed.", "Nothing waits").lacks("The metadata has changed")
	acme.owner.post(one+"/metadata/dismiss", "version", acme.owner.get(one+"/certificates").value("version")).want(http.StatusUnprocessableEntity, "nothing of that kind to do any more")

	p.pass(store.MetadataPause)
	there.text.Store(metadataOf("https://idp.test/elsewhere", fourth))
	page = acme.owner.post(one+"/metadata/read").want(http.StatusOK, "https://idp.test/elsewhere", "Live now", "In the metadata")
	acme.owner.post(one+"/metadata/apply", "version", page.value("version")).want(http.StatusOK, "The metadata is applied").lacks("The metadata has changed")
	acme.owner.get(one+"/identity-provider").want(http.StatusOK, "https://idp.test/elsewhere")

	p.pass(store.MetadataPause)
	there.text.Store("<html>")
	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "The metadata was read and is not used.", "It cannot be used since", "Sign-in goes on by what is live")
	acme.owner.signInByPassword()
	given := acme.given("By hand", "entity_id", "https://idp.test/metadata", "redirect_url", "https://idp.test/sso", "certificates", pemOf(first))
	acme.owner.get(given+"/certificates").want(http.StatusOK, "nothing is read again").lacks("Read now")
	acme.owner.post(given+"/metadata/read").want(http.StatusOK, "have it from an address")
}

// Our own key changes with an overlap: the next one is published beside the present one, signs when it is told to, and the old one goes when
// nothing is encrypted to it any more.
func TestOurKeyIsChangedWithAnOverlap(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	acme.verify("acme.test")
	c := acme.connect("Okta")
	one := acme.connections() + "/" + c.Connection.ID
	service := c.service()
	service.Encrypt = true
	c.idp.Services = []idptest.Service{service}
	c.vouch("ada", "ada@acme.test")
	c.signIn(p.browser(), c.loginPath()).want(http.StatusOK)

	page := acme.owner.get(one+"/certificates").want(http.StatusOK, "By the last sign-in", "Signs").lacks("Sign with the next key")
	acme.owner.post(one+"/keys", "version", "1").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	page = acme.owner.post(one+"/keys", "version", page.value("version")).want(http.StatusOK, "The next key is added and published", "Next: published, does not sign yet", "Sign with the next key").lacks("Add the next key")
	acme.owner.post(one+"/keys", "version", page.value("version")).want(http.StatusUnprocessableEntity)
	keys, err := acme.scope.OurKeys(t.Context(), c.Connection.ID)
	p.ok(err)
	acme.owner.get(one + "/keys/" + keys[0].ID + "/remove").want(http.StatusNotFound) // it signs
	p.pass(time.Minute)
	acme.owner.post(one+"/keys/switch", "version", page.value("version")).want(http.StatusOK, "The next key signs from now on.", "Signed before, still published")

	remove := one + "/keys/" + keys[0].ID + "/remove"
	asked := acme.owner.get(remove).want(http.StatusOK, "still encrypts to this key", "Type “Okta” to confirm")
	acme.owner.post(remove, "version", asked.value("version"), "confirm", "okta").want(http.StatusUnprocessableEntity, "Type the connection's name")
	acme.owner.post(remove, "version", "1", "confirm", "Okta").want(http.StatusUnprocessableEntity, "in the meantime")
	acme.owner.post(remove, "version", asked.value("version"), "confirm", "Okta").want(http.StatusOK, "The key is removed.").lacks("Signed before")
}

func TestCertificatesWhenTheStoreFails(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	c := acme.connect("Okta")
	pair := c.nextKey()
	p.failing()
	one := acme.connections() + "/" + c.Connection.ID
	for _, act := range []string{"/keys/switch", "/keys/" + pair.ID + "/remove"} {
		acme.owner.post(one+act, "version", "3").failed()
	}
	if keys, err := acme.scope.OurKeys(t.Context(), c.Connection.ID); err != nil || len(keys) != 2 || keys[1].State != store.KeyNext {
		t.Errorf("%+v, %v", keys, err)
	}
}

// Of metadata that describes several identity providers one is chosen; of metadata that must be signed nothing is read that is not.
func TestMetadataOfSeveralAndSigned(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	der := theirCertificate(t, newECKey(t), 400)
	one := metadataOf("https://idp.test/sso", der)
	both := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + one + strings.Replace(one, "https://idp.test/metadata", "https://other.test/metadata", 1) + `</EntitiesDescriptor>`
	step := acme.choose("Federation") + "/setup/metadata"
	acme.owner.get(step).want(http.StatusOK, "Certificate of whoever signs it").lacks(`name="metadata_entity"`)
	acme.owner.post(step, "version", "1", "metadata_xml", both).want(http.StatusUnprocessableEntity, "describes 2 identity providers", `name="metadata_entity"`, "https://other.test/metadata")
	acme.owner.post(step, "version", "1", "metadata_xml", one, "metadata_signer", pemOf(der)).want(http.StatusUnprocessableEntity, "signed", `<details class="raw" open>`)
	acme.owner.post(step, "version", "1", "metadata_xml", one, "metadata_signer", "none").want(http.StatusUnprocessableEntity)
	acme.owner.post(step, "version", "1", "metadata_xml", both, "metadata_entity", "https://other.test/metadata").want(http.StatusOK, "The identity provider's values are saved.")
	list, err := acme.scope.Connections(t.Context())
	p.ok(err)
	if len(list) != 1 || list[0].Settings.EntityID != "https://other.test/metadata" {
		t.Errorf("%+v", list)
	}
}

// What ends, and metadata that waits, is said wherever the connection is: in the list, on its page, on the organization's and on the page about
// sign-in; of a connection that nobody signs in through only in the first two.
func TestS54_WhatEndsIsSaidWhereTheConnectionIs(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	home := "/organizations/" + acme.ID
	there := publish(t, metadataOf("https://idp.test/sso", theirCertificate(t, newECKey(t), 10)))
	one := acme.given("Okta", "metadata_url", there.URL)
	const ends, changed = "Certificate expires 3 Dec 2026", "Metadata has changed"
	for _, page := range []string{acme.connections(), one} {
		acme.owner.get(page).want(http.StatusOK, ends)
	}
	for _, page := range []string{home, home + "/sign-in"} {
		acme.owner.get(page).want(http.StatusOK).lacks("Connections to look after", ends)
	}
	acme.owner.post(one+"/activate", "version", acme.owner.get(one).value("version")).want(http.StatusOK, "The connection is active.")
	there.text.Store(metadataOf("https://idp.test/sso", theirCertificate(t, newECKey(t), 500)))
	acme.owner.post(one+"/metadata/read").want(http.StatusOK, "somebody has to look at")
	everywhere := []string{acme.connections(), one, home, home + "/sign-in"}
	for _, page := range everywhere {
		acme.owner.get(page).want(http.StatusOK, ends, changed)
	}
	member := acme.member("ada@acme.test", access.OrgManager)
	member.get(home).want(http.StatusOK).lacks(ends, changed)

	p.pass(10 * 24 * time.Hour)
	acme.owner.signInByPassword()
	for _, page := range everywhere {
		acme.owner.get(page).want(http.StatusOK, "No valid certificate", changed)
	}
	page := acme.owner.get(one+"/certificates").want(http.StatusOK, "Expired")
	acme.owner.post(one+"/metadata/apply", "version", page.value("version")).want(http.StatusOK, "The metadata is applied")
	for _, page := range everywhere {
		acme.owner.get(page).want(http.StatusOK).lacks("No valid certificate", changed, "Connections to look after")
	}
	p.pass(3625 * 24 * time.Hour) // in the last days of our own
	acme.owner.signInByPassword()
	for _, page := range everywhere {
		acme.owner.get(page).want(http.StatusOK, "Our certificate expires")
	}
}

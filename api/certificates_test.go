package api

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// Our own key of a connection changes through the API as in the console: with an overlap, and never by taking the one that signs.
func TestOurKeysOfAConnection(t *testing.T) {
	w := newWorld(t)
	o := w.found("acme")
	var c ConnectionWarned
	o.send(http.MethodPost, "/connections", object("name", "Okta", "metadata", object("xml", metadata(o.certificate())))).want(http.StatusCreated).read(&c)
	one := "/connections/" + c.ID
	var keys OurKeys
	listed := o.send(http.MethodGet, one+"/keys", nil).want(http.StatusOK)
	if listed.read(&keys); len(keys.Keys) != 1 || keys.Keys[0].State != "signs" || len(keys.Keys[0].Fingerprint) != 64 || keys.Keys[0].ExpiresAt == nil || strings.Contains(listed.body, "PRIVATE") {
		t.Fatalf("%s", listed.body)
	}
	first := keys.Keys[0].ID
	o.send(http.MethodPost, one+"/keys/"+first+"/switch", nil, "If-Match", "*").problem(http.StatusNotFound, "not_found") // it signs already
	o.send(http.MethodDelete, one+"/keys/"+first, nil, "If-Match", "*").problem(http.StatusConflict, "connection_key_signs")
	o.send(http.MethodPost, one+"/keys", nil).problem(http.StatusPreconditionRequired, "if_match_missing")
	o.send(http.MethodPost, one+"/keys", nil, "If-Match", listed.Header.Get("ETag")).want(http.StatusOK).read(&keys)
	if len(keys.Keys) != 2 || keys.Keys[1].State != "next" || keys.Keys[1].ID == first {
		t.Errorf("%+v", keys)
	}
	o.send(http.MethodPost, one+"/keys", nil, "If-Match", "*").problem(http.StatusConflict, "connection_two_keys")
	next := one + "/keys/" + keys.Keys[1].ID + "/switch"
	o.send(http.MethodPost, next, nil, "If-Match", listed.Header.Get("ETag")).problem(http.StatusPreconditionFailed, "version_moved")
	w.clock.Add(int64(time.Second))
	o.send(http.MethodPost, next, nil, "If-Match", "*").want(http.StatusOK).read(&keys)
	if keys.Keys[0].ID == first || keys.Keys[0].State != "signs" || keys.Keys[1].State != "old" {
		t.Errorf("%+v", keys)
	}
	o.send(http.MethodDelete, one+"/keys/"+first, nil, "If-Match", "*").want(http.StatusOK).read(&keys)
	if len(keys.Keys) != 1 || keys.Keys[0].ID == first {
		t.Errorf("%+v", keys)
	}
	o.send(http.MethodDelete, one+"/keys/"+first, nil, "If-Match", "*").problem(http.StatusNotFound, "not_found")
}

// Metadata that came from no address is not read again, and nothing waits where nothing was found. Of several identity providers one is named.
func TestMetadataOfAConnection(t *testing.T) {
	w := newWorld(t)
	o, other := w.found("acme"), w.found("globex")
	certificate := o.certificate()
	both := `<EntitiesDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata">` + metadata(certificate) +
		strings.ReplaceAll(metadata(certificate), "https://idp.test/metadata", "https://other.test/metadata") + `</EntitiesDescriptor>`
	p := o.send(http.MethodPost, "/connections", object("name", "Okta", "metadata", object("xml", both))).problem(http.StatusUnprocessableEntity, "invalid")
	if len(p.Errors) != 1 || p.Errors[0].Field != "metadata.entity_id" || !strings.Contains(p.Errors[0].Detail, "https://idp.test/metadata, https://other.test/metadata") {
		t.Errorf("%+v", p.Errors)
	}
	p = o.send(http.MethodPost, "/connections", object("name", "Okta", "metadata", object("xml", both, "signer", "none"))).problem(http.StatusUnprocessableEntity, "invalid")
	if len(p.Errors) != 1 || p.Errors[0].Field != "metadata.signer" {
		t.Errorf("%+v", p.Errors)
	}
	var c ConnectionWarned
	o.send(http.MethodPost, "/connections", object("name", "Okta", "metadata", object("xml", both, "entity_id", "https://other.test/metadata"))).want(http.StatusCreated).read(&c)
	one := "/connections/" + c.ID
	var known ConnectionMetadata
	if o.send(http.MethodGet, one+"/metadata", nil).want(http.StatusOK).read(&known); known.URL != "" || known.Found != nil || c.Settings.EntityID != "https://other.test/metadata" {
		t.Errorf("%+v of %s", known, c.Settings.EntityID)
	}
	o.send(http.MethodPost, one+"/metadata/read", nil).problem(http.StatusConflict, "metadata_not_read")
	o.send(http.MethodPost, one+"/metadata/apply", nil, "If-Match", "*").problem(http.StatusNotFound, "not_found")
	o.send(http.MethodPost, one+"/metadata/dismiss", nil, "If-Match", "*").problem(http.StatusNotFound, "not_found")
	for _, path := range []string{"/metadata", "/keys"} {
		other.send(http.MethodGet, one+path, nil).problem(http.StatusNotFound, "not_found")
	}
	other.send(http.MethodPost, one+"/metadata/read", nil).problem(http.StatusNotFound, "not_found")
}

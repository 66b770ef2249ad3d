package api

import (
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/connections"
	"github.com/gatehouse-sso/gatehouse/saml"
)

// certificate is a fresh one in PEM.
func (w *world) certificate() string {
	w.Helper()
	key, err := connections.NewKey("idp.test", w.now())
	w.ok(err)
	return string(key.CertificatePEM)
}

// metadata is an identity provider's, with this certificate.
func metadata(certificate string) string {
	block, _ := pem.Decode([]byte(certificate))
	return `<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.test/metadata"><IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` +
		`<KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>` + base64.StdEncoding.EncodeToString(block.Bytes) + `</X509Certificate></X509Data></KeyInfo></KeyDescriptor>` +
		`<SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.test/sso"/></IDPSSODescriptor></EntityDescriptor>`
}

func TestConnectionsAreMadeAndChanged(t *testing.T) {
	o := newWorld(t).found("acme")
	first, second := o.certificate(), o.certificate()
	body := object("name", "Okta", "metadata", object("xml", metadata(first)), "settings", object("force_authn", true))
	made := o.send(http.MethodPost, "/connections", body, "Idempotency-Key", "1").want(http.StatusCreated)
	var c ConnectionWarned
	made.read(&c)
	if s := c.Settings; c.State != "draft" || s.EntityID != "https://idp.test/metadata" || s.RedirectURL != "https://idp.test/sso" || len(s.Certificates) != 1 || !s.ForceAuthn {
		t.Errorf("%s", made.body)
	}
	one := "/connections/" + c.ID
	o.send(http.MethodPatch, one, object("name", "Okta EU"), "If-Match", made.Header.Get("ETag")).want(http.StatusOK)
	o.send(http.MethodPatch, one, object("kind", "okta"), "If-Match", "*").want(http.StatusOK).read(&c)
	if c.Kind != "okta" || len(c.SetupDone) != 0 {
		t.Errorf("it is with %q, and %v is done", c.Kind, c.SetupDone)
	}
	o.send(http.MethodPatch, one, object("kind", "oidc"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, one, object("kind", "saml", "name", "x"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPatch, one, object("name", "x"), "If-Match", made.Header.Get("ETag")).problem(http.StatusPreconditionFailed, "version_moved")
	o.send(http.MethodPatch, one+"/settings", object("mapping", object("groups", "teams", "own", object("site", "urn:site")), "login_hint_as", "query:username"), "If-Match", "*").want(http.StatusOK).read(&c)
	if m := c.Settings.Mapping; m.Groups != "teams" || m.Own["site"] != "urn:site" || c.Settings.LoginHintAs != "query:username" || !c.Settings.ForceAuthn || c.Number != 2 {
		t.Errorf("%+v", c)
	}
	o.send(http.MethodPatch, one+"/settings", object("idp_initiated", "accept"), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid") // credentials are asked for
	o.send(http.MethodPatch, one+"/settings", object("idp_initiated", "always"), "If-Match", "*").want(http.StatusUnprocessableEntity)
	o.send(http.MethodPatch, one+"/settings", object("idp_initiated", "accept", "force_authn", false), "If-Match", "*").want(http.StatusOK).read(&c)
	if c.Settings.IDPInitiated != "accept" || c.Settings.ForceAuthn {
		t.Errorf("%+v", c.Settings)
	}
	o.send(http.MethodPost, one+"/certificates", object("certificates", []string{second}), "If-Match", "*").want(http.StatusOK).read(&c)
	if len(c.Settings.Certificates) != 2 {
		t.Errorf("%d certificates", len(c.Settings.Certificates))
	}
	gone := one + "/certificates/" + saml.Fingerprint(connections.Certificate(first))
	o.send(http.MethodDelete, gone, nil, "If-Match", "*").want(http.StatusOK).read(&c)
	if len(c.Settings.Certificates) != 1 || c.Settings.Certificates[0] != second {
		t.Errorf("%v", c.Settings.Certificates)
	}
	o.send(http.MethodDelete, gone, nil, "If-Match", "*").problem(http.StatusNotFound, "not_found")
	o.send(http.MethodPost, one+"/activate", nil, "If-Match", "*").want(http.StatusOK)
	o.send(http.MethodGet, one+"/draft", nil).problem(http.StatusNotFound, "not_found")
	o.send(http.MethodPatch, one+"/settings", object("certificates", []string{}), "If-Match", "*").want(http.StatusOK).read(&c)
	if len(c.Settings.Certificates) != 1 || c.Draft == "" {
		t.Errorf("an active connection without its draft: %+v", c)
	}
	o.send(http.MethodPost, one+"/publish", object("untested", true), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodDelete, one, nil, "If-Match", "*").problem(http.StatusConflict, "connection_active")
	o.send(http.MethodPost, one+"/metadata", object("xml", metadata(first)), "If-Match", "*").want(http.StatusOK)
	var draft ConnectionVersionCompared
	o.send(http.MethodGet, one+"/draft", nil).want(http.StatusOK).read(&draft)
	if !draft.Draft || draft.Settings.Certificates[0] != first || len(draft.FromLive) == 0 || len(draft.FromPrevious) == 0 {
		t.Errorf("the draft is %+v", draft)
	}
	o.send(http.MethodPost, one+"/publish", object(), "If-Match", "*").problem(http.StatusUnprocessableEntity, "invalid")
	o.send(http.MethodPost, one+"/publish", object("untested", true), "If-Match", "*").want(http.StatusOK).read(&c)
	var versions Page[ConnectionVersion]
	o.send(http.MethodGet, one+"/versions", nil).want(http.StatusOK).read(&versions)
	o.send(http.MethodPost, one+"/versions/"+versions.Data[2].ID+"/restore", nil, "If-Match", "*").want(http.StatusOK)
	o.send(http.MethodDelete, one+"/draft", nil, "If-Match", "*").want(http.StatusOK)
	o.send(http.MethodGet, one+"/draft", nil).problem(http.StatusNotFound, "not_found")
	if len(c.Settings.Certificates) != 1 || c.Settings.Certificates[0] != first || c.State != "active" {
		t.Errorf("%+v", c)
	}
	o.send(http.MethodPost, one+"/disable", nil, "If-Match", "*").want(http.StatusOK)
	o.send(http.MethodDelete, one, nil, "If-Match", "*").want(http.StatusNoContent)
	o.send(http.MethodGet, one, nil).problem(http.StatusNotFound, "not_found")
}

// What is wrong is named as the program sent it; what a browser may not be sent to is refused (S-49), and no address within is fetched (W-30).
func TestConnectionsThatMayNotBe(t *testing.T) {
	o := newWorld(t).found("acme")
	settings := func(pairs ...any) map[string]any { return object("name", "Okta", "settings", object(pairs...)) }
	for field, body := range map[string]map[string]any{
		"settings.redirect_url":       settings("redirect_url", "javascript:alert(1)"),
		"settings.post_url":           settings("post_url", "http://idp.test/sso"),
		"settings.certificates":       settings("certificates", []string{"none"}),
		"settings.name_id_format":     settings("name_id_format", "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"),
		"settings.login_hint_as":      settings("login_hint_as", "query:a b"),
		"settings.mapping.own":        settings("mapping", object("own", object("Site", "x"))),
		"settings.authn_context":      settings("authn_context", []string{""}),
		"metadata":                    object("name", "Okta", "metadata", object()),
		"metadata.xml":                object("name", "Okta", "metadata", object("xml", "<none/>")),
		"metadata.url":                object("name", "Okta", "metadata", object("url", "https://127.0.0.1/metadata")),
		"name":                        object("name", "\t"),
		"settings.mapping.subjection": settings("mapping", object("subjection", "x")),
	} {
		p := o.send(http.MethodPost, "/connections", body).problem(http.StatusUnprocessableEntity, "invalid")
		if len(p.Errors) != 1 || p.Errors[0].Field != field || p.Errors[0].Detail == "" {
			t.Errorf("%s: %+v", field, p.Errors)
		}
	}
	o.send(http.MethodPost, "/connections", object("name", "Okta", "metadata", object("xml", strings.Repeat("x", 600<<10)))).problem(http.StatusRequestEntityTooLarge, "request_entity_too_large")
	if got := o.send(http.MethodGet, "/connections", nil).want(http.StatusOK); !strings.Contains(got.body, `"data":[]`) {
		t.Errorf("%s", got.body)
	}
}

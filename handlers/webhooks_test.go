package handlers

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-sso/gatehouse/audit"
)

func TestWebhookFromRegistrationToDeletion(t *testing.T) {
	p := newProduct(t)
	acme := p.found("acme")
	list := "/organizations/" + acme.Organization.ID + "/webhooks"
	acme.owner.get(list).want(http.StatusOK, "There is no webhook yet")
	acme.owner.post(list, "url", "http://hooks.example.com/", "types", "member.added").want(http.StatusUnprocessableEntity, "It must begin with https://.")
	made := acme.owner.post(list, "url", "https://hooks.example.com/", "types", "member.added", "types", "project.created").want(http.StatusCreated, "whsec_")
	secrets := regexp.MustCompile(`whsec_[0-9A-Za-z+/]{43}=`)
	p.hide(secrets.FindString(made.Body))
	one := made.link(list + "/whk_")
	acme.owner.get(one).want(http.StatusOK, "https://hooks.example.com/", "Enabled").lacks("whsec_")
	acme.owner.post(one + "/test").want(http.StatusOK)
	delivery := acme.owner.get(one).want(http.StatusOK, "Waiting", "webhook.test").link(one + "/deliveries/dlv_")
	acme.owner.get(delivery).want(http.StatusOK, "webhook.test", "No answer")
	acme.owner.post(one, "version", "1", "url", "https://hooks.example.com/2", "types", "member.removed").want(http.StatusOK)
	acme.owner.post(one, "version", "1", "url", "https://hooks.example.com/3", "types", "member.removed").want(http.StatusUnprocessableEntity, "Somebody else changed this")
	p.hide(secrets.FindString(acme.owner.post(one+"/rotate", "version", "2").want(http.StatusOK, "whsec_", "messages are signed with the secret before, too").Body))
	acme.owner.post(one+"/disable", "version", "3").want(http.StatusOK)
	acme.owner.post(delivery+"/replay").want(http.StatusUnprocessableEntity, "The webhook is disabled. Enable it first.")
	acme.owner.post(one+"/enable", "version", "4").want(http.StatusOK)
	acme.owner.post(one+"/replay", "since", "72").want(http.StatusOK)
	acme.owner.get(delivery).want(http.StatusOK, "Waiting")
	acme.owner.post(delivery + "/replay").want(http.StatusOK)
	acme.owner.post(one+"/delete", "version", "5", "confirm", "x").want(http.StatusUnprocessableEntity)
	acme.owner.post(one+"/delete", "version", "5", "confirm", "https://hooks.example.com/2").want(http.StatusOK)
	acme.owner.get(one).want(http.StatusNotFound)
}

func TestWebhookTypesAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range append(audit.MessageTypes(), audit.TestMessage) {
		if !strings.Contains(string(text), "### "+string(kind)+"\n\n"+kind.About()+"\n\n```json\n{\"$id\": \""+string(kind)+"\"") {
			t.Errorf("docs/webhooks.md says nothing of %s, or something else", kind)
		}
	}
}

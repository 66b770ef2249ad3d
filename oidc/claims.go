package oidc

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// readSubject fills in everything that Decide judges, and maps what the ID token says of the person.
func (p RelyingParty) readSubject(r *Reading, t token, a Asked) *trust.Refusal {
	id := sha256.Sum256([]byte(t.signed()))
	issued, _ := t.claims.moment("iat")
	ends, _ := t.claims.moment("exp")
	from, _ := t.claims.moment("nbf")
	signedIn, _ := t.claims.moment("auth_time")
	r.Claim = trust.Claim{
		Protocol: "oidc", Issuer: t.claims.text("iss"), Audience: t.claims.texts("aud"), Recipient: p.RedirectURI,
		InResponseTo: a.Nonce.Reveal(), // checkNonce found it to be the same
		AssertionID:  base64.RawURLEncoding.EncodeToString(id[:]),
		Subject:      t.claims.text("sub"), IssuedAt: issued, NotBefore: from, NotOnOrAfter: ends, AuthnAt: signedIn,
		AuthnContext: t.claims.text("acr"), SessionIndex: t.claims.text("sid"), Named: trust.Named{Value: t.claims.text("sub")},
	}
	var refusal *trust.Refusal
	if sub := r.Claim.Subject; sub == "" || len(sub) > maxSubject {
		refusal = trust.Refuse(trust.ReasonSubjectMissing, "a sub of 1 to 255 bytes", strconv.Itoa(len(sub))+" bytes")
	} else if name := p.Mapping.Subject; name != "" && name != "sub" {
		values := t.claims.values(name)
		if len(values) != 1 {
			refusal = trust.Refuse(trust.ReasonSubjectMissing, "one value of "+name, strconv.Itoa(len(values))+" values")
		} else {
			r.Claim.Subject = values[0]
		}
	}
	if refusal == nil && strings.ContainsRune(r.Claim.Subject, utf8.RuneError) {
		// Half a surrogate pair is read so, whichever it was: two people would be one.
		refusal = trust.Refuse(trust.ReasonSubjectMissing, "a subject in whole characters", r.Claim.Subject)
	}
	if r.note("subject", "a subject", r.Claim.Subject, refusal) == nil {
		p.mapClaims(r)
	}
	return refusal
}

// Lacks reports whether the ID token leaves out what the mapping asks for, so that userinfo may have it.
func (p RelyingParty) Lacks(r *Reading) bool {
	if r.Claim.Email == "" {
		return true
	}
	names := []string{p.Mapping.Name, p.Mapping.GivenName, p.Mapping.FamilyName, p.Mapping.Groups, p.Mapping.Roles}
	names = slices.AppendSeq(names, maps.Values(p.Mapping.Own))
	return slices.ContainsFunc(names, func(name string) bool { return name != "" && r.claims.values(name) == nil })
}

// addUserinfo fills in what the ID token left out from an answer of the userinfo endpoint about the same subject. What the ID token
// says stands: it is signed.
func (p RelyingParty) addUserinfo(r *Reading, answer object) *trust.Refusal {
	if sub := answer.text("sub"); sub == "" || sub != r.claims.text("sub") {
		return trust.Refuse(trust.ReasonUserinfo, "the sub of the ID token", or(sub, "no sub"))
	}
	r.more = answer
	p.mapClaims(r)
	return nil
}

// values are those of the ID token or, where it has none, of userinfo.
func (r *Reading) values(mapped string, standard ...string) []string {
	if mapped != "" {
		standard = []string{mapped}
	}
	for _, from := range []object{r.claims, r.more} {
		for _, name := range standard {
			if values := from.values(name); len(values) > 0 {
				return values
			}
		}
	}
	return nil
}

func (p RelyingParty) mapClaims(r *Reading) {
	m, c := p.Mapping, &r.Claim
	single := func(into *string, mapped, standard string) {
		if values := r.values(mapped, standard); len(values) > 0 {
			*into = trust.Printable(strings.TrimSpace(values[0]))
		}
	}
	single(&c.Name, m.Name, "name")
	single(&c.GivenName, m.GivenName, "given_name")
	single(&c.FamilyName, m.FamilyName, "family_name")
	p.mapEmail(r)
	c.Attributes = map[string][]string{}
	for own, name := range m.Own {
		if values := r.values(name); len(values) > 0 {
			c.Attributes[own] = values
		}
	}
	if groups := r.values(m.Groups, "groups"); len(groups) > 0 {
		c.Attributes["groups"] = groups
	}
	if roles := r.values(m.Roles, "gatehouse", "roles"); len(roles) > 0 {
		c.Attributes["roles"] = roles
	}
}

// mapEmail takes the address as a claim and nothing more: a person is never known by it, and it counts only on a domain that the
// organization has proved. email_verified is believed as JSON true alone, from where the address itself came.
func (p RelyingParty) mapEmail(r *Reading) {
	r.Claim.Email, r.Claim.EmailValues = "", 0
	name := or(p.Mapping.Email, "email")
	for _, from := range []object{r.claims, r.more} {
		values := from.values(name)
		if len(values) == 0 {
			continue
		}
		if p.VerifiedEmailOnly && !p.vouchesFor(from, values[0]) {
			return
		}
		r.Claim.Email, r.Claim.EmailValues = strings.TrimSpace(values[0]), len(values)
		return
	}
}

// vouchesFor: email_verified speaks of the claim email alone. An address that another claim holds is verified where it is that one.
func (p RelyingParty) vouchesFor(from object, address string) bool {
	if !from.isTrue("email_verified") || or(p.Mapping.Email, "email") == "email" {
		return from.isTrue("email_verified")
	}
	verified, missing := trust.ParseAddress(strings.TrimSpace(from.text("email")))
	taken, odd := trust.ParseAddress(strings.TrimSpace(address))
	return missing == nil && odd == nil && verified.Canonical() == taken.Canonical()
}

// Remark adds to the steps what an admin should know although nothing is wrong with it, and what arrived.
func (p RelyingParty) Remark(r *Reading) {
	p.tellMapped(r)
	all := maps.Clone(r.claims)
	maps.Copy(all, r.more)
	r.note("attributes", "", strings.Join(slices.Sorted(maps.Keys(all)), ", "), nil)
	remark := func(text string) {
		r.Steps = append(r.Steps, Step{Name: "remark", Verdict: noted, Got: text})
	}
	verified := r.claims.isTrue("email_verified") || r.more.isTrue("email_verified")
	switch address := r.values(p.Mapping.Email, "email"); {
	case len(address) > 0 && r.Claim.Email == "" && verified:
		remark("The address was left out: email_verified is true of another address, or was said elsewhere than the address, and this connection asks for one that is verified.")
	case len(address) > 0 && r.Claim.Email == "":
		remark("The address was left out: email_verified is not true, and this connection asks for that.")
	case len(address) > 0 && !verified:
		remark("email_verified is not true; the address counts because of its domain alone, if that is verified here.")
	}
	if r.groupsLeftOut() {
		remark("The identity provider left the groups out because there are too many. Let Microsoft Entra ID send only the groups assigned to the application.")
	}
}

// groupsLeftOut: Entra replaces more than 200 groups by a pointer to another of its services.
func (r *Reading) groupsLeftOut() bool {
	var pointers object
	_ = json.Unmarshal(r.claims["_claim_names"], &pointers) // what is none has no groups
	return pointers.has("groups") || r.claims.isTrue("hasgroups") || r.claims.text("hasgroups") == "true"
}

package trust

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Decide judges a claim by a policy at a time. It is the one judge: what a reader of messages has checked already, it checks
// again on the Claim. The answer is a person we vouch for, or the first reason not to.
//
// An address on no verified domain is not refused here, because somebody linked already may sign in with it; the Identity
// says so, and whoever would make or match a person by it must refuse. A missing address is treated alike.
func Decide(p Policy, c Claim, now time.Time) (Identity, *Refusal) {
	for _, judge := range []func(Policy, Claim, time.Time) *Refusal{
		judgeState, judgeParties, judgeRequest, judgeTimes, judgeSubject, judgeContext,
	} {
		if refusal := judge(p, c, now); refusal != nil {
			return Identity{}, refusal
		}
	}
	address, refusal := judgeAddress(c)
	if refusal != nil {
		return Identity{}, refusal
	}
	issuer := ""
	if c.Protocol == "oidc" {
		issuer = c.Issuer
	}
	return Identity{facts{
		Connection: p.ConnectionID, Organization: p.OrganizationID, Subject: c.Subject, Format: c.SubjectFormat,
		Address: address.Given(), OnVerifiedDomain: !address.IsZero() && slices.Contains(p.VerifiedDomains, address.Domain()),
		Name: c.Name, GivenName: c.GivenName, FamilyName: c.FamilyName,
		At: now, AuthnAt: c.AuthnAt, ExpiresAt: c.SessionNotOnOrAfter,
		AuthnContext: c.AuthnContext, SessionIndex: c.SessionIndex, Attributes: c.Attributes,
		Issuer: issuer, VouchedBy: c.Issuer, Named: c.Named, SignOutHint: c.SignOutHint,
	}}, nil
}

// same compares two names; an empty one is never the same as anything, so that nothing left out can match.
func same(want, got string) bool { return want != "" && want == got }

// judgeState: the organization and the connection may take this login at all (S-51).
func judgeState(p Policy, c Claim, _ time.Time) *Refusal {
	switch {
	case p.OrganizationID == "" || !p.OrganizationActive:
		return Refuse(ReasonOrganizationSuspended, "an active organization", "a suspended one")
	case !same(p.ConnectionID, c.ConnectionID):
		return Refuse(ReasonConnectionNotActive, p.ConnectionID, c.ConnectionID)
	case p.TestOnly && !p.TestLogin:
		return Refuse(ReasonTestOnly, "a test login", "an ordinary login")
	case !p.TestOnly && !p.ConnectionActive:
		return Refuse(ReasonConnectionNotActive, "an active connection", "one that is not active")
	}
	return nil
}

// judgeParties: the right identity provider says it to us, and to us here (S-40, S-42).
func judgeParties(p Policy, c Claim, _ time.Time) *Refusal {
	switch {
	case !same(p.Issuer, c.Issuer):
		return Refuse(ReasonIssuer, p.Issuer, c.Issuer)
	case p.EntityID == "" || !slices.Contains(c.Audience, p.EntityID):
		return Refuse(ReasonAudience, p.EntityID, strings.Join(c.Audience, ", "))
	case !same(p.ACS, c.Recipient):
		return Refuse(ReasonRecipient, p.ACS, c.Recipient)
	case c.Destination != "" && c.Destination != p.ACS:
		return Refuse(ReasonDestination, p.ACS, c.Destination)
	case c.AssertionID == "":
		return Refuse(ReasonStructure, "an assertion with an ID", "none")
	}
	return nil
}

// judgeRequest: it answers the one request that this browser waits for, or none where that is allowed (S-43, S-46).
func judgeRequest(p Policy, c Claim, _ time.Time) *Refusal {
	if c.Unsolicited && c.InResponseTo == "" {
		if !p.AllowUnsolicited {
			return Refuse(ReasonUnsolicited, p.PendingRequest, "no InResponseTo")
		}
		return nil
	}
	if c.Unsolicited || !same(p.PendingRequest, c.InResponseTo) {
		return Refuse(ReasonInResponseTo, p.PendingRequest, c.InResponseTo)
	}
	return nil
}

// judgeTimes: now lies within everything the message says of its time, give or take Skew (S-44).
func judgeTimes(_ Policy, c Claim, now time.Time) *Refusal {
	earliest, latest := now.Add(-Skew), now.Add(Skew)
	switch {
	case c.IssuedAt.IsZero() || c.NotOnOrAfter.IsZero():
		return Refuse(ReasonStructure, "IssueInstant and NotOnOrAfter", "one is missing")
	case c.IssuedAt.After(latest):
		return Refuse(ReasonNotYetValid, "issued by "+clock(now), clock(c.IssuedAt))
	case now.Sub(c.IssuedAt) > MaxAge:
		return Refuse(ReasonResponseExpired, "issued at most 5 minutes before "+clock(now), clock(c.IssuedAt))
	case c.NotBefore.After(latest):
		return Refuse(ReasonNotYetValid, "valid at "+clock(now), "not before "+clock(c.NotBefore))
	case !c.NotOnOrAfter.After(earliest):
		return Refuse(ReasonExpired, "valid at "+clock(now), "not on or after "+clock(c.NotOnOrAfter))
	case c.AuthnAt.After(latest):
		return Refuse(ReasonNotYetValid, "signed in by "+clock(now), clock(c.AuthnAt))
	case !c.SessionNotOnOrAfter.IsZero() && !c.SessionNotOnOrAfter.After(now):
		return Refuse(ReasonExpired, "a session that lasts beyond "+clock(now), clock(c.SessionNotOnOrAfter))
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// judgeSubject: a lasting name of 1 to 256 bytes that two programs read alike (S-53).
func judgeSubject(p Policy, c Claim, _ time.Time) *Refusal {
	nameID := p.SubjectSource == "" || p.SubjectSource == "nameid"
	switch {
	case c.SubjectTransient || nameID && strings.HasSuffix(c.SubjectFormat, ":transient"):
		return Refuse(ReasonSubjectTransient, "a lasting NameID format", c.SubjectFormat)
	case c.Subject == "" || c.Subject != strings.TrimSpace(c.Subject) || !utf8.ValidString(c.Subject) ||
		strings.ContainsFunc(c.Subject, unicode.IsControl):
		return Refuse(ReasonSubjectMissing, "a subject without blanks around it", c.Subject)
	case len(c.Subject) > 256:
		return Refuse(ReasonSubjectMissing, "at most 256 bytes", strconv.Itoa(len(c.Subject))+" bytes")
	}
	return nil
}

// judgeContext: the person signed in there as strictly as this connection asks (R-25's SAML twin).
func judgeContext(p Policy, c Claim, _ time.Time) *Refusal {
	if len(p.RequiredAuthnContext) > 0 && (c.AuthnContext == "" || !slices.Contains(p.RequiredAuthnContext, c.AuthnContext)) {
		return Refuse(ReasonAuthnContext, strings.Join(p.RequiredAuthnContext, ", "), c.AuthnContext)
	}
	return nil
}

// judgeAddress: one address that everybody reads alike, or none (D-03, D-04).
func judgeAddress(c Claim) (Address, *Refusal) {
	if c.EmailValues > 1 {
		return Address{}, Refuse(ReasonEmailSeveralValues, "one value", strconv.Itoa(c.EmailValues)+" values")
	}
	if c.Email == "" {
		return Address{}, nil
	}
	address, err := ParseAddress(c.Email)
	if err != nil {
		return Address{}, Refuse(ReasonEmailNotCanonical, "a plain address such as name@example.com", c.Email)
	}
	return address, nil
}

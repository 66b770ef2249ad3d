package handlers

import (
	"net/http"
	"strings"

	"github.com/gatehouse-sso/gatehouse/access"
	"github.com/gatehouse-sso/gatehouse/audit"
	"github.com/gatehouse-sso/gatehouse/gate"
)

// Why a request is refused before anybody looked at a credential, or without one. The other reasons are the gate's codes.
const (
	credentialMissing  = "CREDENTIAL_MISSING"
	severalCredentials = "SEVERAL_CREDENTIALS"
	tooManyGuesses     = "TOO_MANY_GUESSES"
	questionInvalid    = "QUESTION_INVALID" // the proxy's configuration asks what cannot be asked
	requestUnclear     = "REQUEST_UNCLEAR"  // which method or address is meant is told in several ways
	noRule             = "NO_RULE"          // the catalogue knows no permission for this method and path
	projectMissing     = "PROJECT_MISSING"  // a session is not of one project, and nobody named one
	crossOrigin        = "CROSS_ORIGIN"     // another site makes the browser write
	undecided          = "UNDECIDED"
)

// The fields of a verdict. All are written on every answer, empty when they do not apply, so that a proxy that copies them always overwrites
// what its client sent under these names (W-21).
const (
	principalField = iota
	kindField
	nameField
	emailField
	organizationField
	projectField
	rolesField
	permissionsField
	reasonField
	missingField
	loginField
	fieldCount
)

// fieldNames are the headers in that order, in the form in which Go keeps them.
var fieldNames = [fieldCount]string{
	"X-Gatehouse-Principal", "X-Gatehouse-Kind", "X-Gatehouse-Name", "X-Gatehouse-Email", "X-Gatehouse-Organization", "X-Gatehouse-Project",
	"X-Gatehouse-Roles", "X-Gatehouse-Permissions", "X-Gatehouse-Reason", "X-Gatehouse-Missing-Permission", "X-Gatehouse-Login",
}

// verdict is an answer to a proxy.
type verdict struct {
	status    int
	elsewhere bool // the login address is on a registered host, not on ours
	values    [fieldCount]string
}

// writeTo writes every field. The values stay in the verdict, one allocation in all.
func (v *verdict) writeTo(header http.Header) {
	for i, name := range fieldNames {
		header[name] = v.values[i : i+1 : i+1]
	}
}

func refuse(status int, reason string) *verdict {
	v := &verdict{status: status}
	v.values[reasonField] = reason
	return v
}

// ofKey is what the gate said about a key.
func ofKey(result gate.Result) *verdict {
	v := &verdict{status: statusFor(result.Code)}
	v.values[reasonField] = string(result.Code)
	if result.KeyID == "" {
		return v
	}
	v.values[principalField], v.values[kindField], v.values[nameField] = result.KeyID, string(audit.APIKey), headerText(result.Name)
	v.values[organizationField], v.values[projectField] = result.OrganizationID, result.ProjectID
	v.values[rolesField], v.values[permissionsField] = listed(result.Roles), result.PermissionList
	v.values[missingField] = result.MissingPermission
	return v
}

// ofSession is what the gate said about a browser's session.
func ofSession(pass gate.Pass) *verdict {
	v := &verdict{status: statusFor(pass.Code)}
	v.values[reasonField] = string(pass.Code)
	if pass.UserID == "" {
		return v
	}
	v.values[principalField], v.values[kindField] = pass.UserID, string(audit.User)
	v.values[nameField], v.values[emailField] = headerText(pass.Name), headerText(pass.Email)
	if len(pass.Roles) == 0 {
		return v // what they have no part in is not told to them
	}
	v.values[organizationField], v.values[projectField] = pass.OrganizationID, pass.ProjectID
	v.values[rolesField], v.values[permissionsField], v.values[missingField] = listed(pass.Roles), pass.PermissionList, pass.MissingPermission
	return v
}

// statusFor is 401 where another credential may help, and 403 where this one is known and not enough.
func statusFor(code gate.Code) int {
	switch code {
	case gate.Valid:
		return http.StatusOK
	case gate.NotFound, gate.Expired, gate.Revoked, gate.SignInRequired:
		return http.StatusUnauthorized
	}
	return http.StatusForbidden
}

// listed are roles as headers have them, "A,B".
func listed(roles []access.Role) string {
	if len(roles) == 1 {
		return string(roles[0])
	}
	var out strings.Builder
	for i, role := range roles {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(string(role))
	}
	return out.String()
}

// headerText is text that any header can carry: in UTF-8, with everything but printable ASCII, and the percent sign, percent-encoded.
func headerText(text string) string {
	plain := func(c byte) bool { return ' ' <= c && c <= '~' && c != '%' }
	i := 0
	for i < len(text) && plain(text[i]) {
		i++
	}
	if i == len(text) {
		return text
	}
	var out strings.Builder
	for ; text != ""; text = text[1:] {
		if c := text[0]; plain(c) {
			out.WriteByte(c)
		} else {
			const digits = "0123456789ABCDEF"
			out.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return out.String()
}

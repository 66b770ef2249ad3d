package oidc

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gatehouse-sso/gatehouse/trust"
)

// record is an answer as it is kept. It holds nothing that could be presented again: no code, no token, no signature.
type record struct {
	Callback map[string]string `json:"callback"`
	Header   object            `json:"id_token_header,omitempty"`
	Claims   object            `json:"id_token,omitempty"`
	Userinfo object            `json:"userinfo,omitempty"`
}

// Record is what arrived, to be kept sealed.
func (r *Reading) Record(c Callback) []byte {
	kept := record{Callback: map[string]string{}, Header: r.header, Claims: r.claims, Userinfo: r.more}
	for name, value := range map[string]string{"iss": c.Issuer, "error": c.Failed, "error_description": c.Words} {
		if value != "" {
			kept.Callback[name] = value
		}
	}
	raw, err := json.Marshal(kept)
	if err != nil {
		return nil // members that were read as JSON always marshal
	}
	return raw
}

// shown are the members whose values tell an admin what went wrong and nothing about a person.
var shown = []string{"iss", "aud", "azp", "exp", "iat", "nbf", "auth_time", "acr", "amr", "alg", "kid", "typ", "tid", "hd", "ver", "email_verified"}

// Redacted is a kept answer in the form that the console shows: a member a line, and every value that says something about a person, or
// that anybody may have written, replaced by its length. It accepts any bytes at all.
func Redacted(raw []byte) string {
	var kept map[string]map[string]json.RawMessage
	if json.Unmarshal(raw, &kept) != nil {
		return fmt.Sprintf("[%d bytes that cannot be read]\n", len(raw))
	}
	var out strings.Builder
	for _, part := range []string{"callback", "id_token_header", "id_token", "userinfo"} {
		members, there := kept[part]
		if !there {
			continue
		}
		fmt.Fprintf(&out, "%s\n", part)
		names := make([]string, 0, len(members))
		for name := range members {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			value := fmt.Sprintf("[%d characters]", utf8.RuneCount(members[name]))
			if slices.Contains(shown, name) {
				value = trust.Printable(string(members[name]))
			}
			fmt.Fprintf(&out, "  %s: %s\n", trust.Printable(name), value)
		}
	}
	return out.String()
}

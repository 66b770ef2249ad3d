package trust

import (
	"strings"
	"unicode"
)

// Reason says why a login was refused. The list is closed; a reason once published keeps its spelling.
type Reason string

// Party says who can do something about a refusal.
type Party string

// The four parties.
const (
	PartyOurAdmin   Party = "our_admin" // who configures the connection and the organization here
	PartyTheirAdmin Party = "idp_admin" // who configures the identity provider
	PartyPerson     Party = "person"    // the person who signs in
	PartyUs         Party = "us"        // whoever runs or wrote Gatehouse
)

// The reasons, in the order in which a message meets them.
const (
	ReasonBadRequest                       Reason = "bad_request"
	ReasonEncoding                         Reason = "encoding"
	ReasonTooLarge                         Reason = "too_large"
	ReasonNotXML                           Reason = "not_xml"
	ReasonForbiddenXML                     Reason = "forbidden_xml"
	ReasonStructure                        Reason = "structure"
	ReasonNotAResponse                     Reason = "not_a_response"
	ReasonIDPErrorStatus                   Reason = "idp_error_status"
	ReasonResponseExpired                  Reason = "response_expired"
	ReasonIssuer                           Reason = "issuer_mismatch"
	ReasonDestination                      Reason = "destination_mismatch"
	ReasonNoAssertion                      Reason = "no_assertion"
	ReasonSeveralAssertions                Reason = "several_assertions"
	ReasonSignatureMissing                 Reason = "signature_missing"
	ReasonSignatureInvalid                 Reason = "signature_invalid"
	ReasonKeyNotConfirmed                  Reason = "key_not_confirmed"
	ReasonSignaturePlacement               Reason = "signature_placement"
	ReasonSignatureAlgorithm               Reason = "signature_algorithm"
	ReasonWeakKey                          Reason = "weak_key"
	ReasonNoCertificate                    Reason = "no_certificate"
	ReasonCertificateExpired               Reason = "certificate_expired"
	ReasonEncryptionRequiresOuterSignature Reason = "encryption_required_outer_signature"
	ReasonEncryptionAlgorithm              Reason = "encryption_algorithm"
	ReasonDecryptionFailed                 Reason = "decryption_failed"
	ReasonReadingsDisagree                 Reason = "readings_disagree"
	ReasonIDPUnreachable                   Reason = "idp_unreachable"
	ReasonTokenRefused                     Reason = "token_refused"
	ReasonTokenStructure                   Reason = "token_structure"
	ReasonClaimsTwice                      Reason = "claims_twice"
	ReasonTokenUnsigned                    Reason = "token_unsigned"
	ReasonTokenAlgorithm                   Reason = "token_algorithm"
	ReasonTokenSignature                   Reason = "token_signature"
	ReasonKeyUnknown                       Reason = "key_unknown"
	ReasonTokenType                        Reason = "token_type"
	ReasonTenant                           Reason = "tenant_mismatch"
	ReasonAuthorizedParty                  Reason = "authorized_party"
	ReasonNonce                            Reason = "nonce_mismatch"
	ReasonTokenHash                        Reason = "token_hash"
	ReasonSignInTooOld                     Reason = "sign_in_too_old"
	ReasonUserinfo                         Reason = "userinfo"
	ReasonSubjectMissing                   Reason = "subject_missing"
	ReasonSubjectTransient                 Reason = "subject_transient"
	ReasonSubjectConfirmation              Reason = "subject_confirmation"
	ReasonRecipient                        Reason = "recipient_mismatch"
	ReasonInResponseTo                     Reason = "in_response_to_mismatch"
	ReasonUnsolicited                      Reason = "unsolicited_not_allowed"
	ReasonIDPIgnoresRequests               Reason = "idp_ignores_requests"
	ReasonAudience                         Reason = "audience_mismatch"
	ReasonNotYetValid                      Reason = "not_yet_valid"
	ReasonExpired                          Reason = "expired"
	ReasonReplayed                         Reason = "replayed"
	ReasonLoginUnknown                     Reason = "login_unknown"
	ReasonLoginExpired                     Reason = "login_expired"
	ReasonSettingsChanged                  Reason = "settings_changed"
	ReasonOtherBrowser                     Reason = "other_browser"
	ReasonTestOnly                         Reason = "test_only"
	ReasonConnectionNotActive              Reason = "connection_not_active"
	ReasonOrganizationSuspended            Reason = "organization_suspended"
	ReasonEmailMissing                     Reason = "email_missing"
	ReasonEmailNotCanonical                Reason = "email_not_canonical"
	ReasonEmailSeveralValues               Reason = "email_several_values"
	ReasonDomainNotVerified                Reason = "domain_not_verified"
	ReasonNewcomersNotAdmitted             Reason = "newcomers_not_admitted"
	ReasonUserSuspended                    Reason = "user_suspended"
	ReasonMemberSuspended                  Reason = "member_suspended"
	ReasonAddressTaken                     Reason = "address_taken"
	ReasonGuestNotLinked                   Reason = "guest_not_linked"
	ReasonAuthnContext                     Reason = "authn_context"
	ReasonTestOwner                        Reason = "test_owner_mismatch"
)

// Refusal is a judgement: what was wanted and what came instead. Both are shown to admins and kept, so they are printable
// and at most 256 characters (S-61); Refuse sees to that. As an error it prints its reason and nothing that was claimed.
type Refusal struct {
	Reason    Reason
	Want, Got string
}

// Refuse makes a Refusal whose words are safe to keep and show.
func Refuse(reason Reason, want, got string) *Refusal {
	return &Refusal{Reason: reason, Want: Printable(want), Got: Printable(got)}
}

func (r *Refusal) Error() string { return "refused: " + string(r.Reason) }

// Printable cuts text to 256 characters and replaces what does not print.
func Printable(text string) string {
	runes := []rune(strings.ToValidUTF8(text[:min(len(text), 4*256)], "\uFFFD"))
	for i, r := range runes {
		if !unicode.IsPrint(r) {
			runes[i] = '\uFFFD'
		}
	}
	return string(runes[:min(len(runes), 256)])
}

// Party is who can do something about it.
func (r Reason) Party() Party { return words[r].party }

// Sentence tells the person who wanted to sign in, in one plain sentence.
func (r Reason) Sentence() string { return words[r].sentence }

// Fix tells an admin what to change, and where.
func (r Reason) Fix() string { return words[r].fix }

// Reasons lists all of them in order.
func Reasons() []Reason {
	reasons := make([]Reason, 0, len(ledger))
	for _, entry := range ledger {
		reasons = append(reasons, entry.reason)
	}
	return reasons
}

var words = func() map[Reason]entry {
	byReason := make(map[Reason]entry, len(ledger))
	for _, entry := range ledger {
		byReason[entry.reason] = entry
	}
	return byReason
}()

package trust

// entry is what a reason means to people: who can do something about it, what the person reads, what the admin changes.
type entry struct {
	reason        Reason
	party         Party
	sentence, fix string
}

// ledger has one entry for each reason, in their order; the tests hold it to that.
var ledger = []entry{
	{ReasonBadRequest, PartyTheirAdmin, "The sign-in message did not arrive the way it should.", "Send the response as one SAMLResponse field of an HTML form to the ACS address (HTTP-POST binding). Artifact and Redirect responses are not taken."},
	{ReasonEncoding, PartyTheirAdmin, "The sign-in message did not arrive in one piece.", "Send SAMLResponse in standard base64. Look for a proxy or browser extension that changes form fields on the way."},
	{ReasonTooLarge, PartyTheirAdmin, "The sign-in message is too large.", "Send fewer attributes. Most often the groups attribute lists hundreds of groups: limit it to the groups that matter here. The limits are 256 KiB and 900 XML elements."},
	{ReasonNotXML, PartyTheirAdmin, "The sign-in message could not be read.", "The response must be well-formed XML in UTF-8. Compare the recorded message with what the identity provider sent."},
	{ReasonForbiddenXML, PartyTheirAdmin, "The sign-in message holds parts that are not allowed.", "Comments, DOCTYPEs, processing instructions, repeated attributes and repeated IDs are refused. Turn off whatever adds them at the identity provider."},
	{ReasonStructure, PartyTheirAdmin, "The sign-in message is not built as the standard asks.", "Compare want and got: a mandatory part is missing, doubled or in the wrong place. Use the identity provider's standard SAML 2.0 template."},
	{ReasonNotAResponse, PartyTheirAdmin, "What arrived is not a sign-in message.", "The ACS address takes SAML 2.0 Response messages only. Check that requests, metadata or logout messages are not sent there."},
	{ReasonIDPErrorStatus, PartyTheirAdmin, "Your company’s sign-in system answered that it could not sign you in.", "The identity provider itself refused. Read its own log; most often the person or group is not assigned to the application."},
	{ReasonResponseExpired, PartyPerson, "The sign-in took too long on its way; please try again.", "The message was older than 5 minutes when it arrived. If it happens to everybody, set the identity provider’s clock by NTP."},
	{ReasonIssuer, PartyOurAdmin, "The sign-in message comes from a system that this connection does not know.", "Set the connection’s identity provider entity ID to exactly what the identity provider sends as Issuer (see got)."},
	{ReasonDestination, PartyTheirAdmin, "The sign-in message was meant for another address.", "Set the ACS address (Reply URL, Single sign-on URL) at the identity provider to exactly the one shown under want."},
	{ReasonNoAssertion, PartyTheirAdmin, "The sign-in message does not say who you are.", "The response must hold one Assertion or EncryptedAssertion, directly inside Response."},
	{ReasonSeveralAssertions, PartyTheirAdmin, "The sign-in message speaks of more than one person.", "The response must hold exactly one assertion. Nothing but a misconfiguration or an attack sends several."},
	{ReasonSignatureMissing, PartyTheirAdmin, "The sign-in message is not signed.", "Turn on signing of the response, of the assertion, or of both at the identity provider."},
	{ReasonSignatureInvalid, PartyOurAdmin, "The signature of the sign-in message could not be confirmed.", "If the identity provider has changed its signing certificate, add the new one to the connection. Otherwise the message was changed on its way."},
	{ReasonSignaturePlacement, PartyTheirAdmin, "The signature of the sign-in message is not where it must be.", "The signature must follow Issuer inside Response or Assertion, at most one each, and refer to that element alone."},
	{ReasonSignatureAlgorithm, PartyTheirAdmin, "The sign-in message is signed in a way that is no longer safe.", "Use RSA or ECDSA with SHA-256 or better, digest SHA-256 or better, and exclusive canonicalization. SHA-1 is refused."},
	{ReasonWeakKey, PartyTheirAdmin, "The sign-in message is signed with a key that is too weak.", "Use a signing certificate with an RSA key of at least 2048 bits or an EC key on P-256 or larger."},
	{ReasonNoCertificate, PartyOurAdmin, "This sign-in connection is not set up completely.", "Add the identity provider’s signing certificate to the connection."},
	{ReasonCertificateExpired, PartyTheirAdmin, "The certificate of your company’s sign-in system is not valid today.", "Renew the signing certificate at the identity provider, then add the new one to the connection."},
	{ReasonEncryptionRequiresOuterSignature, PartyTheirAdmin, "The encrypted sign-in message is not signed on the outside.", "Turn on signing of the response (not of the assertion alone). If the identity provider cannot, allow the unsigned response around an encrypted assertion in the connection’s settings."},
	{ReasonEncryptionAlgorithm, PartyTheirAdmin, "The sign-in message is encrypted in a way that is not taken.", "Use RSA-OAEP with AES-GCM (or AES-CBC inside a signed response). RSA 1.5 and Triple DES are refused."},
	{ReasonDecryptionFailed, PartyOurAdmin, "The sign-in message could not be decrypted.", "Give the identity provider the connection’s present encryption certificate: it may still use one that was removed here."},
	{ReasonReadingsDisagree, PartyUs, "The sign-in message can be read in two ways, so it was not believed.", "Keep the recorded message and report it: this is either an attack or a fault of ours, and never a setting."},
	{ReasonSubjectMissing, PartyTheirAdmin, "Your company’s sign-in system did not say who you are.", "Send a NameID (or the attribute chosen as subject) of 1 to 256 bytes without blanks around it."},
	{ReasonSubjectTransient, PartyTheirAdmin, "Your company’s sign-in system gave you a name that changes every time.", "Send a persistent, emailAddress or unspecified NameID instead of a transient one, or choose an immutable attribute as the subject."},
	{ReasonSubjectConfirmation, PartyTheirAdmin, "The sign-in message does not say that you may present it.", "The assertion needs a SubjectConfirmation of method bearer with Recipient and NotOnOrAfter, and without NotBefore."},
	{ReasonRecipient, PartyTheirAdmin, "The sign-in message was meant for another address.", "Set the Recipient (usually the ACS address, Reply URL or Single sign-on URL) at the identity provider to exactly the one shown under want."},
	{ReasonInResponseTo, PartyPerson, "This sign-in does not belong to the one you started here; please start again.", "The message answers another request. It happens with an old tab or the back button; if it happens always, the identity provider sends a wrong InResponseTo."},
	{ReasonUnsolicited, PartyOurAdmin, "Please start signing in from our page.", "Sign-in from the identity provider’s own dashboard is off for this connection: turn it on in the connection’s settings, or point the tile at the connection’s login address."},
	{ReasonIDPIgnoresRequests, PartyOurAdmin, "Your company’s sign-in system keeps answering without having been asked.", "The identity provider ignores our requests. Check that the connection has its SAML sign-on address, not the address of a dashboard tile, and that it answers AuthnRequests; until then turn sign-in from its dashboard off."},
	{ReasonAudience, PartyTheirAdmin, "The sign-in message was meant for another service.", "Set the audience (Entity ID, Identifier, Audience URI) at the identity provider to exactly the one shown under want."},
	{ReasonNotYetValid, PartyTheirAdmin, "The clock of your company’s sign-in system runs ahead.", "Set the identity provider’s clock by NTP. Three minutes of difference are allowed."},
	{ReasonExpired, PartyPerson, "The sign-in message is no longer valid; please try again.", "If it happens to everybody, the identity provider’s clock runs behind (three minutes are allowed) or its assertions live too short."},
	{ReasonReplayed, PartyPerson, "This sign-in was already used; please start again.", "Each assertion is taken once. Going back or reloading sends it again; otherwise somebody may have copied it."},
	{ReasonLoginUnknown, PartyPerson, "This sign-in is not one that was started here; please start again.", "No pending sign-in matches. It may have been started on another address of this service or long ago."},
	{ReasonLoginExpired, PartyPerson, "This sign-in took longer than 15 minutes; please start again.", "A sign-in that was started stays open for 15 minutes."},
	{ReasonOtherBrowser, PartyPerson, "This sign-in was started in another browser; please start again in this one.", "The answer must arrive in the browser that asked. Check that this browser accepts cookies from this site."},
	{ReasonTestOnly, PartyOurAdmin, "This connection is still being set up and takes test sign-ins only.", "Finish the test sign-in and activate the connection."},
	{ReasonConnectionNotActive, PartyOurAdmin, "Sign-in through this connection is turned off.", "Activate the connection on its page."},
	{ReasonOrganizationSuspended, PartyUs, "This organization is suspended.", "Ask whoever runs this service to lift the suspension."},
	{ReasonEmailMissing, PartyOurAdmin, "Your email address did not come with the sign-in message.", "Compare the attributes in the message with the connection’s Attributes page. If one of them is the address, name it there; if none is, the identity provider must send it."},
	{ReasonEmailNotCanonical, PartyTheirAdmin, "Your company’s sign-in system sent an email address that is not taken.", "Send a plain address such as name@example.com: no quotes, no blanks, no letters outside ASCII; the domain in its xn-- form."},
	{ReasonEmailSeveralValues, PartyTheirAdmin, "Your company’s sign-in system sent several email addresses.", "Send one value in the attribute that is mapped to the email address."},
	{ReasonDomainNotVerified, PartyOurAdmin, "Your email address is not on a domain that this organization has proved.", "Verify the address’s domain on the domains page. An identity provider vouches for people on verified domains alone."},
	{ReasonNewcomersNotAdmitted, PartyOurAdmin, "You are not a member here yet; please ask an owner of the organization to let you in.", "Newcomers are not admitted on first sign-in, or the person was removed before. Admitting newcomers is turned on under Sign-in."},
	{ReasonUserSuspended, PartyUs, "Your user is suspended.", "Ask whoever runs this service to lift the suspension of this user."},
	{ReasonMemberSuspended, PartyOurAdmin, "You are suspended in this organization.", "End the suspension on the members page. No sign-in does so by itself."},
	{ReasonAddressTaken, PartyOurAdmin, "Your email address already belongs to another sign-in of this organization; please ask an owner of it.", "The same address arrived with a second subject: it was given to somebody else, or the identity provider names the same person anew. If that is as it should be, remove the member on the members page; at the next sign-in they arrive as a newcomer."},
	{ReasonGuestNotLinked, PartyPerson, "Your email address is not on a domain of this organization, so please sign in with your own password.", "An identity provider does not vouch for guests, whose address is on nobody’s domain or another’s. If the domain is yours, verify it; otherwise the guest signs in with a password."},
	{ReasonAuthnContext, PartyTheirAdmin, "Your company’s sign-in system did not check you as strictly as this organization asks.", "Require the authentication context shown under want (for example multi-factor) for this application at the identity provider, or relax the connection."},
	{ReasonTestOwner, PartyPerson, "The test sign-in arrived as somebody else.", "Sign in at the identity provider as the owner who started the test, or start the test as that person."},
}

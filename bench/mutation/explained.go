package main

// explained are the rules that no test misses, and why they stay all the same.
var explained = map[string]string{
	`saml.placed never: signature.space != signatureNamespace`:                                         "one of another namespace is no only ds:Signature either, and gets the same answer",
	`saml.checkIssuer never: want == ""`:                                                               "requireOneIssuer leaves no empty Issuer that could match; the second lock",
	`saml.checkSignature never: err != nil`:                                                            "etree reads whatever the guard's pass took; should it not, nobody is believed",
	`saml.checkSignature never: m.assertion == nil`:                                                    "what is signed holds the assertion where it arrived; should it not, nobody is believed",
	`saml.checkDecryption never: refusal != nil`:                                                       "requireSoundEncryption took the same ciphertext apart as it arrived",
	`saml.open never: err != nil`:                                                                      "no plaintext that passed the guard fails in etree, no failed key has a length, no key of a listed length fails in AES",
	`saml.detached never: err != nil`:                                                                  "the guard leaves no prefix undeclared, and an empty value does not verify",
	`saml.asASN1 never: err != nil`:                                                                    "what is not base64, or no ASN.1, does not verify",
	`saml.asASN1 always: len(rest) == 0`:                                                               "a value with something behind it verifies neither as ASN.1 nor as halves",
	`saml.whyUnverified without: append(known, Fingerprint(certificate))`:                              "words for the admin",
	`saml.unsealGCM never: err != nil`:                                                                 "AES has the one block size that GCM takes",
	`saml.Decrypt without: fmt.Errorf("nothing was opened for %T", key)`:                               "the library hands over no other key; should it, there is no plaintext",
	`saml.readByLibrary never: err != nil`:                                                             "checkRecipient refuses whatever does not equal our ACS, which is an address",
	`saml.readingOf always: a.Subject != nil`:                                                          "the guard insists on a Subject; a panic is caught and disagrees",
	`saml.readingOf always: a.Subject.NameID != nil`:                                                   "the guard insists on a NameID; a panic is caught and disagrees",
	`saml.readingOf always: data != nil`:                                                               "the guard insists on data; a panic is caught and disagrees",
	`saml.readingOf always: confirmation.Method == bearer`:                                             "both readings take the last confirmation alike; which one is requireConfirmations' business",
	`saml.readingIn always: data != nil`:                                                               "the guard insists on data",
	`saml.readingIn always: confirmation.attribute("Method") == bearer`:                                "both readings take the last confirmation alike; which one is requireConfirmations' business",
	`saml.whyUnverified never: !now.Before(certificate.NotBefore) && !now.After(certificate.NotAfter)`: "spares a second try by a certificate that had its turn, and decides nothing",
	`broker.judge never: err != nil`:                                                                   "without its pending login Read refuses the answer, and settings that cannot be read have no certificate: nobody gets in, the failure is only told wrongly",
	`broker.expect never: err != nil`:                                                                  "a login that could not be read has no hashes, which match no browser: nobody gets in",
	`broker.mayArriveUnasked never: err != nil`:                                                        "the handshake writes to the same table next, and fails there",
	`gate.holds never: err != nil`:                                                                     "no key comes with an error, and the operand beside it hands the error on as well",
}

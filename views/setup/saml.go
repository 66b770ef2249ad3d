package setup

func genericSAML() Product {
	return Product{
		Kind: "saml", Name: "Any SAML 2.0 identity provider", About: "SimpleSAMLphp, Shibboleth, ADSelfService, Duo, CyberArk and others", Admin: "somebody who may add a service provider there",
		SAML: &Guide{
			Steps: []Step{
				{
					ID: "application", Title: "Register us there",
					Lead: "Identity providers call this adding an application, a service provider or a relying party.",
					Do: []string{
						"If it takes metadata, give it our metadata address, which holds everything that it needs.",
						"If it does not, give it the other values by hand. The names in brackets are what they are called elsewhere.",
					},
					Give: []Give{
						{"Metadata address", Metadata}, {"Entity ID (Audience, Identifier, SP entity ID)", EntityID},
						{"ACS address (Reply URL, Single sign-on URL, Recipient, Destination)", ACS}, {"Sign-in address (Start URL, Login URL, optional)", StartURL}, {"Single logout address (SLO URL, Logout URL, optional)", SLO},
					},
					After: []string{
						"Have it sign the response, the assertion or both, by RSA or ECDSA with SHA-256 or better.",
						"Have it send a NameID that never changes and is never given to somebody else, in the format `persistent` if there is a choice.",
					},
					Wrong: []Trouble{
						{"It asks for a certificate of ours", "Our metadata holds it, for signed requests and for encrypted assertions. It also stands on this connection's page."},
						{"It cannot fetch our metadata address", "Open the address in a browser and give it the file."},
					},
				},
				{
					ID: "metadata", Title: "Give us its metadata", Take: TakesMetadata,
					Do: []string{
						"Find its metadata: it is called **metadata**, **federation metadata** or **IdP metadata**, as an address, a file or text.",
						"Give it here in one of the three ways, or enter the values by hand.",
					},
					Hint: "An address is best: later changes can be read from there.",
					Wrong: []Trouble{
						{"That is a web page, it says here", "The address needs a sign-in, or is that of a page about the metadata."},
						{"The metadata has no signing certificate", "It is that of a service provider, not of an identity provider."}, late,
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Do: []string{
						"Have it send an email address at least, and if you can a given name, a family name and groups.",
						"Enter the exact **Name** of each attribute here, or leave a field empty: the names that are commonly used are found by themselves.",
					},
					Hint: "Names are case-sensitive. The test shows every attribute that arrived, with its Name, so this can be filled in afterwards.",
					Wrong: []Trouble{
						{"The test ends with email_missing", "No attribute carries an address, or it has an unusual name: look at what arrived and enter that name."},
						{"The test ends with subject_transient", "The NameID changes at every sign-in. Choose another format there, or name an attribute that never changes as the subject."},
					},
				},
				domains(), test("your identity provider"),
			},
		},
	}
}

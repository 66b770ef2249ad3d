package setup

func auth0() Product {
	return Product{
		Kind: "auth0", Name: "Auth0", About: "An Auth0 tenant as the identity provider", Admin: "an administrator of the Auth0 tenant",
		SAML: &Guide{
			Mapping: Mapping{Subject: claims + "nameidentifier", Email: claimEmail, Name: claimName, GivenName: claimGiven, FamilyName: claimFamily},
			Steps: []Step{
				{
					ID: "application", Title: "Create the application",
					Do: []string{
						"Open the Auth0 Dashboard and choose **Applications** → **Applications**, then **Create Application**.",
						"Enter a **Name**, choose **Regular Web Applications**, and click **Create**.",
						"Open the **Addons** tab and click **SAML2 WEB APP**.",
					},
				},
				{
					ID: "values", Title: "Give Auth0 our values",
					Lead: "You are on the **Settings** tab of the addon.",
					Do:   []string{"Paste this as **Application Callback URL**, and the text below over what stands under **Settings**."},
					Give: []Give{{"Application Callback URL", ACS}},
					Code: `{
  "audience": "{entity_id}",
  "recipient": "{acs}",
  "destination": "{acs}",
  "signatureAlgorithm": "rsa-sha256",
  "digestAlgorithm": "sha256",
  "nameIdentifierFormat": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent",
  "nameIdentifierProbes": ["` + claims + `nameidentifier"]
}`,
					After: []string{"Scroll down and click **Enable**, or **Save** if it is on already."},
					Wrong: []Trouble{
						{"The test ends with signature_algorithm", "Auth0 signs with SHA-1 unless the settings say `rsa-sha256` and `sha256`. The comments that stood there did nothing."},
						{"The test ends with audience_mismatch", "The settings say no `audience`, or another one."},
					},
				},
				{
					ID: "attributes", Title: "Check who people are", Take: TakesMapping,
					Lead: "Auth0 sends its usual profile under these names by itself.",
					Do:   []string{"There is nothing to do there, unless you have given the settings `mappings` of your own: then enter those names here."},
					Hint: "The subject is the Auth0 user ID, such as auth0|5f7c…, which never changes.",
					Wrong: []Trouble{
						{"There are no groups", "Auth0 has none of its own. An Action that sets a SAML attribute (`api.samlResponse.setAttribute`) can send them: enter its name as Groups."},
					},
				},
				{
					ID: "metadata", Title: "Give us Auth0's metadata", Take: TakesMetadata,
					Do: []string{
						"In the addon, open the **Usage** tab.",
						"Beside **Identity Provider Metadata**, copy the address of the link **Download**, and paste it here as the metadata address.",
					},
					Hint: "It looks like https://{tenant}.auth0.com/samlp/metadata/{client ID}.", Wrong: []Trouble{late},
				},
				{
					ID: "people", Title: "Choose who may sign in",
					Do:    []string{"On the **Connections** tab of the application, switch on the databases and enterprise connections whose people may sign in, and the others off."},
					Wrong: []Trouble{{"Anybody can register at Auth0 and come here", "A database connection lets strangers sign up unless **Disable Sign Ups** is on. They are refused here unless their address is on a domain that you have proved: have Auth0 verify addresses."}},
				},
				domains(), test("Auth0"),
			},
		},
	}
}

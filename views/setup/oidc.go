package setup

func genericOIDC() Product {
	return Product{
		Kind: "oidc", Name: "Any OpenID Connect provider", About: "Authentik, Zitadel, Ory, Authelia, GitLab and others", Admin: "somebody who may register an application there",
		OIDC: &Guide{
			Steps: []Step{
				{
					ID: "application", Title: "Register us there",
					Lead: "Identity providers call this adding an application, a client or a relying party.",
					Do: []string{
						"Register a **web application**: a confidential client that uses the authorization code flow.",
						"Give it our redirect URI. The others are asked for by some.",
					},
					Give: []Give{
						{"Redirect URI (Callback URL, Reply URL)", Callback}, {"Initiate login URI (for tiles, optional)", Initiate}, {"JWKS address of our keys (for private_key_jwt)", OurKeys},
						{"Back-channel logout URI (optional)", BackChannel}, {"Post-logout redirect URI (optional)", SignedOut},
					},
					After: []string{
						"Let it use PKCE with `S256` if it asks.",
						"Let it give us the scopes `openid`, `email` and `profile`.",
					},
					Wrong: []Trouble{{"It says that the redirect URI is wrong", "Many compare it letter by letter: no final slash, the same host, https."}},
				},
				{
					ID: "client", Title: "Give us the client", Take: TakesClient,
					Do: []string{
						"Find its issuer. It is the address that, followed by `/.well-known/openid-configuration`, answers with a JSON document.",
						"Copy the **Client ID** that it gave us and, unless we use our own key, the **Client secret**.",
					},
					Hint: "With our own key (`private_key_jwt`) there is no secret that could leak or expire.",
					Wrong: []Trouble{
						{"The issuer calls itself otherwise", "Take the address that its discovery document gives as `issuer`, letter by letter."},
						{"The test ends with token_refused", "The secret is another one's, or the application there takes another way to authenticate."}, late,
					},
				},
				{
					ID: "attributes", Title: "Check who people are", Take: TakesMapping,
					Do: []string{
						"Leave the fields empty where the identity provider sends the standard claims: `sub`, `email`, `name`, `given_name`, `family_name`.",
						"For groups, enter the claim that holds them. A dot leads into an object: `realm_access.roles`.",
					},
					Hint:  "The test shows every claim that arrived, so this can be filled in afterwards.",
					Wrong: []Trouble{{"The test ends with email_missing", "The scope `email` is not given to us, or people have no address there."}},
				},
				domains(), test("your identity provider"),
			},
		},
	}
}

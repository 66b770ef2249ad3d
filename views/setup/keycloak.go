package setup

func keycloak() Product {
	return Product{
		Kind: "keycloak", Name: "Keycloak", About: "Also Red Hat build of Keycloak", Admin: "an administrator of the realm (manage-clients)",
		SAML: &Guide{
			When:    "Signed by the key of the realm.",
			Mapping: Mapping{Email: "email", GivenName: "firstName", FamilyName: "lastName", Groups: "groups"},
			Steps: []Step{
				{
					ID: "application", Title: "Create the client",
					Do: []string{
						"Open the Admin Console, choose the realm of your people, then **Clients**, and click **Create client**.",
						"As the **Client type**, choose **SAML**. Paste this as the **Client ID**, and click **Next**.",
					},
					Give:  []Give{{"Client ID", EntityID}},
					Wrong: []Trouble{{"Client not found, says Keycloak", "The **Client ID** is not our entity ID letter by letter, or the client is in another realm."}},
				},
				{
					ID: "values", Title: "Give Keycloak our values",
					Lead: "You are on **Login settings**.",
					Do:   []string{"Paste these, and click **Save**."},
					Give: []Give{{"Home URL", StartURL}, {"Valid redirect URIs", ACS}, {"Master SAML Processing URL", ACS}},
					After: []string{
						"On the **Settings** tab, under **SAML capabilities**, set **Name ID format** to `persistent` and switch **Force POST binding** on.",
						"Under **Signature and Encryption**, leave **Sign documents** on and **Signature algorithm** at `RSA_SHA256`. Click **Save**.",
						"On the **Keys** tab, switch **Client signature required** off; or leave it on and give it our certificate by **Import key** with our metadata.",
					},
					Wrong: []Trouble{
						{"Invalid requester", "**Client signature required** is on and Keycloak does not have our certificate."},
						{"Invalid redirect uri", "**Valid redirect URIs** does not hold our ACS address letter by letter."},
					},
				},
				{
					ID: "logout", Title: "Let sign-outs reach us",
					Lead:  "Keycloak then tells us itself when it ends somebody's sign-in, whether they did so or an administrator.",
					Do:    []string{"On the **Advanced** tab, under **Fine grain SAML endpoint configuration**, paste these, and click **Save**."},
					Give:  []Give{{"Logout Service POST Binding URL", SLO}, {"Logout Service Redirect Binding URL", SLO}},
					After: []string{"On the **Settings** tab, under **Logout settings**, switch **Front channel logout** off, and click **Save**."},
					Wrong: []Trouble{
						{"People who sign out there land on an error of ours", "The two addresses are missing: Keycloak then sends people to the **Master SAML Processing URL**, which is for signing in."},
						{"People whom an administrator signs out there stay signed in here", "**Front channel logout** is on, or Keycloak cannot reach our address."},
					},
				},
				{
					ID: "attributes", Title: "Send who people are", Take: TakesMapping,
					Do: []string{
						"Open the **Client scopes** tab and click the scope that ends in **-dedicated**.",
						"Click **Add mapper** → **By configuration** (or **Configure a new mapper**), choose **User Property**, and fill it in for each of these lines.",
					},
					Sends: &Table{Columns: []string{"Property", "SAML Attribute Name"}, Rows: [][]string{
						{"email", "email"}, {"firstName", "firstName"}, {"lastName", "lastName"},
					}},
					After: []string{
						"For groups, add a mapper **Group list** with **Group attribute name** `groups`, **Single Group Attribute** on and **Full group path** off.",
					},
					Hint: "These are the names from the table.",
					Wrong: []Trouble{
						{"The attribute Role has many values", "The scope `role_list` sends every role. It does no harm. Take it off the client under **Client scopes** to stop it."},
						{"The test ends with email_missing", "The person has no **Email** in the realm, or the mapper is missing."},
					},
				},
				{
					ID: "metadata", Title: "Give us Keycloak's metadata", Take: TakesMetadata,
					Do: []string{
						"In **Realm settings**, on the **General** tab, copy the address of **SAML 2.0 Identity Provider Metadata** beside **Endpoints**.",
						"Paste it here as the metadata address.",
					},
					Hint: "It looks like https://keycloak.example.com/realms/{realm}/protocol/saml/descriptor.", Wrong: []Trouble{late},
				},
				domains(), test("Keycloak"),
			},
		},
		OIDC: keycloakOIDC(),
	}
}

func keycloakOIDC() *Guide {
	return &Guide{
		When: "Less to set up: an ID and a secret, or our own key. Keycloak can tell us when people sign out.",
		Steps: []Step{
			{
				ID: "application", Title: "Create the client",
				Do: []string{
					"Open the Admin Console, choose the realm of your people, then **Clients**, and click **Create client**.",
					"As the **Client type**, leave **OpenID Connect**. Enter a **Client ID**, such as `gatehouse`, and click **Next**.",
					"On **Capability config**, switch **Client authentication** on. Leave **Standard flow** ticked and untick **Direct access grants**. Click **Next**.",
				},
			},
			{
				ID: "values", Title: "Give Keycloak our values",
				Lead: "You are on **Login settings**.",
				Do:   []string{"Paste these, and click **Save**."},
				Give: []Give{{"Home URL", StartURL}, {"Valid redirect URIs", Callback}, {"Valid post logout redirect URIs", SignedOut}},
				After: []string{
					"Leave **Web origins** empty.",
					"If we are to use our own key: on the **Credentials** tab set **Client Authenticator** to **Signed JWT**, and on the **Keys** tab switch **Use JWKS URL** on and paste the address of our keys, which stands on this connection's page.",
				},
				Wrong: []Trouble{
					{"Invalid parameter: redirect_uri", "**Valid redirect URIs** does not hold our address letter by letter."},
					{"Invalid redirect uri, when signing out", "**Valid post logout redirect URIs** does not hold our address letter by letter."},
				},
			},
			{
				ID: "logout", Title: "Let sign-outs reach us",
				Lead: "Keycloak can tell us itself when it ends somebody's sign-in; it does either that or sends their browser.",
				Do: []string{
					"On the **Settings** tab, under **Logout settings**, switch **Front channel logout** off.",
					"Paste this, leave **Backchannel logout session required** on, and click **Save**.",
				},
				Give:  []Give{{"Backchannel logout URL", BackChannel}},
				Wrong: []Trouble{{"People who sign out there stay signed in here", "**Front channel logout** is on, or Keycloak cannot reach our address."}},
			},
			{
				ID: "client", Title: "Give us the client", Take: TakesClient,
				Do: []string{
					"The issuer is `https://{your Keycloak}/realms/{realm}`.",
					"The client ID is the **Client ID** that you chose.",
					"On the **Credentials** tab, copy the **Client Secret**.",
				},
				Hint: "Versions before 17 have /auth before /realms.",
				Wrong: []Trouble{
					{"The issuer calls itself otherwise", "Keycloak was started with another **hostname** than you gave. Take the address that its discovery document gives as `issuer`."},
					{"The test ends with token_refused", "The secret is another client's, or **Client authentication** is off."}, late,
				},
			},
			{
				ID: "attributes", Title: "Check who people are", Take: TakesMapping,
				Do: []string{
					"Leave the fields empty: Keycloak sends the standard claims by itself.",
					"For groups: **Client scopes**, the scope that ends in **-dedicated**, **Add mapper** → **By configuration** → **Group Membership**, **Token Claim Name** `groups`, **Full group path** off. Enter `groups` here. Roles of the realm are in `realm_access.roles` if the ID token is to hold them.",
				},
				Hint:  "The subject is Keycloak's own ID of the person, which never changes.",
				Wrong: []Trouble{{"The groups begin with a slash", "**Full group path** is on."}, {"Account is not fully set up", "Keycloak says so to people whose email, first name or last name is missing."}},
			},
			domains(), test("Keycloak"),
		},
	}
}

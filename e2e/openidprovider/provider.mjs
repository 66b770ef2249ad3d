// The certified oidc-provider as an identity provider: its people and clients come in PROVIDER, its own development pages sign them in.
import Provider from 'oidc-provider';

const { issuer, port, clients, people } = JSON.parse(process.env.PROVIDER);

const provider = new Provider(issuer, {
  clients,
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'given_name', 'family_name', 'groups'] },
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  cookies: { keys: ['only for tests'] },
  features: { backchannelLogout: { enabled: true } }, // it asks, beside, whoever signs out whether they mean it
  findAccount: (_, id) => people[id] && { accountId: id, claims: () => ({ sub: id, ...people[id] }) },
  pkce: { methods: ['S256'], required: () => true },
});
for (const failure of ['authorization.error', 'grant.error', 'server_error', 'userinfo.error', 'end_session.error']) {
  provider.on(failure, (context, error) => console.error(failure, error.message, error.error_description, error.error_detail));
}
provider.on('backchannel.error', (context, error) => console.error('backchannel.error', error.message));
provider.listen(port, '127.0.0.1');
